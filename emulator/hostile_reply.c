/* SPDX-License-Identifier: MIT */
/*
 * Lies in the reply of the page protocol: what a host may leave in a GHCB instead of an honest
 * answer (GHCB spec 2.03, 4.1 and table 5).
 */
#include "hostile_internal.h"

#include <sevc/svm.h>

#include "libc.h"

/* Registers that an event can return. */
static const uint16_t registers[] = {
    SEVC_GHCB_OFF_RAX,     SEVC_GHCB_OFF_RCX,     SEVC_GHCB_OFF_RDX,     SEVC_GHCB_OFF_RBX,
    SEVC_GHCB_OFF_RBP,     SEVC_GHCB_OFF_RSI,     SEVC_GHCB_OFF_RDI,     SEVC_GHCB_OFF_R8,
    SEVC_GHCB_OFF_R8 + 8,  SEVC_GHCB_OFF_R8 + 16, SEVC_GHCB_OFF_R8 + 24, SEVC_GHCB_OFF_R8 + 32,
    SEVC_GHCB_OFF_R8 + 40, SEVC_GHCB_OFF_R8 + 48, SEVC_GHCB_OFF_R15,     SEVC_GHCB_OFF_DR7,
};

static unsigned outputs(const struct hostile_moment *m)
{
    unsigned count = 0;

    for (unsigned i = 0; i < COUNT(registers); i++)
        count += hostile_is_valid(m->page, registers[i]);
    return count;
}

static unsigned always_one(const struct hostile_moment *m)
{
    (void)m;
    return 1;
}

static void put_infos(uint8_t *page, uint64_t info1, uint64_t info2)
{
    hostile_put(page, SEVC_GHCB_OFF_SW_EXITINFO1, info1);
    hostile_put(page, SEVC_GHCB_OFF_SW_EXITINFO2, info2);
}

/* ---- reply-valid: an output that is not marked ---- */

static unsigned valid_variants(const struct hostile_moment *m)
{
    unsigned count = outputs(m);

    return count == 0 ? 0 : count + 1;
}

/* The last variant takes all of them away. */
static enum hostile_expect valid_tell(const struct hostile_moment *m, unsigned variant)
{
    unsigned count = outputs(m), at = 0;

    for (unsigned i = 0; i < COUNT(registers); i++) {
        if (!hostile_is_valid(m->page, registers[i]))
            continue;
        if (variant == count || variant == at)
            hostile_mark(m->page, registers[i], false);
        at++;
    }
    /* Sources disagree on where DR7 is returned; a guest needs one of the two only. */
    return m->request->code == SEVC_EXIT_READ_DR7 ? HOSTILE_EITHER : HOSTILE_ERROR;
}

/* ---- reply-info1: SW_EXITINFO1 ---- */

static const struct {
    uint64_t info1, info2;
    enum hostile_expect expect;
} infos[] = {
    { 2, 1, HOSTILE_ERROR }, /* the host's refusals, by their reasons */
    { 2, 2, HOSTILE_ERROR },
    { 2, 3, HOSTILE_ERROR },
    { 2, 4, HOSTILE_ERROR },
    { 2, 5, HOSTILE_ERROR },
    { 2, 6, HOSTILE_ERROR },
    { 2, 0, HOSTILE_ERROR },
    { 2, ~0ull, HOSTILE_ERROR },
    { 3, 0, HOSTILE_ERROR }, /* what the protocol does not define */
    { 4, 0, HOSTILE_ERROR },
    { 0x80000000, 0, HOSTILE_ERROR },
    { 0xFFFFFFFF, 0, HOSTILE_ERROR },
    { ~0ull, ~0ull, HOSTILE_ERROR },
    { 1, 0, HOSTILE_ERROR },             /* an exception, but which? */
    { 0x100000002, 1, HOSTILE_ERROR },   /* the low half counts */
    { 0x100000000, 0, HOSTILE_SUCCESS }, /* and it only: the high half is the event's */
    { 0xFFFFFFFF00000000, 0, HOSTILE_SUCCESS },
};

static unsigned info_variants(const struct hostile_moment *m)
{
    (void)m;
    return COUNT(infos);
}

static enum hostile_expect info_tell(const struct hostile_moment *m, unsigned variant)
{
    uint64_t honest = hostile_get(m->page, SEVC_GHCB_OFF_SW_EXITINFO1);

    if (infos[variant].expect == HOSTILE_SUCCESS)
        hostile_put(m->page, SEVC_GHCB_OFF_SW_EXITINFO1, honest | infos[variant].info1);
    else
        put_infos(m->page, infos[variant].info1, infos[variant].info2);
    return infos[variant].expect;
}

/* ---- reply-exception: an exception that no guest agreed to ---- */

#define TYPE(number) ((uint64_t)(number) << 8)
#define ERROR_CODE   ((uint64_t)SEVC_EVENTINJ_ERROR_CODE_VALID)
#define VALID        ((uint64_t)SEVC_EVENTINJ_VALID)
#define FAULT        (VALID | TYPE(3))
#define GP           (FAULT | ERROR_CODE | 13)
#define UD           (FAULT | 6)

static const struct {
    uint64_t info2;
    enum hostile_expect expect;
} exceptions[] = {
    { GP, HOSTILE_EXCEPTION },
    { UD, HOSTILE_EXCEPTION },
    { GP | 0x18ull << 32, HOSTILE_EXCEPTION },
    { GP & ~ERROR_CODE, HOSTILE_ERROR }, /* the frame would lack a word */
    { UD | ERROR_CODE, HOSTILE_ERROR },  /* or have one too many */
    { UD | 1ull << 32, HOSTILE_ERROR },
    { GP & ~VALID, HOSTILE_ERROR },
    { UD & ~VALID, HOSTILE_ERROR },
    { (GP & ~TYPE(7)) | TYPE(0), HOSTILE_ERROR }, /* an interrupt, reserved, an NMI, INT n, ... */
    { (GP & ~TYPE(7)) | TYPE(1), HOSTILE_ERROR },
    { (GP & ~TYPE(7)) | TYPE(2), HOSTILE_ERROR },
    { (GP & ~TYPE(7)) | TYPE(4), HOSTILE_ERROR },
    { (GP & ~TYPE(7)) | TYPE(5), HOSTILE_ERROR },
    { (GP & ~TYPE(7)) | TYPE(6), HOSTILE_ERROR },
    { (GP & ~TYPE(7)) | TYPE(7), HOSTILE_ERROR },
    { (UD & ~TYPE(7)) | TYPE(0), HOSTILE_ERROR },
    { (UD & ~TYPE(7)) | TYPE(2), HOSTILE_ERROR },
    { (UD & ~TYPE(7)) | TYPE(4), HOSTILE_ERROR },
};

/* After these come all vectors, twice, and the reserved bits. */
#define VECTORS        32
#define FIRST_RESERVED 12
#define RESERVED       (31 - FIRST_RESERVED)

static unsigned exception_variants(const struct hostile_moment *m)
{
    (void)m;
    return COUNT(exceptions) + 2 * VECTORS + RESERVED;
}

static enum hostile_expect exception_tell(const struct hostile_moment *m, unsigned variant)
{
    unsigned at = variant;

    if (at < COUNT(exceptions)) {
        put_infos(m->page, SEVC_REPLY_EXCEPTION, exceptions[at].info2);
        return exceptions[at].expect;
    }
    at -= COUNT(exceptions);
    if (at >= 2 * VECTORS) {
        put_infos(m->page, SEVC_REPLY_EXCEPTION, GP | 1ull << (FIRST_RESERVED + at - 2 * VECTORS));
        return HOSTILE_ERROR;
    }
    unsigned vector = at / 2;
    uint64_t error_code = at % 2 != 0 ? ERROR_CODE : 0;
    put_infos(m->page, SEVC_REPLY_EXCEPTION, FAULT | vector | error_code);
    return vector == (error_code != 0 ? VECTOR_GP : VECTOR_UD) ? HOSTILE_EXCEPTION : HOSTILE_ERROR;
}

/* ---- reply-stale: the page as the guest has sent it ---- */

static enum hostile_expect stale_tell(const struct hostile_moment *m, unsigned variant)
{
    (void)variant;
    memcpy(m->page, m->v->ghcb.copy, SEVC_GHCB_SIZE);
    /* A request whose SW_EXITINFO1 is 0 and whose outputs are marked reads as an answer. */
    return HOSTILE_VALUE;
}

/* ---- reply-registers: more bits, or more registers, than the event returns ---- */

static unsigned output_bits(const struct ghcb_request *request)
{
    switch (request->code) {
    case SEVC_EXIT_IOIO:
        return 8 * (unsigned)((request->info1 & SEVC_IOIO_SIZE_MASK) >> SEVC_IOIO_SIZE_SHIFT);
    case SEVC_EXIT_VMMCALL:
        return 64;
    default:
        return 32;
    }
}

static unsigned register_variants(const struct hostile_moment *m)
{
    (void)m;
    return 3;
}

static enum hostile_expect register_tell(const struct hostile_moment *m, unsigned variant)
{
    unsigned bits = output_bits(m->request);
    uint64_t dirt = bits == 64 ? 0 : 0xDEADBEEFDEADBEEF << bits;

    for (unsigned i = 0; i < COUNT(registers); i++) {
        bool output = hostile_is_valid(m->page, registers[i]);
        if (output && variant != 0) {
            hostile_put(m->page, registers[i], hostile_get(m->page, registers[i]) | dirt);
        } else if (!output && variant != 1) {
            hostile_put(m->page, registers[i], 0xBAD0BAD0BAD0BAD0 + i);
            hostile_mark(m->page, registers[i], true);
        }
    }
    return HOSTILE_SUCCESS;
}

/* ---- reply-other: the answer to another event ---- */

/* The last answer to each of the first few events, without the shared buffer. */
static struct {
    uint64_t code;
    uint8_t page[SEVC_GHCB_OFF_SHARED_BUFFER];
} others[8];
static unsigned other_count;

void hostile_remember_reply(const struct hostile_moment *m)
{
    unsigned i = 0;

    while (i < other_count && others[i].code != m->request->code)
        i++;
    if (i == COUNT(others))
        return;
    others[i].code = m->request->code;
    memcpy(others[i].page, m->page, sizeof(others[i].page));
    if (i == other_count)
        other_count++;
}

static unsigned other_variants(const struct hostile_moment *m)
{
    unsigned count = 0;

    for (unsigned i = 0; i < other_count; i++)
        count += others[i].code != m->request->code;
    return count;
}

static enum hostile_expect other_tell(const struct hostile_moment *m, unsigned variant)
{
    unsigned i = 0;

    while (others[i].code == m->request->code || variant-- != 0)
        i++;
    memcpy(m->page, others[i].page, sizeof(others[i].page));
    return HOSTILE_VALUE;
}

/* ---- reply-beyond: shared buffer behind the data ---- */

/* A refused request, too, names its data: in numbers that may have been the reason. */
static enum hostile_expect beyond_tell(const struct hostile_moment *m, unsigned variant)
{
    struct hostile_data data = hostile_data_of(m->v->ghcb.copy, m->v->ghcb.msr);
    unsigned end = SEVC_GHCB_OFF_SHARED_BUFFER + SEVC_GHCB_SHARED_BUFFER_BYTES;
    unsigned first = data.sent ? SEVC_GHCB_OFF_SHARED_BUFFER : data.offset + data.bytes;

    (void)variant;
    memset(m->page + first, 0xEE, end - first);
    return HOSTILE_SUCCESS;
}

/* ---- reply-overwrite: bytes of the page that are no part of an answer ---- */

static const struct {
    uint16_t offset, bytes;
    uint8_t fill;
} overwrites[] = {
    { SEVC_GHCB_OFF_PROTOCOL_VERSION, 2, 0xFF },
    { SEVC_GHCB_OFF_PROTOCOL_VERSION, 2, 0x00 },
    { SEVC_GHCB_OFF_USAGE, 4, 0xFF },
    { SEVC_GHCB_OFF_VALID_BITMAP, SEVC_GHCB_VALID_BITMAP_BYTES, 0xFF },
    { SEVC_GHCB_OFF_SW_EXITCODE, 8, 0xFF },
    { SEVC_GHCB_OFF_SW_EXITCODE, 8, 0x00 },
    { SEVC_GHCB_OFF_SW_SCRATCH, 8, 0xFF },
    { SEVC_GHCB_OFF_CPL, 1, 0x03 },
    { SEVC_GHCB_OFF_XCR0, 8, 0xFF },
    { SEVC_GHCB_OFF_XSS, 8, 0xFF },
    { SEVC_GHCB_OFF_X87_STATE_GPA, 8, 0xFF },
    { 0x000, SEVC_GHCB_OFF_CPL, 0xDD }, /* reserved */
    { 0x200, 0x308 - 0x200, 0xDD },
    { 0x320, 8, 0xDD },
    { 0x408, 0x800 - 0x408, 0xDD },
    { 0xFF0, 10, 0xDD },
};

static unsigned overwrite_variants(const struct hostile_moment *m)
{
    (void)m;
    return COUNT(overwrites) + 1;
}

/* The last variant overwrites everything. */
static enum hostile_expect overwrite_tell(const struct hostile_moment *m, unsigned variant)
{
    for (unsigned i = 0; i < COUNT(overwrites); i++) {
        if (variant == i || variant == COUNT(overwrites))
            memset(m->page + overwrites[i].offset, overwrites[i].fill, overwrites[i].bytes);
    }
    return HOSTILE_SUCCESS;
}

/* ---- reply-random: bits of what says whether there is an answer ---- */

static unsigned random_variants(const struct hostile_moment *m)
{
    (void)m;
    return 32;
}

static enum hostile_expect random_tell(const struct hostile_moment *m, unsigned variant)
{
    static const uint16_t fields[] = {
        SEVC_GHCB_OFF_SW_EXITINFO1, SEVC_GHCB_OFF_SW_EXITINFO1,     SEVC_GHCB_OFF_SW_EXITINFO2,
        SEVC_GHCB_OFF_VALID_BITMAP, SEVC_GHCB_OFF_VALID_BITMAP + 8, SEVC_GHCB_OFF_SW_EXITCODE,
    };

    for (unsigned i = 0; i <= variant % 3; i++) {
        unsigned offset = fields[hostile_random() % COUNT(fields)];
        uint64_t flip = 1ull << hostile_random() % 64;
        if (hostile_random() % 4 == 0)
            flip = hostile_random();
        hostile_put(m->page, offset, hostile_get(m->page, offset) ^ flip);
    }
    return HOSTILE_EITHER;
}

const struct hostile_mode hostile_reply_modes[] = {
    { "reply-valid", HOSTILE_AT_REPLY, valid_variants, valid_tell },
    { "reply-info1", HOSTILE_AT_REPLY, info_variants, info_tell },
    { "reply-exception", HOSTILE_AT_REPLY, exception_variants, exception_tell },
    { "reply-stale", HOSTILE_AT_REPLY, always_one, stale_tell },
    { "reply-registers", HOSTILE_AT_REPLY, register_variants, register_tell },
    { "reply-other", HOSTILE_AT_REPLY, other_variants, other_tell },
    { "reply-beyond", HOSTILE_AT_REPLY, always_one, beyond_tell },
    { "reply-overwrite", HOSTILE_AT_REPLY, overwrite_variants, overwrite_tell },
    { "reply-random", HOSTILE_AT_REPLY, random_variants, random_tell },
};

const unsigned hostile_reply_mode_count = COUNT(hostile_reply_modes);
