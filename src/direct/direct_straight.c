/* SPDX-License-Identifier: MIT */
/* Where the straight way of an explicit call ends otherwise than with an answer. */
#include "straight.h"

enum sevc_result sevc_straight_refused(struct sevc_cpu *cpu, struct sevc_report *report,
                                       bool interrupts)
{
    enum sevc_result result = sevc_hot_refused(cpu, report);

    if (interrupts) {
        sevc_arch_interrupts_on();
    }
    return sevc_direct_fail(cpu, result, report->reason);
}
