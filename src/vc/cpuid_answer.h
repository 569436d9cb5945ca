/* SPDX-License-Identifier: MIT */
/*
 * Where CPUID answers come from: the CPU's table, or else the host. Shared by the #VC handler and
 * by the explicit calls. Another source (SEV-SNP: the firmware's page, cpuid_snp.c) fills a table, and
 * needs nothing here.
 */
#ifndef SEVC_VC_CPUID_ANSWER_H
#define SEVC_VC_CPUID_ANSWER_H

#include <sevc/cpuid.h>
#include <sevc/event.h>
#include <sevc/os.h>

#include "cpuid_table.h"

/*
 * The host's answer, in an open session: checked for lies, compared with the CPU's table if it
 * has one, and remembered by the table's owner. What sevc_event_cpuid() returns, or
 * SEVC_HOST_ERROR with HIDES_SEV, C_BIT, CHANGED, XSAVE_SIZE. One exit, but at most 64 when the
 * owner meets leaf 0xD.
 */
enum sevc_result sevc_cpuid_ask(struct sevc_session *session, const struct sevc_trap *trap,
                                struct sevc_cpuid_regs *regs);

/* XCR0 (1 where CR4.OSXSAVE is 0) and XSS, in force now or where TRAP was interrupted. */
void sevc_cpuid_xsave_state(const struct sevc_trap *trap, uint64_t *xcr0, uint64_t *xss);

/*
 * Not in the table: SEVC_RETRY, ask the host; SEVC_FORBIDDEN, NOT_PINNED; or SEVC_OK: all zero.
 * (cpuid_pinned.c)
 */
enum sevc_result sevc_cpuid_missing(const struct sevc_cpuid_table *table,
                                    struct sevc_report *report);

/*
 * Adds to *REGS, which has the static bits of ENTRY, what is computed. (cpuid_pinned.c) SEVC_OK;
 * SEVC_RETRY, SEVC_FORBIDDEN: a sub-leaf of leaf 0xD is missing, as above; SEVC_HOST_ERROR,
 * XSAVE_SIZE. *REGS is changed with SEVC_OK only.
 */
enum sevc_result sevc_cpuid_compute(const struct sevc_cpuid_table *table,
                                    const struct sevc_cpuid_entry *entry,
                                    const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                    struct sevc_report *report);

/*
 * The whole answer of ENTRY on CPU. Results as sevc_cpuid_compute(); SEVC_RETRY too if what is
 * CPU's own has not been learnt yet. *REGS is meaningful with SEVC_OK only. (cpuid_pinned.c)
 */
enum sevc_result sevc_cpuid_complete(const struct sevc_cpu *cpu,
                                     const struct sevc_cpuid_entry *entry,
                                     const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                     struct sevc_report *report);

/*
 * A size in leaf 0xD, EBX, now: of sub-leaf ENTRY. Results as sevc_cpuid_compute(). (cpuid_xsave.c)
 */
enum sevc_result sevc_cpuid_xsave_bytes(const struct sevc_cpuid_table *table,
                                        const struct sevc_cpuid_entry *entry,
                                        const struct sevc_trap *trap, uint32_t *bytes);

#endif
