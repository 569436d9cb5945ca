/* SPDX-License-Identifier: MIT */
/* CPUID as an explicit call, the general way: native, from the table, or by a session. */
#include "direct_cpuid.h"

enum sevc_result sevc_direct_ask_cpuid(struct sevc_cpu *cpu, union sevc_cpuid_answer *answer)
{
    struct sevc_direct direct;
    enum sevc_result result = sevc_direct_begin(&direct, cpu);

    if (result != SEVC_OK) {
        return result;
    }
    return sevc_direct_end(&direct, sevc_cpuid_ask(&direct.session, NULL, answer));
}

/*
 * From the table interrupts stay as they are: a sealed one does not change, and to the owner's an
 * interrupt handler only adds.
 */
enum sevc_result sevc_direct_cpuid_any(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                                       struct sevc_cpuid_regs *regs)
{
    union sevc_cpuid_answer answer = { { .eax = leaf, .ecx = subleaf } };
    struct sevc_report report;
    enum sevc_result result = SEVC_RETRY;

    if (sevc_direct_is_native(cpu)) {
        sevc_arch_native_cpuid(answer.reg);
        result = SEVC_OK;
    } else if (cpu->magic == SEVC_CPU_MAGIC) {
        result = sevc_cpuid_pinned(cpu, NULL, &answer, &report);
    }
    if (result == SEVC_RETRY) {
        result = sevc_direct_ask_cpuid(cpu, &answer);
    } else if (result != SEVC_OK) {
        return sevc_direct_fail(cpu, result, report.reason);
    }
    if (result == SEVC_OK) {
        *regs = answer.regs;
    }
    return result;
}
