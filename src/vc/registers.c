/* SPDX-License-Identifier: MIT */
/*
 * The exits of instructions that take registers and give registers: RDMSR, WRMSR, RDTSC, RDTSCP, RDPMC,
 * INVD, WBINVD, WBNOINVD, MWAIT (APM vol. 3; GHCB spec 2.03, 4.1, table 6). One row each.
 */
#include "../event/registers.h"
#include "exception.h"

#define RAX SEVC_OUT_RAX
#define RCX SEVC_OUT_RCX
#define RDX SEVC_OUT_RDX

static const struct sevc_register_event events[] = {
    [SEVC_INSN_RDMSR] = { SEVC_EXIT_MSR, SEVC_MSR_INFO1_READ, RCX, RAX | RDX },
    [SEVC_INSN_WRMSR] = { SEVC_EXIT_MSR, SEVC_MSR_INFO1_WRITE, RCX | RAX | RDX, 0 },
    [SEVC_INSN_RDTSC] = { SEVC_EXIT_RDTSC, 0, 0, RAX | RDX },
    [SEVC_INSN_RDTSCP] = { SEVC_EXIT_RDTSCP, 0, 0, RAX | RCX | RDX },
    [SEVC_INSN_RDPMC] = { SEVC_EXIT_RDPMC, 0, RCX, RAX | RDX },
    [SEVC_INSN_INVD] = { SEVC_EXIT_INVD, 0, 0, 0 },
    [SEVC_INSN_WBINVD] = { SEVC_EXIT_WBINVD, 0, 0, 0 },
    [SEVC_INSN_WBNOINVD] = { SEVC_EXIT_WBINVD, 0, 0, 0 },
    [SEVC_INSN_MWAIT] = { SEVC_EXIT_MWAIT, 0, RAX | RCX, 0 },
    [SEVC_INSN_MWAITX] = { SEVC_EXIT_MWAIT, 0, RAX | RCX, 0 },
};

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
    return sevc_event_registers(&vc->session, &events[vc->insn.kind], vc->trap->gpr);
}
