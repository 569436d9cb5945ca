/* SPDX-License-Identifier: MIT */
/* What all explicit calls have in common. */
#include "direct.h"

void sevc_native_init(struct sevc_cpu *cpu)
{
    *cpu = (struct sevc_cpu){ .magic = SEVC_CPU_NATIVE_MAGIC };
}

enum sevc_reason sevc_direct_reason(const struct sevc_cpu *cpu)
{
    return cpu == NULL ? SEVC_REASON_NONE : (enum sevc_reason)cpu->direct_reason;
}

/* A CPU that nobody has initialised is memory that is not ours to write to. */
enum sevc_result sevc_direct_fail(struct sevc_cpu *cpu, enum sevc_result result,
                                  enum sevc_reason reason)
{
    if (cpu != NULL && (cpu->magic == SEVC_CPU_MAGIC || cpu->magic == SEVC_CPU_NATIVE_MAGIC)) {
        cpu->direct_reason = (uint32_t)reason;
    }
    return result;
}

/*
 * Of the report only what is counted up or may be read without having been written needs a value.
 * The GHCB is one per CPU, so an interrupt handler must not find it half filled; one that came
 * before the flag was cleared has left it at rest.
 */
enum sevc_result sevc_direct_begin(struct sevc_direct *direct, struct sevc_cpu *cpu)
{
    enum sevc_result result;

    direct->report.vmgexits = 0;
    direct->report.reason = SEVC_REASON_NONE;
    direct->interrupts = sevc_arch_interrupts_off();
    result = sevc_session_begin(&direct->session, cpu, &direct->report);
    if (result == SEVC_OK) {
        return SEVC_OK;
    }
    if (direct->interrupts) {
        sevc_arch_interrupts_on();
    }
    return sevc_direct_fail(cpu, result, direct->report.reason);
}

enum sevc_result sevc_direct_end(struct sevc_direct *direct, enum sevc_result result)
{
    struct sevc_cpu *cpu = direct->session.cpu;

    sevc_session_end(&direct->session);
    if (direct->interrupts) {
        sevc_arch_interrupts_on();
    }
    return result == SEVC_OK ? SEVC_OK : sevc_direct_fail(cpu, result, direct->report.reason);
}
