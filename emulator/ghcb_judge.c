/* SPDX-License-Identifier: MIT */
/*
 * The judge of the page protocol: compares a GHCB, as sent, with the row of its event. It looks
 * for all faults, not for the first, but reports one fault under one rule: bytes of a field that
 * is wrongly marked, or wrongly not marked, are not reported as a leak again.
 */
#include "ghcb_internal.h"

#define VALID(field) SEVC_GHCB_VALID_INDEX(SEVC_GHCB_OFF_##field)
#define BUFFER_END   (SEVC_GHCB_OFF_SHARED_BUFFER + SEVC_GHCB_SHARED_BUFFER_BYTES)

/* Whether a field of the event's list is wanted in this very exit. */
struct wanted {
    bool required, allowed;
};

static bool leaf_is(const struct ghcb_call *call, uint32_t leaf)
{
    return (uint32_t)ghcb_field(call, SEVC_GHCB_OFF_RAX) == leaf;
}

static struct wanted field_wanted(const struct ghcb_call *call, const struct nae_field *field)
{
    bool leaf_d = leaf_is(call, 0xD);
    bool d1 = leaf_d && (uint32_t)ghcb_field(call, SEVC_GHCB_OFF_RCX) == 1;

    switch ((enum need)field->need) {
    case NEED_REQUIRED:
        return (struct wanted){ true, true };
    case NEED_OPTIONAL:
        return (struct wanted){ false, true };
    case NEED_LEAF_D:
        return (struct wanted){ leaf_d, leaf_d || ghcb_allowed(call, GHCB_ALLOW_XCR0_ALWAYS) };
    case NEED_LEAF_D1:
        return (struct wanted){ false, d1 && call->s->platform->version >= 2 };
    case NEED_RAX_WITH_IN:
        return (struct wanted){ false, ghcb_allowed(call, GHCB_ALLOW_RAX_WITH_IN) };
    case NEED_ANY_HYPERCALL:
        return (struct wanted){ false, ghcb_allowed(call, GHCB_ALLOW_ALL_HYPERCALL_REGISTERS) };
    }
    return (struct wanted){ false, false };
}

static const struct nae_field *field_at(const struct nae_event *event, unsigned valid_index)
{
    for (unsigned i = 0; i < sizeof(event->in) / sizeof(event->in[0]); i++) {
        if (event->in[i].offset == 0)
            break;
        if (SEVC_GHCB_VALID_INDEX(event->in[i].offset) == valid_index)
            return &event->in[i];
    }
    return NULL;
}

static unsigned field_bits(const struct ghcb_call *call, const struct nae_field *field)
{
    uint32_t size =
        (uint32_t)(ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO1) & SEVC_IOIO_SIZE_MASK) >>
        SEVC_IOIO_SIZE_SHIFT;

    return field->bits == BITS_OF_IOIO ? size * 8 : field->bits;
}

/* The exit code and both infos are needed by every event (GHCB spec 2.03, 2.6). */
static bool always_valid(unsigned index)
{
    return index == VALID(SW_EXITCODE) || index == VALID(SW_EXITINFO1) ||
           index == VALID(SW_EXITINFO2);
}

static bool marked_valid(const struct ghcb_call *call, unsigned index)
{
    return (call->valid[index / 64] >> (index % 64) & 1) != 0;
}

static void judge_always_valid(struct ghcb_call *call)
{
    static const uint16_t always[] = { SEVC_GHCB_OFF_SW_EXITCODE, SEVC_GHCB_OFF_SW_EXITINFO1,
                                       SEVC_GHCB_OFF_SW_EXITINFO2 };

    for (unsigned i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (!ghcb_is_valid(call, always[i]))
            GHCB_BROKE(call, RULE_MISSING_VALID, "%s is not marked valid",
                       nae_field_name(always[i]));
    }
}

static void judge_version(struct ghcb_call *call)
{
    struct ghcb_platform *p = call->s->platform;
    uint16_t version = (uint16_t)(call->s->copy[SEVC_GHCB_OFF_PROTOCOL_VERSION] |
                                  call->s->copy[SEVC_GHCB_OFF_PROTOCOL_VERSION + 1] << 8);

    if (!p->negotiated && !ghcb_allowed(call, GHCB_ALLOW_NO_NEGOTIATION))
        GHCB_BROKE(call, RULE_NOT_NEGOTIATED,
                   "a GHCB page is used before the guest has read the SEV information");
    if (version == 0 && ghcb_allowed(call, GHCB_ALLOW_VERSION_ZERO))
        return;
    if (version < p->version_min || version > p->version_max)
        GHCB_BROKE(call, RULE_VERSION, "PROTOCOL_VERSION is %u, offered are %u to %u", version,
                   p->version_min, p->version_max);
    else if (p->version != 0 && version != p->version)
        GHCB_BROKE(call, RULE_VERSION, "PROTOCOL_VERSION is %u, but was %u before", version,
                   p->version);
    else
        p->version = version;
}

static void judge_usage(struct ghcb_call *call)
{
    uint32_t usage = (uint32_t)(ghcb_field(call, SEVC_GHCB_OFF_USAGE & ~7u) >> 32);

    if (usage != SEVC_GHCB_USAGE_STANDARD)
        GHCB_BROKE(call, RULE_USAGE, "GHCB_USAGE is 0x%x", usage);
}

/* Which event it is. Result: false if nothing else can be judged. */
static bool judge_event(struct ghcb_call *call)
{
    uint64_t code = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITCODE);
    uint64_t info1 = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO1);
    uint64_t info2 = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO2);
    uint16_t version = call->s->platform->version;
    const char *name = ghcb_request_name(false, code);
    bool known;

    call->event = nae_find(code, info1, &known);
    if (!known) {
        GHCB_BROKE(call, RULE_EXIT_CODE, "SW_EXITCODE 0x%lx is no NAE event", code);
        return false;
    }
    if (call->event == NULL) {
        GHCB_BROKE(call, RULE_EXIT_INFO, "%s has no SW_EXITINFO1 0x%lx", name, info1);
        return false;
    }
    if (call->event->snp_only) {
        GHCB_BROKE(call, RULE_SNP_ONLY, "%s is for SNP guests", name);
        return false;
    }
    if (version != 0 && version < call->event->min_version)
        GHCB_BROKE(call, RULE_EVENT_VERSION, "%s needs version %u, the guest speaks %u", name,
                   call->event->min_version, version);
    if ((info1 & ~call->event->info1_mask) != 0)
        GHCB_BROKE(call, RULE_EXIT_INFO, "SW_EXITINFO1 is 0x%lx; %s has 0x%lx at most", info1, name,
                   call->event->info1_mask);
    if ((info2 & ~call->event->info2_mask) != 0)
        GHCB_BROKE(call, RULE_EXIT_INFO, "SW_EXITINFO2 is 0x%lx; %s has 0x%lx at most", info2, name,
                   call->event->info2_mask);
    return true;
}

/* A register may be wider than needed only in its upper part: say how wide it was needed. */
static void judge_width(struct ghcb_call *call, const struct nae_field *field)
{
    unsigned bits = field_bits(call, field);
    uint64_t value = ghcb_field(call, field->offset & ~7u);

    if (field->offset == SEVC_GHCB_OFF_CPL || bits >= 64 || value >> bits == 0 ||
        ghcb_allowed(call, GHCB_ALLOW_WIDE_REGISTERS))
        return;
    GHCB_BROKE(call, RULE_LEAK_WIDTH, "%s is 0x%lx, but %s needs %u bits of it",
               nae_field_name(field->offset), value, call->event->name, bits);
}

static void judge_fields(struct ghcb_call *call)
{
    const struct nae_event *event = call->event;

    for (unsigned i = 0; i < sizeof(event->in) / sizeof(event->in[0]); i++) {
        const struct nae_field *field = &event->in[i];
        if (field->offset == 0)
            break;
        struct wanted wanted = field_wanted(call, field);
        bool marked = ghcb_is_valid(call, field->offset);
        if (wanted.required && !marked)
            GHCB_BROKE(call, RULE_MISSING_VALID, "%s needs %s, which is not marked valid",
                       event->name, nae_field_name(field->offset));
        if (wanted.allowed && marked)
            judge_width(call, field);
    }
}

static void judge_marked(struct ghcb_call *call, unsigned index)
{
    const struct nae_field *field = field_at(call->event, index);

    if (field == NULL || !field_wanted(call, field).allowed)
        GHCB_BROKE(call, RULE_EXTRA_VALID,
                   "%s does not need %s (offset 0x%x), which is marked valid", call->event->name,
                   nae_field_name(index * 8), index * 8);
}

static void judge_extra_valid(struct ghcb_call *call)
{
    for (unsigned i = 0; i < 2; i++) {
        for (uint64_t left = call->valid[i]; left != 0; left &= left - 1) {
            unsigned index = i * 64 + (unsigned)__builtin_ctzll(left);
            if (!always_valid(index))
                judge_marked(call, index);
        }
    }
}

/* SW_SCRATCH and buffer_bytes, which the event's own check has found. */
static void judge_scratch(struct ghcb_call *call)
{
    uint64_t scratch = ghcb_field(call, SEVC_GHCB_OFF_SW_SCRATCH);
    uint64_t first = call->gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
    uint64_t end = call->gpa + BUFFER_END;

    if (call->event->buffer == BUFFER_NONE || !ghcb_is_valid(call, SEVC_GHCB_OFF_SW_SCRATCH))
        return;
    if (scratch < first || scratch >= end || call->buffer_bytes > end - scratch) {
        GHCB_BROKE(call, RULE_SCRATCH, "%u bytes at 0x%lx; the shared buffer is 0x%lx to 0x%lx",
                   call->buffer_bytes, scratch, first, end - 1);
        call->buffer_bytes = 0;
        return;
    }
    call->buffer_offset = (unsigned)(scratch - call->gpa);
}

/* Bytes of the shared buffer. Where the data lie is unknown if that was a fault of its own. */
static bool buffer_byte_needed(const struct ghcb_call *call, unsigned offset)
{
    if (call->event->buffer != BUFFER_SENT)
        return false;
    if (call->buffer_offset == 0 || call->buffer_bytes == 0)
        return true;
    return offset >= call->buffer_offset && offset < call->buffer_offset + call->buffer_bytes;
}

/* May this byte, which is not zero, be so? */
static bool byte_needed(const struct ghcb_call *call, unsigned offset)
{
    unsigned index = offset / 8;
    const struct nae_field *field;

    if (offset >= SEVC_GHCB_OFF_SHARED_BUFFER && offset < BUFFER_END)
        return buffer_byte_needed(call, offset);
    if (offset >= SEVC_GHCB_OFF_VALID_BITMAP)
        return offset < SEVC_GHCB_OFF_X87_STATE_GPA || offset >= SEVC_GHCB_OFF_PROTOCOL_VERSION;
    if (always_valid(index))
        return true;
    field = field_at(call->event, index);
    if (field != NULL && field->offset % 8 != 0)
        return offset == field->offset;
    if (marked_valid(call, index))
        return true;
    return field != NULL && field_wanted(call, field).required;
}

/* Bytes that are not zero and not needed; the first one's offset is noted. */
struct leak {
    unsigned count, first;
};

static void look_for_leak(const struct ghcb_call *call, unsigned part, struct leak *leak)
{
    unsigned start = part * GHCB_PART_BYTES;

    for (unsigned offset = start; offset < start + GHCB_PART_BYTES; offset++) {
        if (call->s->copy[offset] != 0 && !byte_needed(call, offset) && leak->count++ == 0)
            leak->first = offset;
    }
}

static void judge_leak(struct ghcb_call *call)
{
    struct leak leak = { 0, 0 };

    if (ghcb_allowed(call, GHCB_ALLOW_UNSCRUBBED))
        return;
    for (unsigned part = 0; part < GHCB_PARTS; part++) {
        if ((call->used_parts >> part & 1) != 0)
            look_for_leak(call, part, &leak);
    }
    if (leak.count != 0)
        GHCB_BROKE(call, RULE_LEAK,
                   "%u bytes that %s does not need are not zero, the first at offset 0x%x (%s)",
                   leak.count, call->event->name, leak.first,
                   leak.first < SEVC_GHCB_OFF_SHARED_BUFFER ? nae_field_name(leak.first)
                                                            : "shared buffer");
}

void ghcb_judge(struct ghcb_call *call)
{
    judge_usage(call);
    judge_version(call);
    judge_always_valid(call);
    if (!judge_event(call))
        return;
    judge_fields(call);
    judge_extra_valid(call);
    if (call->event->check != NULL)
        call->event->check(call);
    judge_scratch(call);
    judge_leak(call);
}
