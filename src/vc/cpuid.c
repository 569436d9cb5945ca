/* SPDX-License-Identifier: MIT */
/* CPUID (APM vol. 3, CPUID; GHCB spec 2.03, 4.1, table 6). */
#include "cpuid_answer.h"
#include "exception.h"
#include "hot.h"

static void put(struct sevc_trap *trap, const struct sevc_cpuid_regs *regs)
{
    trap->gpr[SEVC_RAX] = regs->eax;
    trap->gpr[SEVC_RBX] = regs->ebx;
    trap->gpr[SEVC_RCX] = regs->ecx;
    trap->gpr[SEVC_RDX] = regs->edx;
}

static enum sevc_result ask(struct sevc_exception *vc)
{
    struct sevc_cpuid_regs regs;
    enum sevc_result result = sevc_session_begin(&vc->session, vc->cpu, vc->report);

    if (result != SEVC_OK) {
        return result;
    }
    regs.eax = (uint32_t)vc->trap->gpr[SEVC_RAX];
    regs.ecx = (uint32_t)vc->trap->gpr[SEVC_RCX];
    result = sevc_cpuid_ask(&vc->session, vc->trap, &regs);
    sevc_session_end(&vc->session);
    if (result == SEVC_OK) {
        put(vc->trap, &regs);
    }
    return result;
}

static enum sevc_result complete(struct sevc_exception *vc, const struct sevc_cpuid_entry *entry)
{
    struct sevc_cpuid_regs regs;
    enum sevc_result result = sevc_cpuid_complete(vc->cpu, entry, vc->trap, &regs, vc->report);

    if (result == SEVC_OK) {
        put(vc->trap, &regs);
    }
    return result == SEVC_RETRY ? ask(vc) : result;
}

static enum sevc_result missing(struct sevc_exception *vc)
{
    static const struct sevc_cpuid_regs zero;
    enum sevc_result result = sevc_cpuid_missing(vc->cpu->cpuid_table, vc->report);

    if (result == SEVC_OK) {
        put(vc->trap, &zero);
    }
    return result == SEVC_RETRY ? ask(vc) : result;
}

enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc)
{
    const struct sevc_cpuid_table *table = vc->cpu->cpuid_table;
    const uint64_t *gpr = vc->trap->gpr;
    const struct sevc_cpuid_entry *entry;

    if (table == NULL || !sevc_cpuid_readable(vc->cpu)) {
        return ask(vc);
    }
    entry = sevc_cpuid_find(table, (uint32_t)gpr[SEVC_RAX], (uint32_t)gpr[SEVC_RCX]);
    return entry == NULL ? missing(vc) : complete(vc, entry);
}

/* What is pinned whole; the rest is a matter for sevc_vc_cpuid(). */
enum sevc_result sevc_hot_pinned_cpuid(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                       struct sevc_report *report)
{
    const struct sevc_cpuid_entry *entry;
    struct sevc_cpuid_regs regs;

    if (!sevc_cpuid_readable(cpu)) {
        return sevc_vc_handle_fetched(cpu, trap, report);
    }
    entry = sevc_cpuid_find(cpu->cpuid_table, (uint32_t)trap->gpr[SEVC_RAX],
                            (uint32_t)trap->gpr[SEVC_RCX]);
    if (entry == NULL) {
        return sevc_vc_handle_fetched(cpu, trap, report);
    }
    if (entry->rule == SEVC_CPUID_RULE_STATIC) {
        trap->gpr[SEVC_RAX] = entry->answer[SEVC_CPUID_EAX];
        trap->gpr[SEVC_RBX] = entry->answer[SEVC_CPUID_EBX];
        trap->gpr[SEVC_RCX] = entry->answer[SEVC_CPUID_ECX];
        trap->gpr[SEVC_RDX] = entry->answer[SEVC_CPUID_EDX];
    } else if (sevc_cpuid_complete(cpu, entry, trap, &regs, report) == SEVC_OK) {
        put(trap, &regs);
    } else {
        return sevc_vc_handle_fetched(cpu, trap, report);
    }
    report->exit_code = SEVC_EXIT_CPUID;
    report->nae_code = 0;
    report->info1 = 0;
    report->info2 = 0;
    return sevc_hot_complete(trap, report, 2, 0);
}
