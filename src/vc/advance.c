/* SPDX-License-Identifier: MIT */
/* How an emulated instruction ends: the only place where RIP and RFLAGS change. */
#include "exception.h"

/*
 * RFLAGS.TF was set when the instruction began, so #DB follows it (APM vol. 2, 13.1.4): a trap,
 * which the processor cannot raise itself, because to it the instruction never completed. Who
 * delivers it sets DR6.BS.
 */
static enum sevc_result single_step(struct sevc_exception *vc)
{
    vc->report->fault = (struct sevc_fault){ .vector = SEVC_VECTOR_DB };
    return SEVC_OK_TRAP;
}

/*
 * #VC is a fault: RIP stands at the instruction, prefixes included, and the RF that the processor
 * put into the frame would hide a breakpoint on the next one (APM vol. 2, 3.1.6 and 15.35.5).
 */
enum sevc_result sevc_vc_advance(struct sevc_exception *vc)
{
    struct sevc_trap *trap = vc->trap;
    uint64_t old_rip = trap->rip;
    uint64_t rip = old_rip + vc->insn.length;

    trap->rip = vc->code_bits == 64 ? rip : (uint32_t)rip;
    trap->rflags &= ~SEVC_RFLAGS_RF;
    vc->report->stage = SEVC_STAGE_APPLY;
    sevc_os_fix_shadow_stack(trap, old_rip);
    return sevc_vc_has_tf(vc) ? single_step(vc) : SEVC_OK;
}

/* A single-stepped REP instruction traps after each element, RIP still in front of it. */
enum sevc_result sevc_vc_pause(struct sevc_exception *vc)
{
    vc->report->stage = SEVC_STAGE_APPLY;
    return sevc_vc_has_tf(vc) ? single_step(vc) : SEVC_RETRY;
}
