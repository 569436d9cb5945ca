/* SPDX-License-Identifier: MIT */
/* The general way of an explicit call; and where the straight one ends otherwise than with an answer. */
#include "straight.h"

/*
 * Of the report only what is counted up, or may be read without having been written, needs a value.
 * The GHCB is one per CPU, so an interrupt handler must not find it half filled; one that came
 * before the flag was cleared has left it at rest.
 */
enum sevc_result sevc_direct_begin(struct sevc_direct *direct, struct sevc_cpu *cpu)
{
    enum sevc_result result;

    direct->report.vmgexits = 0;
    direct->report.reason = SEVC_REASON_NONE;
    direct->interrupts = sevc_arch_interrupts_off();
    result = sevc_session_begin(&direct->session, cpu, &direct->report);
    if (result == SEVC_OK) {
        return SEVC_OK;
    }
    if (direct->interrupts) {
        sevc_arch_interrupts_on();
    }
    return sevc_direct_fail(cpu, result, direct->report.reason);
}

enum sevc_result sevc_direct_end(struct sevc_direct *direct, enum sevc_result result)
{
    sevc_session_end(&direct->session);
    if (direct->interrupts) {
        sevc_arch_interrupts_on();
    }
    if (result == SEVC_OK) {
        return SEVC_OK;
    }
    return sevc_direct_fail(direct->session.cpu, result, direct->report.reason);
}

enum sevc_result sevc_straight_refused(struct sevc_cpu *cpu, struct sevc_report *report,
                                       bool interrupts)
{
    enum sevc_result result = sevc_hot_refused(cpu, report);

    if (interrupts) {
        sevc_arch_interrupts_on();
    }
    return sevc_direct_fail(cpu, result, report->reason);
}
