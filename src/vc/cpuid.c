/* SPDX-License-Identifier: MIT */
/* CPUID (APM vol. 3, CPUID; GHCB spec 2.03, 4.1, table 6). */
#include "cpuid_answer.h"
#include "exception.h"

static void get(const struct sevc_trap *trap, struct sevc_cpuid_regs *regs)
{
    regs->eax = (uint32_t)trap->gpr[SEVC_RAX];
    regs->ecx = (uint32_t)trap->gpr[SEVC_RCX];
}

static void put(struct sevc_trap *trap, const struct sevc_cpuid_regs *regs)
{
    trap->gpr[SEVC_RAX] = regs->eax;
    trap->gpr[SEVC_RBX] = regs->ebx;
    trap->gpr[SEVC_RCX] = regs->ecx;
    trap->gpr[SEVC_RDX] = regs->edx;
}

/* Not inline: what it needs of the stack and of the registers, a pinned answer does not. */
static __attribute__((noinline)) enum sevc_result ask(struct sevc_exception *vc)
{
    struct sevc_cpuid_regs regs;
    enum sevc_result result = sevc_session_begin(&vc->session, vc->cpu, vc->report);

    if (result != SEVC_OK) {
        return result;
    }
    get(vc->trap, &regs);
    result = sevc_cpuid_ask(&vc->session, vc->trap, &regs);
    sevc_session_end(&vc->session);
    if (result == SEVC_OK) {
        put(vc->trap, &regs);
    }
    return result;
}

enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc)
{
    struct sevc_cpuid_regs regs;
    enum sevc_result result;

    if (vc->cpu->cpuid_table == NULL) {
        return ask(vc);
    }
    get(vc->trap, &regs);
    result = sevc_cpuid_pinned(vc->cpu, vc->trap, &regs, vc->report);
    if (result == SEVC_OK) {
        put(vc->trap, &regs);
    }
    return result == SEVC_RETRY ? ask(vc) : result;
}
