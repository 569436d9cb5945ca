/* SPDX-License-Identifier: MIT */
/* CPUID from the host: its answer is checked, compared with what it said before, and pinned. */
#include <stddef.h>

#include "cpuid_answer.h"
#include "cpuid_lie.h"
#include "cpuid_table.h"

static enum sevc_result host_error(struct sevc_session *session, enum sevc_reason reason)
{
    session->report->stage = SEVC_STAGE_REPLY;
    session->report->reason = reason;
    return SEVC_HOST_ERROR;
}

/* ---- one exchange ---- */

/* The sizes in leaf 0xD follow from XCR0 and XSS; no other leaf makes the hooks worth a call. */
static enum sevc_result exchange(struct sevc_session *session, const struct sevc_trap *trap,
                                 struct sevc_cpuid_regs *regs)
{
    uint32_t leaf = regs->eax;
    uint64_t xcr0 = 0;
    uint64_t xss = 0;
    enum sevc_result result;
    enum sevc_reason lie;

    if (leaf == SEVC_CPUID_LEAF_XSAVE) {
        sevc_cpuid_xsave_state(trap, &xcr0, &xss);
    }
    result = sevc_event_cpuid(session, regs, xcr0, xss);
    if (result != SEVC_OK) {
        return result;
    }
    lie = sevc_cpuid_lie(leaf, regs, session->cpu->platform.c_bit);
    return lie == SEVC_REASON_NONE ? SEVC_OK : host_error(session, lie);
}

/* ---- what of it is kept ---- */

/* Only the owner, only before sealing; and what an NMI interrupts may be just this. */
static bool may_write(const struct sevc_session *session)
{
    const struct sevc_cpuid_table *table = session->cpu->cpuid_table;

    return table->owner == session->cpu && !sevc_cpuid_sealed(table) && !session->nested;
}

/* Takes what is this CPU's own from ANSWER, or compares it. False: it was another before. */
static bool learn(struct sevc_session *session, const struct sevc_cpuid_rule *rule,
                  const uint32_t answer[4])
{
    struct sevc_cpuid_own *own = &session->cpu->cpuid_own;
    uint32_t difference = 0;

    if (rule->slot == SEVC_CPUID_NO_SLOT) {
        return true;
    }
    if (sevc_cpuid_own_known(session->cpu, rule->slot)) {
        for (unsigned reg = 0; reg < 4; reg++) {
            difference |= (answer[reg] & rule->own[reg]) ^ own->values[rule->slot - 1][reg];
        }
        return difference == 0;
    }
    if (!session->nested) {
        for (unsigned reg = 0; reg < 4; reg++) {
            own->values[rule->slot - 1][reg] = answer[reg] & rule->own[reg];
        }
        /* Last: an NMI in between must not find half of it. */
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        own->known |= 1u << rule->slot;
    }
    return true;
}

/*
 * Compares ANSWER with what is pinned, or pins it. *ENTRY is NULL if the table has no part in it:
 * the answer is then as good as without one.
 */
static enum sevc_result pin(struct sevc_session *session, uint32_t leaf, uint32_t subleaf,
                            const uint32_t answer[4], const struct sevc_cpuid_entry **entry)
{
    struct sevc_cpuid_table *table = session->cpu->cpuid_table;
    uint8_t rule = sevc_cpuid_rule_of(leaf, subleaf);

    *entry = sevc_cpuid_find(table, leaf, subleaf);
    if (*entry != NULL && !sevc_cpuid_same(*entry, answer)) {
        return host_error(session, SEVC_REASON_CHANGED);
    }
    if (*entry == NULL && !may_write(session)) {
        return SEVC_OK;
    }
    if (!learn(session, &sevc_cpuid_rules[rule], answer)) {
        return host_error(session, SEVC_REASON_CHANGED);
    }
    if (*entry == NULL) {
        *entry = sevc_cpuid_remember(table, leaf, subleaf, answer);
    }
    return SEVC_OK;
}

static void to_array(const struct sevc_cpuid_regs *regs, uint32_t answer[4])
{
    answer[SEVC_CPUID_EAX] = regs->eax;
    answer[SEVC_CPUID_EBX] = regs->ebx;
    answer[SEVC_CPUID_ECX] = regs->ecx;
    answer[SEVC_CPUID_EDX] = regs->edx;
}

/* ---- leaf 0xD ---- */

/* Makes sure that the table has a sub-leaf of leaf 0xD, as far as there is room. */
static enum sevc_result obtain(struct sevc_session *session, const struct sevc_trap *trap,
                               uint32_t subleaf, const struct sevc_cpuid_entry **entry)
{
    struct sevc_cpuid_regs regs = { .eax = SEVC_CPUID_LEAF_XSAVE, .ecx = subleaf };
    enum sevc_result result;
    uint32_t answer[4];

    *entry = sevc_cpuid_find(session->cpu->cpuid_table, SEVC_CPUID_LEAF_XSAVE, subleaf);
    if (*entry != NULL) {
        return SEVC_OK;
    }
    result = exchange(session, trap, &regs);
    if (result != SEVC_OK) {
        return result;
    }
    to_array(&regs, answer);
    return pin(session, SEVC_CPUID_LEAF_XSAVE, subleaf, answer, entry);
}

/*
 * The sizes are computed from the sub-leaves of all features that the host names, enabled now
 * or later: so they all are pinned with the first of them, 64 exits at most.
 */
static enum sevc_result obtain_features(struct sevc_session *session, const struct sevc_trap *trap)
{
    const struct sevc_cpuid_table *table = session->cpu->cpuid_table;
    uint64_t features = 0;

    for (uint32_t subleaf = 0; subleaf < 2; subleaf++) {
        const struct sevc_cpuid_entry *entry;
        enum sevc_result result = obtain(session, trap, subleaf, &entry);

        if (result != SEVC_OK || entry == NULL) {
            return result;
        }
        /* XCR0's features in EDX:EAX of sub-leaf 0, those of XSS in EDX:ECX of sub-leaf 1. */
        features |= (uint64_t)entry->answer[SEVC_CPUID_EDX] << 32 |
                    entry->answer[subleaf == 0 ? SEVC_CPUID_EAX : SEVC_CPUID_ECX];
    }
    for (features &= ~3ull; features != 0; features &= features - 1) {
        const struct sevc_cpuid_entry *entry;
        enum sevc_result result;

        if (table->count == SEVC_CPUID_TABLE_ENTRIES) {
            return SEVC_OK;
        }
        result = obtain(session, trap, (uint32_t)__builtin_ctzll(features), &entry);
        if (result != SEVC_OK) {
            return result;
        }
    }
    return SEVC_OK;
}

/* ---- the whole ---- */

/* REGS has the host's answer; gives it the table's view of what is computed. */
static enum sevc_result compute(struct sevc_session *session, const struct sevc_trap *trap,
                                const struct sevc_cpuid_entry *entry, struct sevc_cpuid_regs *regs)
{
    const struct sevc_cpuid_rule *rule = &sevc_cpuid_rules[entry->rule];
    struct sevc_cpuid_regs computed = *regs;
    enum sevc_result result = SEVC_OK;

    if (entry->leaf == SEVC_CPUID_LEAF_XSAVE && may_write(session)) {
        result = obtain_features(session, trap);
    }
    if (result != SEVC_OK) {
        return result;
    }
    computed.ebx &= ~rule->computed[SEVC_CPUID_EBX];
    computed.ecx &= ~rule->computed[SEVC_CPUID_ECX];
    result = sevc_cpuid_compute(session->cpu->cpuid_table, entry, trap, &computed, session->report);
    if (result == SEVC_OK) {
        *regs = computed;
    }
    return result == SEVC_RETRY ? SEVC_OK : result; /* no sub-leaf: the host's own word stands */
}

/* Asks, and lets the table judge. */
static enum sevc_result ask_and_pin(struct sevc_session *session, const struct sevc_trap *trap,
                                    struct sevc_cpuid_regs *regs)
{
    uint32_t leaf = regs->eax;
    uint32_t subleaf = sevc_cpuid_subleaf(leaf, regs->ecx);
    const struct sevc_cpuid_entry *entry;
    enum sevc_result result = exchange(session, trap, regs);
    uint32_t answer[4];

    if (result != SEVC_OK) {
        return result;
    }
    to_array(regs, answer);
    result = pin(session, leaf, subleaf, answer, &entry);
    if (result != SEVC_OK || entry == NULL || entry->rule == SEVC_CPUID_RULE_STATIC) {
        return result;
    }
    return compute(session, trap, entry, regs);
}

enum sevc_result sevc_cpuid_ask(struct sevc_session *session, const struct sevc_trap *trap,
                                struct sevc_cpuid_regs *regs)
{
    if (session->cpu->cpuid_table == NULL || !sevc_cpuid_readable(session->cpu)) {
        return exchange(session, trap, regs);
    }
    return ask_and_pin(session, trap, regs);
}
