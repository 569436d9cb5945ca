/* SPDX-License-Identifier: MIT */
/*
 * The exits of instructions that take registers and give registers: RDMSR, WRMSR, RDTSC, RDTSCP, RDPMC,
 * INVD, WBINVD, WBNOINVD, MWAIT (APM vol. 3). What each sends and takes: a row in event/registers.c.
 */
#include "../event/registers.h"
#include "exception.h"

/* What only this instruction is refused for. */
static enum sevc_result check(const struct sevc_exception *vc)
{
    switch (vc->insn.kind) {
    case SEVC_INSN_RDMSR:
    case SEVC_INSN_WRMSR:
        if (sevc_vc_is_protected_msr((uint32_t)vc->trap->gpr[SEVC_RCX])) {
            return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_PROTECTED_MSR);
        }
        break;
    case SEVC_INSN_RDTSC:
    case SEVC_INSN_RDTSCP:
        /*
         * With Secure TSC the counter is the guest's own and its reading must not be intercepted:
         * whoever asks the host then gets a time that the host made up (APM vol. 2, 15.36.18).
         */
        if ((vc->cpu->platform.sev_status & SEVC_STATUS_SECURE_TSC) != 0) {
            return sevc_vc_refuse(vc, SEVC_HOST_ERROR, SEVC_STAGE_POLICY, SEVC_REASON_SECURE_TSC);
        }
        break;
    case SEVC_INSN_INVD:
        if (vc->cpu->policy->invd != SEVC_INVD_FORWARD) {
            return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_INVD);
        }
        break;
    default:
        break;
    }
    return SEVC_OK;
}

enum sevc_result sevc_vc_registers(struct sevc_exception *vc)
{
    enum sevc_result result = check(vc);

    if (result != SEVC_OK) {
        return result;
    }
    return sevc_event_registers(&vc->session, (enum sevc_insn_kind)vc->insn.kind, vc->trap->gpr);
}
