/* SPDX-License-Identifier: MIT */
/*
 * Where CPUID answers come from: the CPU's table, or else the host. Shared by the #VC handler and by the
 * explicit calls. A further source (SEV-SNP: the firmware's page) fills a table, and needs nothing here.
 */
#ifndef SEVC_VC_CPUID_ANSWER_H
#define SEVC_VC_CPUID_ANSWER_H

#include <sevc/cpuid.h>
#include <sevc/event.h>

/*
 * The table's answer, without a session and without an exit. In: leaf and sub-leaf in EAX and ECX of
 * *REGS; out: all four. cpu->cpuid_table is not NULL. trap: for sevc_os_register(), NULL in an explicit call.
 *
 * SEVC_OK
 * SEVC_RETRY       the host has to be asked
 * SEVC_FORBIDDEN   NOT_PINNED
 * SEVC_HOST_ERROR  XSAVE_SIZE
 */
enum sevc_result sevc_cpuid_pinned(const struct sevc_cpu *cpu, const struct sevc_trap *trap,
                                   struct sevc_cpuid_regs *regs, struct sevc_report *report);

/*
 * The host's answer, in an open session: checked for lies, compared with the CPU's table if it has one,
 * and remembered by the table's owner. What sevc_event_cpuid() returns, or SEVC_HOST_ERROR with
 * HIDES_SEV, C_BIT, CHANGED, XSAVE_SIZE. One exit, but at most 64 when the owner meets leaf 0xD.
 */
enum sevc_result sevc_cpuid_ask(struct sevc_session *session, const struct sevc_trap *trap,
                                struct sevc_cpuid_regs *regs);

/*
 * Turns the static bits in *REGS, those of leaf LEAF, sub-leaf SUBLEAF, into an answer by adding what
 * is computed. Results as sevc_cpuid_pinned(). (cpuid_pinned.c)
 */
enum sevc_result sevc_cpuid_compute(const struct sevc_cpuid_table *table,
                                    const struct sevc_cpuid_entry *entry,
                                    const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                    struct sevc_report *report);

/* XCR0 (1 where CR4.OSXSAVE is 0) and XSS, in force now or where TRAP was interrupted. */
void sevc_cpuid_xsave_state(const struct sevc_trap *trap, uint64_t *xcr0, uint64_t *xss);

#endif
