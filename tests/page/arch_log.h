/* SPDX-License-Identifier: MIT */
/*
 * The hosted back end of src/arch, as far as src/page needs it, and sevc_os_tlb_shootdown():
 * each call is noted, with what the tables said at that moment.
 */
#ifndef SEVC_TESTS_PAGE_ARCH_LOG_H
#define SEVC_TESTS_PAGE_ARCH_LOG_H

#include "reference.h"

enum arch_call {
    ARCH_FENCE,
    ARCH_CLFLUSH, /* of BYTES from VA on, every line once, ascending */
    ARCH_INVLPG,
    ARCH_SHOOTDOWN, /* of BYTES from VA on */
};

struct arch_event {
    enum arch_call call;
    uint64_t va;
    uint64_t bytes;
    uint64_t page_bytes; /* of the page that maps VA; of a fence, of the last line flushed */
    bool encrypted; /* is that page, at the moment of the call; CLFLUSH: was it for all lines */
};

#define ARCH_EVENTS_MAX 65536

struct arch_log {
    const struct physical *memory; /* whose tables are asked */
    size_t count;
    struct arch_event event[ARCH_EVENTS_MAX];
};

extern struct arch_log arch_log;

/* Empties the log. */
void arch_log_open(const struct physical *memory);

/*
 * Ends the test unless the log is exactly what the architecture asks of a call that gave [va, last]
 * the state ENCRYPTED, with SPLITS large pages replaced by tables:
 *
 *   for each split: INVLPG, nothing changed yet; if there were any: one SHOOTDOWN
 *   for each page that was in the other state, in order, and for no other:
 *       FENCE, CLFLUSH of the whole page by the old alias, FENCE, the entry changed, INVLPG
 *   if there were any: one SHOOTDOWN, everything changed
 *
 * before: what was mapped.
 */
void arch_log_check(const struct ref_runs *before, uint64_t va, uint64_t last, bool encrypted,
                    size_t splits);

#endif
