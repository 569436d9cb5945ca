/* SPDX-License-Identifier: MIT */
/*
 * Where CPUID answers come from: the CPU's table, or else the host. Shared by the #VC handler and by the
 * explicit calls. A further source (SEV-SNP: the firmware's page) fills a table, and needs nothing here.
 */
#ifndef SEVC_VC_CPUID_ANSWER_H
#define SEVC_VC_CPUID_ANSWER_H

#include <sevc/cpuid.h>
#include <sevc/event.h>
#include <sevc/os.h>

#include "cpuid_table.h"

/*
 * The host's answer, in an open session: checked for lies, compared with the CPU's table if it has one,
 * and remembered by the table's owner. What sevc_event_cpuid() returns, or SEVC_HOST_ERROR with
 * HIDES_SEV, C_BIT, CHANGED, XSAVE_SIZE. One exit, but at most 64 when the owner meets leaf 0xD.
 */
enum sevc_result sevc_cpuid_ask(struct sevc_session *session, const struct sevc_trap *trap,
                                struct sevc_cpuid_regs *regs);

/* XCR0 (1 where CR4.OSXSAVE is 0) and XSS, in force now or where TRAP was interrupted. */
void sevc_cpuid_xsave_state(const struct sevc_trap *trap, uint64_t *xcr0, uint64_t *xss);

/*
 * The size in EBX that belongs to ENTRY, sub-leaf 0 or 1 of leaf 0xD, now. SEVC_OK; SEVC_RETRY,
 * SEVC_FORBIDDEN, SEVC_HOST_ERROR as sevc_cpuid_pinned(). (cpuid_xsave.c)
 */
enum sevc_result sevc_cpuid_xsave_now(const struct sevc_cpuid_table *table,
                                      const struct sevc_cpuid_entry *entry,
                                      const struct sevc_trap *trap, uint32_t *bytes,
                                      struct sevc_report *report);

/* Not in the table: SEVC_RETRY, ask the host; or SEVC_FORBIDDEN, NOT_PINNED. (cpuid_xsave.c) */
enum sevc_result sevc_cpuid_missing(const struct sevc_cpuid_table *table,
                                    struct sevc_report *report);

/* Puts into *REGS what is not in the table but computed. Results as sevc_cpuid_pinned(). */
static inline enum sevc_result sevc_cpuid_compute(const struct sevc_cpuid_table *table,
                                                  const struct sevc_cpuid_entry *entry,
                                                  const struct sevc_trap *trap,
                                                  struct sevc_cpuid_regs *regs,
                                                  struct sevc_report *report)
{
    if (entry->ecx_bit != 0) {
        uint64_t cr4 = sevc_os_register(trap, SEVC_OS_CR4);

        regs->ecx |= (uint32_t)(cr4 >> entry->cr4_bit & 1) << entry->ecx_bit;
    } else if (entry->leaf == SEVC_CPUID_LEAF_XSAVE) {
        return sevc_cpuid_xsave_now(table, entry, trap, &regs->ebx, report);
    }
    return SEVC_OK;
}

/*
 * The table's answer, without a session and without an exit. In: leaf and sub-leaf in EAX and ECX of
 * *REGS; out: all four, meaningful with SEVC_OK only. cpu->cpuid_table is not NULL. trap: for
 * sevc_os_register(), NULL in an explicit call. Inline: each call on this path would count.
 *
 * SEVC_OK
 * SEVC_RETRY       the host has to be asked
 * SEVC_FORBIDDEN   NOT_PINNED
 * SEVC_HOST_ERROR  XSAVE_SIZE
 */
static inline enum sevc_result sevc_cpuid_pinned(const struct sevc_cpu *cpu,
                                                 const struct sevc_trap *trap,
                                                 struct sevc_cpuid_regs *regs,
                                                 struct sevc_report *report)
{
    const struct sevc_cpuid_table *table = cpu->cpuid_table;
    const struct sevc_cpuid_entry *entry;

    if (!sevc_cpuid_readable(cpu)) {
        return SEVC_RETRY;
    }
    entry = sevc_cpuid_find(table, regs->eax, sevc_cpuid_subleaf(regs->eax, regs->ecx));
    if (entry == NULL) {
        return sevc_cpuid_missing(table, report);
    }
    regs->eax = entry->answer[SEVC_CPUID_EAX];
    regs->ebx = entry->answer[SEVC_CPUID_EBX];
    regs->ecx = entry->answer[SEVC_CPUID_ECX];
    regs->edx = entry->answer[SEVC_CPUID_EDX];
    if (entry->rule == SEVC_CPUID_RULE_STATIC) {
        return SEVC_OK;
    }
    if (entry->slot != SEVC_CPUID_NO_SLOT) {
        const uint32_t *own = sevc_cpuid_own_values(cpu, entry->slot);

        if (!sevc_cpuid_own_known(cpu, entry->slot)) {
            return SEVC_RETRY; /* what is this CPU's own has not been learnt yet */
        }
        regs->eax |= own[SEVC_CPUID_EAX];
        regs->ebx |= own[SEVC_CPUID_EBX];
        regs->ecx |= own[SEVC_CPUID_ECX];
        regs->edx |= own[SEVC_CPUID_EDX];
    }
    return sevc_cpuid_compute(table, entry, trap, regs, report);
}

#endif
