/* SPDX-License-Identifier: MIT */
/*
 * The parts of an exchange that every request has in common, inline: session.c puts them together
 * for any event, src/vc/hot.h for the few that make up nearly all exits, with constants for fields.
 *
 * The page is the hypervisor's as much as ours, at every moment. So: a field is written once and
 * never read back; of a reply each field is loaded once, into a local, and only the local is
 * checked and used.
 */
#ifndef SEVC_GHCB_EXCHANGE_H
#define SEVC_GHCB_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include <sevc/ghcb.h>
#include <sevc/svm.h>

#include "../arch/arch.h"

#define SEVC_INLINE static inline __attribute__((always_inline))

#define SEVC_PAGE_QWORDS (SEVC_GHCB_SIZE / 8)

/* Everything below the shared buffer: save area, bitmap, X87_STATE_GPA, reserved. */
#define SEVC_SAVE_AREA_QWORDS (SEVC_GHCB_OFF_SHARED_BUFFER / 8)

/* Behind the shared buffer: two quadwords, of which version and usage are the last six bytes. */
#define SEVC_GHCB_OFF_TAIL (SEVC_GHCB_OFF_SHARED_BUFFER + SEVC_GHCB_SHARED_BUFFER_BYTES)

/* A field's bit in the half of the bitmap that it belongs to: a constant where OFFSET is one. */
#define SEVC_VALID_BIT(offset) (1ull << (SEVC_GHCB_VALID_INDEX(offset) % 64))

/* What each request marks besides its own inputs; all three in the second half. */
#define SEVC_VALID_ALWAYS                                                                          \
    (SEVC_VALID_BIT(SEVC_GHCB_OFF_SW_EXITCODE) | SEVC_VALID_BIT(SEVC_GHCB_OFF_SW_EXITINFO1) |      \
     SEVC_VALID_BIT(SEVC_GHCB_OFF_SW_EXITINFO2))

SEVC_INLINE volatile uint64_t *sevc_page_tail(volatile struct sevc_ghcb_page *page)
{
    return (volatile uint64_t *)((volatile uint8_t *)page + SEVC_GHCB_OFF_TAIL);
}

/* The page's last quadword as a request has it: version and usage. */
SEVC_INLINE uint64_t sevc_page_end(const struct sevc_platform *platform)
{
    uint64_t end;

    _Static_assert(offsetof(struct sevc_platform, reserved) + 2 ==
                       offsetof(struct sevc_platform, version),
                   "version");
    _Static_assert(offsetof(struct sevc_platform, reserved) + 4 ==
                       offsetof(struct sevc_platform, usage),
                   "usage");
    __builtin_memcpy(&end, (const uint8_t *)platform + offsetof(struct sevc_platform, reserved),
                     sizeof(end));
    return end;
}

/*
 * The only other reader is an NMI on this very CPU, so the order need only hold in the
 * instruction stream: no lock, no fence of the processor's.
 */
SEVC_INLINE void sevc_cpu_set_depth(struct sevc_cpu *cpu, uint32_t depth)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->depth, depth, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/*
 * A field of the page, which is zero at rest: a constant zero need not be written. Whatever the host
 * has put there meanwhile, it has told itself.
 */
SEVC_INLINE void sevc_page_put(volatile uint64_t *field, uint64_t value)
{
    if (__builtin_constant_p(value == 0) && value == 0) {
        return;
    }
    *field = value;
}

/*
 * Request: what every event carries besides its own inputs and the bitmap (GHCB spec 2.03, 4.1).
 * VMGEXIT follows.
 */
SEVC_INLINE void sevc_exchange_fill(struct sevc_cpu *cpu, volatile struct sevc_ghcb_page *page,
                                    uint64_t event, uint64_t info1, uint64_t info2)
{
    page->sw_exitcode = event;
    sevc_page_put(&page->sw_exitinfo1, info1);
    sevc_page_put(&page->sw_exitinfo2, info2);
    sevc_page_tail(page)[1] = sevc_page_end(&cpu->platform);
    cpu->vmgexits++;
}

/*
 * All zero again but for the shared buffer, at once: a second exchange must carry nothing of the
 * first, and nothing of what the host has left where no field is.
 */
SEVC_INLINE void sevc_exchange_scrub(volatile struct sevc_ghcb_page *page)
{
    volatile uint64_t *tail = sevc_page_tail(page);

    tail[0] = 0;
    tail[1] = 0;
    sevc_arch_zero(page, SEVC_SAVE_AREA_QWORDS);
}

/*
 * Why the reply is none that the event can go on with: report->info1 and info2 have been taken
 * from it. MISSING_OUTPUT if there is nothing else wrong. Notes stage, reason and fault. (session.c)
 */
enum sevc_result sevc_reply_refused(struct sevc_report *report);

#endif
