/* SPDX-License-Identifier: MIT */
/* CPUID as an explicit call. */
#include "../vc/cpuid_answer.h"
#include "direct.h"

static void native(struct sevc_cpuid_regs *regs)
{
    uint32_t values[4] = { regs->eax, 0, regs->ecx, 0 };

    sevc_arch_native_cpuid(values);
    *regs = (struct sevc_cpuid_regs){ values[0], values[1], values[2], values[3] };
}

/*
 * Interrupts stay as they are: a sealed table does not change, and to the owner's an interrupt
 * handler only adds.
 */
static enum sevc_result pinned(struct sevc_cpu *cpu, struct sevc_cpuid_regs *regs)
{
    const struct sevc_cpuid_entry *entry;
    struct sevc_cpuid_regs answer = { 0 };
    struct sevc_report report;
    enum sevc_result result;

    if (!sevc_cpuid_readable(cpu)) {
        return SEVC_RETRY;
    }
    entry = sevc_cpuid_find(cpu->cpuid_table, regs->eax, regs->ecx);
    if (entry == NULL) {
        result = sevc_cpuid_missing(cpu->cpuid_table, &report);
    } else {
        result = sevc_cpuid_complete(cpu, entry, NULL, &answer, &report);
    }
    if (result == SEVC_OK) {
        *regs = answer;
        return SEVC_OK;
    }
    return result == SEVC_RETRY ? SEVC_RETRY : sevc_direct_fail(cpu, result, report.reason);
}

static enum sevc_result ask(struct sevc_cpu *cpu, struct sevc_cpuid_regs *regs)
{
    struct sevc_direct direct;
    enum sevc_result result = sevc_direct_begin(&direct, cpu);

    if (result != SEVC_OK) {
        return result;
    }
    return sevc_direct_end(&direct, sevc_cpuid_ask(&direct.session, NULL, regs));
}

enum sevc_result sevc_cpuid(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                            struct sevc_cpuid_regs *regs)
{
    struct sevc_cpuid_regs answer = { .eax = leaf, .ecx = subleaf };
    enum sevc_result result = SEVC_RETRY;

    if (sevc_direct_is_native(cpu)) {
        native(&answer);
        *regs = answer;
        return SEVC_OK;
    }
    if (cpu->magic == SEVC_CPU_MAGIC && cpu->cpuid_table != NULL) {
        result = pinned(cpu, &answer);
    }
    if (result == SEVC_RETRY) {
        result = ask(cpu, &answer);
    }
    if (result == SEVC_OK) {
        *regs = answer;
    }
    return result;
}
