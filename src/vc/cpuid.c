/* SPDX-License-Identifier: MIT */
/* CPUID (APM vol. 3, CPUID; GHCB spec 2.03, 4.1, table 6). */
#include "cpuid_answer.h"
#include "exception.h"

enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc)
{
    uint64_t *gpr = vc->trap->gpr;
    union sevc_cpuid_answer answer = { { .eax = (uint32_t)gpr[SEVC_RAX],
                                         .ecx = (uint32_t)gpr[SEVC_RCX] } };
    enum sevc_result result = sevc_cpuid_pinned(vc->cpu, vc->trap, &answer, vc->report);

    if (result == SEVC_RETRY) {
        result = sevc_session_begin(&vc->session, vc->cpu, vc->report);
        if (result != SEVC_OK) {
            return result;
        }
        result = sevc_cpuid_ask(&vc->session, vc->trap, &answer);
        sevc_session_end(&vc->session);
    }
    if (result == SEVC_OK) {
        gpr[SEVC_RAX] = answer.regs.eax;
        gpr[SEVC_RBX] = answer.regs.ebx;
        gpr[SEVC_RCX] = answer.regs.ecx;
        gpr[SEVC_RDX] = answer.regs.edx;
    }
    return result;
}
