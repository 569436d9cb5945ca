/* SPDX-License-Identifier: MIT */
/* The GHCB MSR protocol, executed. No state: part of libsevc_early.a. */
#include <sevc/ghcb.h>
#include <sevc/svm.h>

#include "../arch/arch.h"

uint64_t sevc_msr_exchange(uint64_t request)
{
    uint64_t saved = sevc_arch_rdmsr(SEVC_MSR_GHCB);
    uint64_t response;

    sevc_arch_wrmsr(SEVC_MSR_GHCB, request);
    sevc_arch_vmgexit();
    response = sevc_arch_rdmsr(SEVC_MSR_GHCB);
    sevc_arch_wrmsr(SEVC_MSR_GHCB, saved);
    return response;
}

__attribute__((noreturn)) void sevc_terminate_with(unsigned set, unsigned code)
{
    /*
     * A hostile host may resume us: nothing but asking again can be right after this point. Nor may
     * an interrupt go on with what was found hopeless, or put the GHCB's address into the MSR.
     */
    sevc_arch_cli();
    for (;;) {
        sevc_arch_wrmsr(SEVC_MSR_GHCB, sevc_msr_terminate_request(set, code));
        sevc_arch_vmgexit();
        sevc_arch_halt();
    }
}

__attribute__((noreturn)) void sevc_terminate(unsigned code)
{
    sevc_terminate_with(SEVC_TERM_SET_SPEC, code);
}
