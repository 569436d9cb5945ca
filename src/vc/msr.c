/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR (APM vol. 3, RDMSR, WRMSR; GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "exception.h"

/*
 * The processor checks CPL before it looks at the intercept; that is no reason to believe an
 * exit that the host may have injected.
 */
static enum sevc_result check(struct sevc_exception *vc, uint32_t msr)
{
    if (sevc_trap_cpl(vc->trap) != 0) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_PRIVILEGE);
    }
    if (sevc_vc_is_protected_msr(msr)) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_PROTECTED_MSR);
    }
    return SEVC_OK;
}

enum sevc_result sevc_vc_rdmsr(struct sevc_exception *vc)
{
    uint64_t *gpr = vc->trap->gpr;
    uint32_t msr = (uint32_t)gpr[SEVC_RCX];
    enum sevc_result result = check(vc, msr);
    uint64_t value;

    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_rdmsr(&vc->session, msr, &value);
    if (result != SEVC_OK) {
        return result;
    }
    gpr[SEVC_RAX] = (uint32_t)value;
    gpr[SEVC_RDX] = value >> 32;
    return SEVC_OK;
}

enum sevc_result sevc_vc_wrmsr(struct sevc_exception *vc)
{
    const uint64_t *gpr = vc->trap->gpr;
    uint32_t msr = (uint32_t)gpr[SEVC_RCX];
    enum sevc_result result = check(vc, msr);

    if (result != SEVC_OK) {
        return result;
    }
    return sevc_event_wrmsr(&vc->session, msr, gpr[SEVC_RDX] << 32 | (uint32_t)gpr[SEVC_RAX]);
}
