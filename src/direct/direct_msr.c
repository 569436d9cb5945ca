/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR as explicit calls. */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "direct.h"

/*
 * The MSR by which the library talks to the host, and the one that says what kind of guest this is:
 * neither is the host's to answer (src/vc/msr.c), nor a driver's to touch.
 */
static bool is_protected(uint32_t msr)
{
    return msr == SEVC_MSR_GHCB || msr == SEVC_MSR_SEV_STATUS;
}

enum sevc_result sevc_rdmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t *value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (is_protected(msr)) {
        return sevc_direct_fail(cpu, SEVC_FORBIDDEN, SEVC_REASON_PROTECTED_MSR);
    }
    if (sevc_direct_is_native(cpu)) {
        *value = sevc_arch_native_rdmsr(msr);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    return sevc_direct_end(&direct, sevc_event_rdmsr(&direct.session, msr, value));
}

enum sevc_result sevc_wrmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (is_protected(msr)) {
        return sevc_direct_fail(cpu, SEVC_FORBIDDEN, SEVC_REASON_PROTECTED_MSR);
    }
    if (sevc_direct_is_native(cpu)) {
        sevc_arch_native_wrmsr(msr, value);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    return sevc_direct_end(&direct, sevc_event_wrmsr(&direct.session, msr, value));
}
