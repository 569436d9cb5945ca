/* SPDX-License-Identifier: MIT */
/* CPUID from the table: the path that needs no exit. */
#include <sevc/os.h>

#include "cpuid_answer.h"
#include "cpuid_table.h"

#define CR4_OSXSAVE (1ull << 18)

/* Leaf 0xD, sub-leaf 1, EAX: is there a compacted form at all? */
#define XSAVEC (1u << 1)
#define XSAVES (1u << 3)

static enum sevc_result refuse(struct sevc_report *report, enum sevc_result result,
                               enum sevc_stage stage, enum sevc_reason reason)
{
    report->stage = stage;
    report->reason = reason;
    return result;
}

/* Not in the table: after sealing a matter of policy; before, the owner is there to ask. */
static enum sevc_result missing(const struct sevc_cpuid_table *table, struct sevc_report *report)
{
    if (table->miss == SEVC_CPUID_MISS_REFUSE && sevc_cpuid_sealed(table)) {
        return refuse(report, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_NOT_PINNED);
    }
    return SEVC_RETRY;
}

void sevc_cpuid_xsave_state(const struct sevc_trap *trap, uint64_t *xcr0, uint64_t *xss)
{
    uint64_t cr4 = sevc_os_register(trap, SEVC_OS_CR4);

    *xcr0 = (cr4 & CR4_OSXSAVE) != 0 ? sevc_os_register(trap, SEVC_OS_XCR0) : 1;
    *xss = sevc_os_register(trap, SEVC_OS_XSS);
}

static enum sevc_result compute_xsave(const struct sevc_cpuid_table *table,
                                      const struct sevc_cpuid_entry *entry,
                                      const struct sevc_trap *trap, uint32_t *bytes,
                                      struct sevc_report *report)
{
    bool compacted = entry->subleaf == 1;
    enum sevc_result result;
    uint64_t xcr0, xss;

    if (compacted && (entry->answer[SEVC_CPUID_EAX] & (XSAVEC | XSAVES)) == 0) {
        *bytes = 0;
        return SEVC_OK;
    }
    sevc_cpuid_xsave_state(trap, &xcr0, &xss);
    result = sevc_cpuid_xsave_bytes(table, compacted, compacted ? xcr0 | xss : xcr0, bytes);
    if (result == SEVC_RETRY) {
        return missing(table, report);
    }
    if (result == SEVC_HOST_ERROR) {
        return refuse(report, result, SEVC_STAGE_REPLY, SEVC_REASON_XSAVE_SIZE);
    }
    return SEVC_OK;
}

enum sevc_result sevc_cpuid_compute(const struct sevc_cpuid_table *table,
                                    const struct sevc_cpuid_entry *entry,
                                    const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                    struct sevc_report *report)
{
    const struct sevc_cpuid_rule *rule = &sevc_cpuid_rules[entry->rule];

    switch (rule->computed_from) {
    case SEVC_CPUID_COMPUTES_CR4:
        if ((sevc_os_register(trap, SEVC_OS_CR4) >> rule->cr4_bit & 1) != 0) {
            regs->ecx |= rule->computed[SEVC_CPUID_ECX];
        }
        return SEVC_OK;
    case SEVC_CPUID_COMPUTES_XSAVE:
        return compute_xsave(table, entry, trap, &regs->ebx, report);
    default:
        return SEVC_OK;
    }
}

/* Adds what is this CPU's own: SEVC_RETRY if it has not been learnt yet. */
static enum sevc_result complete(const struct sevc_cpu *cpu, const struct sevc_cpuid_entry *entry,
                                 const struct sevc_trap *trap, struct sevc_cpuid_regs *regs,
                                 struct sevc_report *report)
{
    unsigned slot = sevc_cpuid_rules[entry->rule].slot;

    if (slot != SEVC_CPUID_NO_SLOT) {
        const uint32_t *own = cpu->cpuid_own.values[slot];

        if ((cpu->cpuid_own.known >> slot & 1) == 0) {
            return SEVC_RETRY;
        }
        regs->eax |= own[SEVC_CPUID_EAX];
        regs->ebx |= own[SEVC_CPUID_EBX];
        regs->ecx |= own[SEVC_CPUID_ECX];
        regs->edx |= own[SEVC_CPUID_EDX];
    }
    return sevc_cpuid_compute(cpu->cpuid_table, entry, trap, regs, report);
}

enum sevc_result sevc_cpuid_pinned(const struct sevc_cpu *cpu, const struct sevc_trap *trap,
                                   struct sevc_cpuid_regs *regs, struct sevc_report *report)
{
    const struct sevc_cpuid_table *table = cpu->cpuid_table;
    const struct sevc_cpuid_entry *entry;
    struct sevc_cpuid_regs answer;
    enum sevc_result result = SEVC_OK;

    if (!sevc_cpuid_readable(cpu)) {
        return SEVC_RETRY;
    }
    entry = sevc_cpuid_find(table, regs->eax, sevc_cpuid_subleaf(regs->eax, regs->ecx));
    if (entry == NULL) {
        return missing(table, report);
    }
    answer.eax = entry->answer[SEVC_CPUID_EAX];
    answer.ebx = entry->answer[SEVC_CPUID_EBX];
    answer.ecx = entry->answer[SEVC_CPUID_ECX];
    answer.edx = entry->answer[SEVC_CPUID_EDX];
    if (entry->rule != SEVC_CPUID_RULE_STATIC) {
        result = complete(cpu, entry, trap, &answer, report);
    }
    if (result == SEVC_OK) {
        *regs = answer;
    }
    return result;
}
