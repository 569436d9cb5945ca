/* SPDX-License-Identifier: MIT */
/* Lies in the MSR protocol's responses, version negotiation, and a termination that is refused. */
#include "hostile_internal.h"

#include <sevc/svm.h>

/* ---- msr-response ---- */

/* Bits of each response that have no meaning (GHCB spec 2.03, 2.3.1). */
static const struct {
    uint16_t request;
    uint8_t first, last;
} reserved[] = {
    { SEVC_GHCB_MSR_SEV_INFO_REQ, 12, 23 },
    { SEVC_GHCB_MSR_CPUID_REQ, 12, 29 },
};

/* What may stand in the MSR instead of a response. */
static const uint64_t instead[] = {
    0,      /* a GHCB at address 0 */
    0x1000, /* or elsewhere */
    ~0ull,  /* all ones */
    0xFFF,  /* a hypervisor's own code */
    0x1FF,  /* no code at all */
    SEVC_GHCB_MSR_TERMINATE_REQ,
};

#define FIXED           (COUNT(instead) + 1)
#define INFO_BITS       12
#define OTHER_REGISTERS 3

static unsigned reserved_row(const struct hostile_moment *m)
{
    unsigned row = 0;

    while (row < COUNT(reserved) && reserved[row].request != m->request->code)
        row++;
    return row;
}

static unsigned reserved_bits(const struct hostile_moment *m)
{
    unsigned row = reserved_row(m);

    return row < COUNT(reserved) ? reserved[row].last - reserved[row].first + 1u : 0;
}

static unsigned response_variants(const struct hostile_moment *m)
{
    unsigned variants = FIXED + INFO_BITS + reserved_bits(m);

    return m->request->code == SEVC_GHCB_MSR_CPUID_REQ ? variants + OTHER_REGISTERS : variants;
}

static uint64_t false_response(const struct hostile_moment *m, unsigned variant)
{
    uint64_t honest = m->v->ghcb.msr;

    if (variant < COUNT(instead))
        return instead[variant];
    if (variant < FIXED)
        return m->msr_request; /* untouched */
    variant -= FIXED;
    if (variant < INFO_BITS)
        return honest ^ 1ull << variant;
    variant -= INFO_BITS;
    if (variant < reserved_bits(m))
        return honest ^ 1ull << (reserved[reserved_row(m)].first + variant);
    return honest ^ (uint64_t)(variant - reserved_bits(m) + 1) << 30; /* another register */
}

static enum hostile_expect response_tell(const struct hostile_moment *m, unsigned variant)
{
    m->v->ghcb.msr = false_response(m, variant);
    return HOSTILE_ERROR;
}

/* ---- version ---- */

static const struct {
    uint16_t max, min;
    uint8_t c_bit;
    enum hostile_expect expect;
} informations[] = {
    { 0, 0, 47, HOSTILE_ERROR }, /* no version in common */
    { 5, 3, 47, HOSTILE_ERROR },
    { 0xFFFF, 0xFFFF, 47, HOSTILE_ERROR },
    { 1, 2, 47, HOSTILE_ERROR }, /* an empty range */
    { 0, 0xFFFF, 47, HOSTILE_ERROR },
    { 2, 1, 31, HOSTILE_ERROR }, /* no such C-bit */
    { 2, 1, 0, HOSTILE_ERROR },
    { 2, 1, 64, HOSTILE_ERROR },
    { 2, 1, 255, HOSTILE_ERROR },
    { 2, 1, 46, HOSTILE_VALUE }, /* another one: to be compared with what CPUID says */
    { 2, 1, 51, HOSTILE_VALUE },
    { 0xFFFF, 1, 47, HOSTILE_SUCCESS }, /* nothing wrong with these */
    { 2, 0, 47, HOSTILE_SUCCESS },
};

static unsigned version_variants(const struct hostile_moment *m)
{
    bool unasked = m->kind == HOSTILE_AT_UNASKED;

    return unasked || m->request->code == SEVC_GHCB_MSR_SEV_INFO_REQ ? COUNT(informations) : 0;
}

static enum hostile_expect version_tell(const struct hostile_moment *m, unsigned variant)
{
    m->v->ghcb.msr = (uint64_t)informations[variant].max << 48 |
                     (uint64_t)informations[variant].min << 32 |
                     (uint64_t)informations[variant].c_bit << 24 | SEVC_GHCB_MSR_SEV_INFO_RESP;
    return informations[variant].expect;
}

/* ---- terminate ---- */

/* hostile.c resumes the guest, and counts; here is only what it is called. */
static unsigned terminate_variants(const struct hostile_moment *m)
{
    (void)m;
    return 1;
}

static enum hostile_expect terminate_tell(const struct hostile_moment *m, unsigned variant)
{
    (void)m;
    (void)variant;
    return HOSTILE_ERROR;
}

const struct hostile_mode hostile_response_modes[] = {
    { "msr-response", HOSTILE_AT_RESPONSE, response_variants, response_tell },
    { "version", HOSTILE_AT_RESPONSE, version_variants, version_tell },
    { "version", HOSTILE_AT_UNASKED, version_variants, version_tell },
    { "terminate", HOSTILE_AT_TERMINATION, terminate_variants, terminate_tell },
};

const unsigned hostile_response_mode_count = COUNT(hostile_response_modes);
