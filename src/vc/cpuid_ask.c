/* SPDX-License-Identifier: MIT */
/* CPUID from the host: its answer is checked, compared with what it said before, and pinned. */
#include <stddef.h>

#include "cpuid_answer.h"
#include "cpuid_lie.h"
#include "exception.h"

static enum sevc_result host_error(struct sevc_session *session, enum sevc_reason reason)
{
    return sevc_refuse(session->report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, reason);
}

/* ---- one exchange ---- */

/* The sizes in leaf 0xD follow from XCR0 and XSS; no other leaf makes the hooks worth a call. */
static enum sevc_result exchange(struct sevc_session *session, const struct sevc_trap *trap,
                                 union sevc_cpuid_answer *answer)
{
    uint32_t leaf = answer->regs.eax;
    uint64_t xcr0 = 0;
    uint64_t xss = 0;
    enum sevc_result result;
    enum sevc_reason lie;

    if (leaf == SEVC_CPUID_LEAF_XSAVE) {
        xcr0 = sevc_os_register(trap, SEVC_OS_XCR0);
        xss = sevc_os_register(trap, SEVC_OS_XSS);
    }
    result = sevc_event_cpuid(session, &answer->regs, xcr0, xss);
    if (result != SEVC_OK) {
        return result;
    }
    lie = sevc_cpuid_lie(leaf, &answer->regs, session->cpu->platform.c_bit);
    return lie == SEVC_REASON_NONE ? SEVC_OK : host_error(session, lie);
}

/* ---- what of it is kept ---- */

/*
 * Only before sealing, when none but its owner can read it (sevc_cpuid_readable()); and what an NMI
 * interrupts may be just this.
 */
static bool may_write(const struct sevc_session *session)
{
    return !sevc_cpuid_sealed(session->cpu->cpuid_table) && !session->nested;
}

/* A CPU has one x2APIC id in all leaves that have it. One that is not implemented has none: zero. */
static bool learn_x2apic_id(struct sevc_cpuid_own *own, uint32_t id)
{
    if (own->x2apic_id == 0) {
        own->x2apic_id = id;
    }
    return id == 0 || id == own->x2apic_id;
}

/* Takes what is this CPU's own from ANSWER, or compares it. False: it was another before. */
static bool learn(struct sevc_session *session, const struct sevc_cpuid_rule *rule,
                  const union sevc_cpuid_answer *answer)
{
    struct sevc_cpuid_own *own = &session->cpu->cpuid_own;
    uint32_t *values = own->values[sevc_cpuid_slot(rule->lacks)];
    bool known = sevc_cpuid_own_known(session->cpu, rule->lacks);
    uint32_t difference = 0;

    if (rule->lacks < SEVC_CPUID_OWN || (!known && session->nested)) {
        return true;
    }
    if (!known && sevc_cpuid_has_x2apic_id(rule) && !learn_x2apic_id(own, answer->regs.edx)) {
        return false;
    }
    for (unsigned reg = 0; reg < 4; reg++) {
        uint32_t bits = answer->reg[reg] & rule->own[reg];

        if (!known) {
            values[reg] = bits;
        }
        difference |= values[reg] ^ bits;
    }
    /* Last: an NMI in between must not find half of it. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (!known) {
        own->known |= 1u << rule->lacks;
    }
    return difference == 0;
}

/*
 * Asks, and compares the answer with what is pinned, or pins it. *ENTRY is NULL if the table has no
 * part in it: the answer is then as good as without one.
 */
static enum sevc_result ask_and_pin(struct sevc_session *session, const struct sevc_trap *trap,
                                    union sevc_cpuid_answer *answer,
                                    const struct sevc_cpuid_entry **entry)
{
    struct sevc_cpuid_table *table = session->cpu->cpuid_table;
    uint32_t leaf = answer->regs.eax;
    uint32_t ecx = answer->regs.ecx;
    enum sevc_result result = exchange(session, trap, answer);

    if (result != SEVC_OK) {
        return result;
    }
    *entry = sevc_cpuid_find(table, leaf, ecx);
    if (*entry != NULL && !sevc_cpuid_same(*entry, answer)) {
        return host_error(session, SEVC_REASON_CHANGED);
    }
    if (*entry == NULL && !may_write(session)) {
        return SEVC_OK;
    }
    if (!learn(session, sevc_cpuid_rule_of(leaf, ecx), answer)) {
        return host_error(session, SEVC_REASON_CHANGED);
    }
    if (*entry == NULL) {
        *entry = sevc_cpuid_remember(table, leaf, ecx, answer);
    }
    return SEVC_OK;
}

/*
 * The sizes of leaf 0xD are computed from the sub-leaves of all features that the host names,
 * enabled now or later: so they all are pinned with the first of them, 64 exits at most. XCR0's
 * features are named in EDX:EAX of sub-leaf 0, those of XSS in EDX:ECX of sub-leaf 1.
 */
static enum sevc_result obtain_features(struct sevc_session *session, const struct sevc_trap *trap)
{
    const struct sevc_cpuid_table *table = session->cpu->cpuid_table;

    for (uint64_t features = 3; features != 0; features &= features - 1) {
        uint32_t subleaf = (uint32_t)__builtin_ctzll(features);
        union sevc_cpuid_answer answer = { { .eax = SEVC_CPUID_LEAF_XSAVE, .ecx = subleaf } };
        const struct sevc_cpuid_entry *entry = sevc_cpuid_find(table, answer.regs.eax, subleaf);
        enum sevc_result result = SEVC_OK;

        if (entry == NULL && table->count < SEVC_CPUID_TABLE_ENTRIES) {
            result = ask_and_pin(session, trap, &answer, &entry);
        }
        if (result != SEVC_OK || entry == NULL) { /* refused; there is no room */
            return result;
        }
        if (subleaf < 2) {
            const uint32_t *named = entry->answer;

            features |= (uint64_t)named[SEVC_CPUID_EDX] << 32;
            features |= named[subleaf == 0 ? SEVC_CPUID_EAX : SEVC_CPUID_ECX] & ~3u;
        }
    }
    return SEVC_OK;
}

/* ---- the whole ---- */

/* Asks, and lets the table judge; what is computed is its view, not the host's. */
enum sevc_result sevc_cpuid_ask(struct sevc_session *session, const struct sevc_trap *trap,
                                union sevc_cpuid_answer *answer)
{
    const struct sevc_cpuid_table *table = session->cpu->cpuid_table;
    const struct sevc_cpuid_entry *entry;
    enum sevc_result result;

    if (table == NULL || !sevc_cpuid_readable(session->cpu)) {
        return exchange(session, trap, answer);
    }
    result = ask_and_pin(session, trap, answer, &entry);
    if (result != SEVC_OK || entry == NULL) {
        return result;
    }
    if (entry->used == SEVC_CPUID_SIZE && may_write(session)) {
        result = obtain_features(session, trap);
    }
    if (result == SEVC_OK) {
        result = sevc_cpuid_compute(table, entry, trap, answer, session->report);
    }
    return result == SEVC_RETRY ? SEVC_OK : result; /* no sub-leaf: the host's own word stands */
}
