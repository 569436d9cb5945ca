/* SPDX-License-Identifier: MIT */
/* How an emulated instruction ends: complete, or with elements of a REP left; and single-stepped. */
#include "exception.h"

/*
 * RFLAGS.TF was set when the instruction began, so #DB follows it (APM vol. 2, 13.1.4): a trap,
 * which the processor cannot raise itself, because to it the instruction never completed. Who
 * delivers it sets DR6.BS.
 */
static enum sevc_result end(struct sevc_exception *vc, enum sevc_result result)
{
    vc->report->stage = SEVC_STAGE_APPLY;
    if (!sevc_vc_has_tf(vc)) {
        return result;
    }
    (void)sevc_vc_raise(vc, SEVC_VECTOR_DB, SEVC_STAGE_APPLY, SEVC_REASON_NONE);
    return SEVC_OK_TRAP;
}

/*
 * #VC is a fault: RIP stands at the instruction, prefixes included, and the RF that the processor put
 * into the frame would hide a breakpoint on the next one (APM vol. 2, 3.1.6 and 15.35.5).
 */
enum sevc_result sevc_vc_advance(struct sevc_exception *vc)
{
    struct sevc_trap *trap = vc->trap;
    uint64_t old_rip = trap->rip;
    uint64_t rip = old_rip + vc->insn.length;

    trap->rip = vc->code_bits == 64 ? rip : (uint32_t)rip;
    trap->rflags &= ~SEVC_RFLAGS_RF;
    sevc_os_fix_shadow_stack(trap, old_rip);
    return end(vc, SEVC_OK);
}

/* A single-stepped REP instruction traps after each element, RIP still in front of it. */
enum sevc_result sevc_vc_pause(struct sevc_exception *vc)
{
    return end(vc, SEVC_RETRY);
}
