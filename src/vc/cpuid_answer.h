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
 * From CPU's table, without an exit; *ANSWER is changed with SEVC_OK only. SEVC_RETRY: ask the host, there is no table, or it is not for
 * CPU yet, or it has not all of the answer; SEVC_FORBIDDEN, NOT_PINNED; SEVC_HOST_ERROR, XSAVE_SIZE.
 * (cpuid_pinned.c)
 */
enum sevc_result sevc_cpuid_pinned(const struct sevc_cpu *cpu, const struct sevc_trap *trap,
                                   union sevc_cpuid_answer *answer, struct sevc_report *report);

/*
 * The host's answer, in an open session: checked for lies, compared with the CPU's table if it
 * has one, and remembered by the table's owner. What sevc_event_cpuid() returns, or
 * SEVC_HOST_ERROR with HIDES_SEV, C_BIT, CHANGED, XSAVE_SIZE. One exit, but at most 64 when the
 * owner meets leaf 0xD. *ANSWER is meaningful with SEVC_OK only. (cpuid_ask.c)
 */
enum sevc_result sevc_cpuid_ask(struct sevc_session *session, const struct sevc_trap *trap,
                                union sevc_cpuid_answer *answer);

/* The bit that ENTRY's ECX shows of CR4, in force now or where TRAP was interrupted. */
static inline uint64_t sevc_cpuid_cr4(const struct sevc_cpuid_entry *entry,
                                      const struct sevc_trap *trap)
{
    uint64_t cr4 = sevc_os_register(trap, SEVC_OS_CR4);
    unsigned rotate = entry->cr4_rotate;

    return (cr4 << rotate | cr4 >> (-rotate & 63)) & entry->cr4_bits;
}

/*
 * Puts into *ANSWER, which has the other bits, what is computed for ENTRY. (cpuid_pinned.c)
 * SEVC_OK; SEVC_RETRY, SEVC_FORBIDDEN: a sub-leaf of leaf 0xD is missing, and the table's policy says
 * so; SEVC_HOST_ERROR, XSAVE_SIZE.
 */
enum sevc_result sevc_cpuid_compute(const struct sevc_cpuid_table *table,
                                    const struct sevc_cpuid_entry *entry,
                                    const struct sevc_trap *trap, union sevc_cpuid_answer *answer,
                                    struct sevc_report *report);

/* The features that count for the size in sub-leaf 0 or 1 of leaf 0xD, as sevc_cpuid_cr4(). */
static inline uint64_t sevc_cpuid_features(const struct sevc_cpuid_entry *entry,
                                           const struct sevc_trap *trap)
{
    uint64_t features = sevc_os_register(trap, SEVC_OS_XCR0);

    return entry->subleaf == 0 ? features : features | sevc_os_register(trap, SEVC_OS_XSS);
}

/*
 * That size, in EBX of sub-leaf ENTRY. Beyond 32 bits if it cannot be; or SEVC_CPUID_NO_BYTES: a
 * sub-leaf that it needs is not in the table. (cpuid_xsave.c)
 */
#define SEVC_CPUID_NO_BYTES ~0ull
uint64_t sevc_cpuid_xsave_bytes(const struct sevc_cpuid_table *table,
                                const struct sevc_cpuid_entry *entry, uint64_t features);

#endif
