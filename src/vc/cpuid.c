/* SPDX-License-Identifier: MIT */
/* CPUID (APM vol. 3, CPUID; GHCB spec 2.03, 4.1, table 6). */
#include "cpuid_answer.h"
#include "exception.h"

static void put(struct sevc_trap *trap, const struct sevc_cpuid_regs *regs)
{
    trap->gpr[SEVC_RAX] = regs->eax;
    trap->gpr[SEVC_RBX] = regs->ebx;
    trap->gpr[SEVC_RCX] = regs->ecx;
    trap->gpr[SEVC_RDX] = regs->edx;
}

static __attribute__((noinline)) enum sevc_result ask(struct sevc_exception *vc)
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

static __attribute__((noinline)) enum sevc_result complete(struct sevc_exception *vc,
                                                           const struct sevc_cpuid_entry *entry)
{
    struct sevc_cpuid_regs regs;
    enum sevc_result result = sevc_cpuid_complete(vc->cpu, entry, vc->trap, &regs, vc->report);

    if (result == SEVC_OK) {
        put(vc->trap, &regs);
    }
    return result == SEVC_RETRY ? ask(vc) : result;
}

static __attribute__((noinline)) enum sevc_result missing(struct sevc_exception *vc)
{
    static const struct sevc_cpuid_regs zero;
    enum sevc_result result = sevc_cpuid_missing(vc->cpu->cpuid_table, vc->report);

    if (result == SEVC_OK) {
        put(vc->trap, &zero);
    }
    return result == SEVC_RETRY ? ask(vc) : result;
}

/* The most frequent way first, and so that it needs no stack: an answer that is all static. */
enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc)
{
    const struct sevc_cpuid_table *table = vc->cpu->cpuid_table;
    const struct sevc_cpuid_entry *entry;
    uint64_t *gpr = vc->trap->gpr;

    if (table == NULL || !sevc_cpuid_readable(vc->cpu)) {
        return ask(vc);
    }
    entry = sevc_cpuid_find(table, (uint32_t)gpr[SEVC_RAX], (uint32_t)gpr[SEVC_RCX]);
    if (entry == NULL) {
        return missing(vc);
    }
    if (entry->rule != SEVC_CPUID_RULE_STATIC) {
        return complete(vc, entry);
    }
    gpr[SEVC_RAX] = entry->answer[SEVC_CPUID_EAX];
    gpr[SEVC_RBX] = entry->answer[SEVC_CPUID_EBX];
    gpr[SEVC_RCX] = entry->answer[SEVC_CPUID_ECX];
    gpr[SEVC_RDX] = entry->answer[SEVC_CPUID_EDX];
    return SEVC_OK;
}
