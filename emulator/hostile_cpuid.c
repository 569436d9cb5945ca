/* SPDX-License-Identifier: MIT */
/*
 * Lies of CPUID (Radev and Morbitzer, 2020): by which a guest turns its encryption off itself, or
 * takes a wrong bit of its page tables for the one that encrypts. By either protocol.
 */
#include "hostile_internal.h"

#include <sevc/svm.h>

enum cpuid_register { EAX, EBX, ECX, EDX };

static const uint16_t offsets[] = { SEVC_GHCB_OFF_RAX, SEVC_GHCB_OFF_RBX, SEVC_GHCB_OFF_RCX,
                                    SEVC_GHCB_OFF_RDX };

#define LEAF_EXTENDED_MAX 0x80000000u

/* ---- The question, and the place of its answer ---- */

/* Result: false if the request is no CPUID. */
static bool question(const struct hostile_moment *m, uint32_t *leaf)
{
    if (m->kind == HOSTILE_AT_RESPONSE) {
        *leaf = (uint32_t)(m->msr_request >> 32);
        return m->request->code == SEVC_GHCB_MSR_CPUID_REQ;
    }
    *leaf = (uint32_t)hostile_get(m->v->ghcb.copy, SEVC_GHCB_OFF_RAX);
    return m->request->code == SEVC_EXIT_CPUID;
}

/* The MSR protocol asks for one register at a time. */
static bool asks_for(const struct hostile_moment *m, enum cpuid_register reg)
{
    return m->kind == HOSTILE_AT_REPLY || (m->msr_request >> 30 & 3) == reg;
}

static void change(const struct hostile_moment *m, enum cpuid_register reg, uint32_t clear,
                   uint32_t flip)
{
    if (m->kind == HOSTILE_AT_REPLY) {
        uint64_t value = hostile_get(m->page, offsets[reg]);
        hostile_put(m->page, offsets[reg], (value & ~(uint64_t)clear) ^ flip);
    } else {
        uint64_t value = m->v->ghcb.msr;
        m->v->ghcb.msr = (value & ~((uint64_t)clear << 32)) ^ (uint64_t)flip << 32;
    }
}

/* ---- cpuid-hide, cpuid-cbit: by the table ---- */

struct answer {
    uint32_t leaf;
    uint8_t reg;
    uint32_t clear, set;
    uint8_t by_page, by_msr; /* enum hostile_expect */
};

static const struct answer hide[] = {
    { LEAF_EXTENDED_MAX, EAX, ~0u, 0x8000001E, HOSTILE_ERROR, HOSTILE_ERROR },
    { LEAF_EXTENDED_MAX, EAX, ~0u, 0x80000000, HOSTILE_ERROR, HOSTILE_ERROR },
    { LEAF_EXTENDED_MAX, EAX, ~0u, 0, HOSTILE_ERROR, HOSTILE_ERROR },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EAX, SEVC_CPUID_EAX_SEV, 0, HOSTILE_ERROR, HOSTILE_ERROR },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EAX, SEVC_CPUID_EAX_SEV_ES, 0, HOSTILE_ERROR, HOSTILE_ERROR },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EAX, ~0u, 0, HOSTILE_ERROR, HOSTILE_ERROR },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EAX, ~0u, 1, HOSTILE_ERROR, HOSTILE_ERROR }, /* SME only */
};

/* Before a GHCB is there, a guest can know the position only from what its loader has built. */
static const struct answer c_bit[] = {
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 46, HOSTILE_ERROR, HOSTILE_VALUE },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 48, HOSTILE_ERROR, HOSTILE_VALUE },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 51, HOSTILE_ERROR, HOSTILE_VALUE },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 63, HOSTILE_ERROR, HOSTILE_VALUE },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 32, HOSTILE_ERROR, HOSTILE_VALUE },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 31, HOSTILE_ERROR, HOSTILE_ERROR },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 1, HOSTILE_ERROR, HOSTILE_ERROR },
    { SEVC_CPUID_MEMORY_ENCRYPTION, EBX, 0x3F, 0, HOSTILE_ERROR, HOSTILE_ERROR },
};

static bool fits(const struct hostile_moment *m, const struct answer *answer)
{
    uint32_t leaf;

    return question(m, &leaf) && answer->leaf == leaf && asks_for(m, answer->reg);
}

static unsigned table_variants(const struct hostile_moment *m, const struct answer *answers,
                               unsigned count)
{
    unsigned fitting = 0;

    for (unsigned i = 0; i < count; i++)
        fitting += fits(m, &answers[i]);
    return fitting;
}

static enum hostile_expect table_tell(const struct hostile_moment *m, const struct answer *answers,
                                      unsigned variant)
{
    while (!fits(m, answers) || variant-- != 0)
        answers++;
    change(m, answers->reg, answers->clear, answers->set);
    return m->kind == HOSTILE_AT_REPLY ? answers->by_page : answers->by_msr;
}

static unsigned hide_variants(const struct hostile_moment *m)
{
    return table_variants(m, hide, COUNT(hide));
}

static enum hostile_expect hide_tell(const struct hostile_moment *m, unsigned variant)
{
    return table_tell(m, hide, variant);
}

static unsigned c_bit_variants(const struct hostile_moment *m)
{
    return table_variants(m, c_bit, COUNT(c_bit));
}

static enum hostile_expect c_bit_tell(const struct hostile_moment *m, unsigned variant)
{
    return table_tell(m, c_bit, variant);
}

/* ---- cpuid-change: another answer than last time ---- */

static unsigned change_variants(const struct hostile_moment *m)
{
    uint32_t leaf;

    /* The leaves that decide about encryption have modes of their own. */
    return question(m, &leaf) && leaf != LEAF_EXTENDED_MAX && leaf != SEVC_CPUID_MEMORY_ENCRYPTION
               ? 4
               : 0;
}

static enum hostile_expect change_tell(const struct hostile_moment *m, unsigned variant)
{
    unsigned reg = m->kind == HOSTILE_AT_REPLY ? variant : m->msr_request >> 30 & 3;

    change(m, reg, 0, 1u << hostile_random() % 32);
    return HOSTILE_VALUE;
}

/* ---- cpuid-deny: no answer, or an empty one ---- */

static unsigned deny_variants(const struct hostile_moment *m)
{
    uint32_t leaf;

    return question(m, &leaf) ? 3 : 0;
}

static enum hostile_expect deny_tell(const struct hostile_moment *m, unsigned variant)
{
    static const uint64_t refusals[][2] = {
        { SEVC_REPLY_REJECTED, SEVC_REJECT_EVENT },
        { SEVC_REPLY_REJECTED, SEVC_REJECT_INPUT },
    };
    uint32_t leaf = 0;

    (void)question(m, &leaf);
    if (m->kind == HOSTILE_AT_REPLY && variant < COUNT(refusals)) {
        hostile_put(m->page, SEVC_GHCB_OFF_SW_EXITINFO1, refusals[variant][0]);
        hostile_put(m->page, SEVC_GHCB_OFF_SW_EXITINFO2, refusals[variant][1]);
        return HOSTILE_ERROR;
    }
    for (unsigned reg = EAX; reg <= EDX; reg++) {
        if (asks_for(m, reg))
            change(m, reg, ~0u, 0);
    }
    if (m->kind == HOSTILE_AT_RESPONSE)
        return HOSTILE_VALUE; /* of the two leaves an error, if it was EAX that was asked for */
    return leaf == LEAF_EXTENDED_MAX || leaf == SEVC_CPUID_MEMORY_ENCRYPTION ? HOSTILE_ERROR
                                                                             : HOSTILE_VALUE;
}

const struct hostile_mode hostile_cpuid_modes[] = {
    { "cpuid-hide", HOSTILE_AT_REPLY, hide_variants, hide_tell },
    { "cpuid-hide", HOSTILE_AT_RESPONSE, hide_variants, hide_tell },
    { "cpuid-cbit", HOSTILE_AT_REPLY, c_bit_variants, c_bit_tell },
    { "cpuid-cbit", HOSTILE_AT_RESPONSE, c_bit_variants, c_bit_tell },
    { "cpuid-change", HOSTILE_AT_REPLY, change_variants, change_tell },
    { "cpuid-change", HOSTILE_AT_RESPONSE, change_variants, change_tell },
    { "cpuid-deny", HOSTILE_AT_REPLY, deny_variants, deny_tell },
    { "cpuid-deny", HOSTILE_AT_RESPONSE, deny_variants, deny_tell },
};

const unsigned hostile_cpuid_mode_count = COUNT(hostile_cpuid_modes);
