/* SPDX-License-Identifier: MIT */
/* How an emulated instruction ends when it is single-stepped, or not complete. */
#include "exception.h"

/*
 * RFLAGS.TF was set when the instruction began, so #DB follows it (APM vol. 2, 13.1.4): a trap,
 * which the processor cannot raise itself, because to it the instruction never completed. Who
 * delivers it sets DR6.BS.
 */
enum sevc_result sevc_vc_single_step(struct sevc_exception *vc)
{
    vc->report->fault = (struct sevc_fault){ .vector = SEVC_VECTOR_DB };
    return SEVC_OK_TRAP;
}

/* A single-stepped REP instruction traps after each element, RIP still in front of it. */
enum sevc_result sevc_vc_pause(struct sevc_exception *vc)
{
    vc->report->stage = SEVC_STAGE_APPLY;
    return sevc_vc_has_tf(vc) ? sevc_vc_single_step(vc) : SEVC_RETRY;
}
