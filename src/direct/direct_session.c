/* SPDX-License-Identifier: MIT */
/* An explicit call with a session; and where the straight way ends otherwise than with an answer. */
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
    direct->rflags = sevc_arch_interrupts_save();
    result = sevc_session_begin(&direct->session, cpu, &direct->report);
    if (result == SEVC_OK) {
        return SEVC_OK;
    }
    sevc_arch_interrupts_restore(direct->rflags);
    return sevc_direct_fail(cpu, result, direct->report.reason);
}

enum sevc_result sevc_direct_end(struct sevc_direct *direct, enum sevc_result result)
{
    sevc_session_end(&direct->session);
    sevc_arch_interrupts_restore(direct->rflags);
    if (result == SEVC_OK) {
        return SEVC_OK;
    }
    return sevc_direct_fail(direct->session.cpu, result, direct->report.reason);
}

enum sevc_result sevc_straight_refused(struct sevc_cpu *cpu, uint64_t info1, uint64_t rflags)
{
    volatile struct sevc_ghcb_page *page = cpu->ghcb.va;
    struct sevc_report report;

    report.info1 = info1;
    report.info2 = page->sw_exitinfo2;
    (void)sevc_reply_refused(&report);
    sevc_arch_zero(page, SEVC_PAGE_QWORDS); /* the buffer too, which some have used */
    (void)sevc_straight_end(cpu, rflags);
    return sevc_direct_fail(cpu, report.result, report.reason);
}
