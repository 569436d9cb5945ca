/* SPDX-License-Identifier: MIT */
/* CPUID (APM vol. 3, CPUID; GHCB spec 2.03, 4.1, table 6). */
#include "cpuid_answer.h"
#include "exception.h"

static enum sevc_result ask(struct sevc_exception *vc, struct sevc_cpuid_regs *regs)
{
    enum sevc_result result = sevc_session_begin(&vc->session, vc->cpu, vc->report);

    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_cpuid_ask(&vc->session, vc->trap, regs);
    sevc_session_end(&vc->session);
    return result;
}

enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc)
{
    uint64_t *gpr = vc->trap->gpr;
    struct sevc_cpuid_regs regs;
    enum sevc_result result = SEVC_RETRY;

    regs.eax = (uint32_t)gpr[SEVC_RAX];
    regs.ecx = (uint32_t)gpr[SEVC_RCX];
    if (vc->cpu->cpuid_table != NULL) {
        result = sevc_cpuid_pinned(vc->cpu, vc->trap, &regs, vc->report);
    }
    if (result == SEVC_RETRY) {
        result = ask(vc, &regs);
    }
    if (result != SEVC_OK) {
        return result;
    }
    gpr[SEVC_RAX] = regs.eax;
    gpr[SEVC_RBX] = regs.ebx;
    gpr[SEVC_RCX] = regs.ecx;
    gpr[SEVC_RDX] = regs.edx;
    return SEVC_OK;
}
