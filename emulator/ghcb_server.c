/* SPDX-License-Identifier: MIT */
/* One VMGEXIT from end to end: take a copy, let it be judged, serve it, write the answer. */
#include "ghcb_internal.h"

/* The page is read through this type: quadwords, each exactly once. */
typedef uint64_t __attribute__((may_alias)) page_qword;

void ghcb_platform_init(struct ghcb_platform *platform, uint8_t c_bit)
{
    *platform = (struct ghcb_platform){
        .version_min = SEVC_GHCB_VERSION_MIN,
        .version_max = SEVC_GHCB_VERSION_MAX,
        .c_bit = c_bit,
    };
}

uint64_t ghcb_field(const struct ghcb_call *call, unsigned offset)
{
    uint64_t value;

    __builtin_memcpy(&value, &call->s->copy[offset], sizeof(value));
    return value;
}

bool ghcb_is_valid(const struct ghcb_call *call, unsigned offset)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    return (call->valid[index / 64] >> (index % 64) & 1) != 0;
}

bool ghcb_server_wants_page(const struct ghcb_server *s, uint64_t *gpa)
{
    if ((s->msr & SEVC_GHCB_MSR_INFO_MASK) != SEVC_GHCB_MSR_GPA)
        return false;
    *gpa = s->msr;
    return true;
}

/*
 * Another processor of the guest may write to the page meanwhile: what counts is this copy. It is
 * the longest loop of a VMGEXIT, and most of a page is zero: the judge need not look there again.
 */
static void take_copy(struct ghcb_call *call)
{
    const volatile page_qword *from = (const volatile page_qword *)call->page;
    page_qword *to = (page_qword *)call->s->copy;

    for (unsigned part = 0; part < GHCB_PARTS; part++) {
        uint64_t any = 0;
#pragma GCC unroll 8
        for (unsigned q = 0; q < GHCB_PART_BYTES / 8; q++) {
            uint64_t value = *from++;
            *to++ = value;
            any |= value;
        }
        call->used_parts |= (uint32_t)(any != 0) << part;
    }
    call->valid[0] = ghcb_field(call, SEVC_GHCB_OFF_VALID_BITMAP);
    call->valid[1] = ghcb_field(call, SEVC_GHCB_OFF_VALID_BITMAP + 8);
}

/* A field of the answer, and its bit in a bitmap of our own: the page is written, never read. */
static void put_field(uint8_t *page, uint8_t *bitmap, unsigned offset, uint64_t value)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    __builtin_memcpy(page + offset, &value, sizeof(value));
    bitmap[index / 8] |= (uint8_t)(1u << (index % 8));
}

/* Marks nothing but what is answered: KVM marks more, so that no guest should rely on less. */
static void write_reply(struct ghcb_call *call)
{
    static const uint16_t offsets[OUT_COUNT] = {
        [OUT_RAX] = SEVC_GHCB_OFF_RAX, [OUT_RBX] = SEVC_GHCB_OFF_RBX, [OUT_RCX] = SEVC_GHCB_OFF_RCX,
        [OUT_RDX] = SEVC_GHCB_OFF_RDX, [OUT_DR7] = SEVC_GHCB_OFF_DR7,
    };
    bool success = call->reply_info1 == SEVC_REPLY_OK && call->event != NULL;
    uint8_t bitmap[SEVC_GHCB_VALID_BITMAP_BYTES] = { 0 };

    for (unsigned i = 0; success && i < OUT_COUNT; i++) {
        if ((call->event->out >> i & 1) != 0)
            put_field(call->page, bitmap, offsets[i], call->out[i]);
    }
    put_field(call->page, bitmap, SEVC_GHCB_OFF_SW_EXITINFO1, call->reply_info1);
    put_field(call->page, bitmap, SEVC_GHCB_OFF_SW_EXITINFO2, call->reply_info2);
    __builtin_memcpy(call->page + SEVC_GHCB_OFF_VALID_BITMAP, bitmap, sizeof(bitmap));
}

/* The strict host serves no broken request; the lenient one those that KVM would serve. */
static bool refuse(struct ghcb_call *call)
{
    bool strict = !call->s->platform->keep_going;

    if (call->broken == 0 || (call->reject == 0 && !strict))
        return false;
    call->reply_info1 = SEVC_REPLY_REJECTED;
    call->reply_info2 = call->reject != 0 ? call->reject : SEVC_REJECT_INPUT;
    return true;
}

static void serve_page_protocol(struct ghcb_call *call)
{
    struct ghcb_request *request = &call->s->request;

    if (call->page == NULL || ghcb_bad_gpa(call, call->gpa, SEVC_GHCB_SIZE)) {
        GHCB_BROKE(call, RULE_GHCB_GPA, "the GHCB MSR is 0x%lx: no shared page of the guest",
                   call->gpa);
        call->outcome = GHCB_VIOLATION; /* there is no place for an answer */
        return;
    }
    take_copy(call);
    request->code = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITCODE);
    request->info1 = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO1);
    request->info2 = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO2);
    request->name = ghcb_request_name(false, request->code);
    ghcb_judge(call);
    if (!refuse(call) && call->event != NULL && call->event->serve != NULL)
        call->event->serve(call);
    write_reply(call);
}

enum ghcb_outcome ghcb_server_vmgexit(struct ghcb_server *s, uint8_t *page,
                                      const struct vcpu_where *where)
{
    struct ghcb_call call = { .s = s, .where = where, .page = page, .outcome = GHCB_RESUME };

    s->request = (struct ghcb_request){ .name = "GHCB page" };
    if (ghcb_server_wants_page(s, &call.gpa)) {
        serve_page_protocol(&call);
    } else {
        s->request.msr_protocol = true;
        s->request.code = s->msr & SEVC_GHCB_MSR_INFO_MASK;
        s->request.name = ghcb_request_name(true, s->request.code);
        ghcb_serve_msr_protocol(&call);
    }
    if (call.broken != 0 && !s->platform->keep_going)
        return GHCB_VIOLATION;
    return call.outcome;
}

void ghcb_server_wake(struct ghcb_server *s, uint8_t *page)
{
    static const uint64_t by_init_sipi = 1;

    if (page == NULL)
        s->msr = by_init_sipi << 12 | SEVC_GHCB_MSR_AP_RESET_HOLD_RESP;
    else /* marked valid already, by the answer to the hold */
        __builtin_memcpy(page + SEVC_GHCB_OFF_SW_EXITINFO2, &by_init_sipi, sizeof(by_init_sipi));
}
