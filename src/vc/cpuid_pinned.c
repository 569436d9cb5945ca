/* SPDX-License-Identifier: MIT */
/* CPUID from the table, where an answer is more than the bits that it holds. No exit. */
#include "cpuid_answer.h"

static enum sevc_result refuse(struct sevc_report *report, enum sevc_result result,
                               enum sevc_stage stage, enum sevc_reason reason)
{
    report->stage = stage;
    report->reason = reason;
    return result;
}

/* After sealing a matter of policy; before, the owner is there to ask. */
enum sevc_result sevc_cpuid_missing(const struct sevc_cpuid_table *table,
                                    struct sevc_report *report)
{
    if (table->miss == SEVC_CPUID_MISS_ASK || !sevc_cpuid_sealed(table)) {
        return SEVC_RETRY;
    }
    if (table->miss == SEVC_CPUID_MISS_ZERO) {
        return SEVC_OK;
    }
    return refuse(report, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_NOT_PINNED);
}

static enum sevc_result compute_xsave(const struct sevc_cpuid_table *table,
                                      const struct sevc_cpuid_entry *entry,
                                      const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                      struct sevc_report *report)
{
    uint32_t bytes;
    enum sevc_result result = sevc_cpuid_xsave_bytes(table, entry, trap, &bytes);

    if (result == SEVC_RETRY) {
        result = sevc_cpuid_missing(table, report);
        if (result != SEVC_OK) {
            return result;
        }
        result = SEVC_HOST_ERROR; /* an enabled feature whose size is zero */
    }
    if (result != SEVC_OK) {
        return refuse(report, result, SEVC_STAGE_REPLY, SEVC_REASON_XSAVE_SIZE);
    }
    regs->ebx = bytes;
    return SEVC_OK;
}

enum sevc_result sevc_cpuid_compute(const struct sevc_cpuid_table *table,
                                    const struct sevc_cpuid_entry *entry,
                                    const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                    struct sevc_report *report)
{
    if (entry->ecx_bit != 0) {
        uint64_t cr4 = sevc_os_register(trap, SEVC_OS_CR4);

        regs->ecx |= (uint32_t)(cr4 >> entry->cr4_bit & 1) << entry->ecx_bit;
        return SEVC_OK;
    }
    if (entry->leaf == SEVC_CPUID_LEAF_XSAVE && entry->rule != SEVC_CPUID_RULE_STATIC) {
        return compute_xsave(table, entry, trap, regs, report);
    }
    return SEVC_OK;
}

enum sevc_result sevc_cpuid_complete(const struct sevc_cpu *cpu,
                                     const struct sevc_cpuid_entry *entry,
                                     const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                     struct sevc_report *report)
{
    static const uint32_t nothing[4];
    const uint32_t *own = nothing;

    if (entry->slot != SEVC_CPUID_NO_SLOT) {
        if (!sevc_cpuid_own_known(cpu, entry->slot)) {
            return SEVC_RETRY;
        }
        own = sevc_cpuid_own_values(cpu, entry->slot);
    }
    regs->eax = entry->answer[SEVC_CPUID_EAX] | own[SEVC_CPUID_EAX];
    regs->ebx = entry->answer[SEVC_CPUID_EBX] | own[SEVC_CPUID_EBX];
    regs->ecx = entry->answer[SEVC_CPUID_ECX] | own[SEVC_CPUID_ECX];
    regs->edx = entry->answer[SEVC_CPUID_EDX] | own[SEVC_CPUID_EDX];
    return sevc_cpuid_compute(cpu->cpuid_table, entry, trap, regs, report);
}
