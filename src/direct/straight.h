/* SPDX-License-Identifier: MIT */
/*
 * The straight way of an explicit call, as src/vc/hot.h is that of an exception: one exchange by
 * registers on a CPU that is ready and has no session open. Where a check says anything but "go on",
 * nothing has been touched, and the call takes the general way (direct.h), which says what is wrong.
 */
#ifndef SEVC_DIRECT_STRAIGHT_H
#define SEVC_DIRECT_STRAIGHT_H

#include "../vc/hot.h"
#include "direct.h"

/*
 * Takes the page of CPU, if it is at rest, with interrupts off. What comes between the look at the
 * depth and CLI has left the page at rest again. The MSR: see sevc_hot_take().
 */
SEVC_INLINE bool sevc_straight_begin(struct sevc_cpu *cpu, bool *interrupts)
{
    if (SEVC_TRACE ||
        !SEVC_LIKELY(cpu != NULL && cpu->magic == SEVC_CPU_MAGIC && sevc_hot_at_rest(cpu))) {
        return false;
    }
    *interrupts = sevc_arch_interrupts_off();
    sevc_cpu_set_depth(cpu, 1);
    if (SEVC_LIKELY(sevc_arch_rdmsr(SEVC_MSR_GHCB) == cpu->ghcb.gpa)) {
        return true;
    }
    sevc_cpu_set_depth(cpu, 0);
    if (*interrupts) {
        sevc_arch_interrupts_on();
    }
    return false;
}

/* Is the reply one to go on with? The infos are loaded once, into the report. */
SEVC_INLINE bool sevc_straight_replied(const volatile struct sevc_ghcb_page *page,
                                       struct sevc_report *report)
{
    uint64_t info1 = page->sw_exitinfo1;

    report->info1 = info1;
    report->info2 = page->sw_exitinfo2;
    return SEVC_LIKELY((uint32_t)info1 == SEVC_REPLY_OK);
}

/* Has the host marked all of BITS in HALF of the bitmap? Once for each half. */
SEVC_INLINE bool sevc_straight_has(const volatile uint64_t *half, uint64_t bits)
{
    return SEVC_LIKELY((~*half & bits) == 0);
}

/* All that is wanted of the reply has been taken. */
SEVC_INLINE enum sevc_result sevc_straight_end(struct sevc_cpu *cpu,
                                               volatile struct sevc_ghcb_page *page,
                                               bool interrupts)
{
    sevc_hot_give_back(cpu, page);
    if (interrupts) {
        sevc_arch_interrupts_on();
    }
    return SEVC_OK;
}

/* The host's answer is none to go on with: REPORT has it. (direct_session.c) */
enum sevc_result sevc_straight_refused(struct sevc_cpu *cpu, struct sevc_report *report,
                                       bool interrupts);

#endif
