/* SPDX-License-Identifier: MIT */
/* Pinned CPUID, straight (hot.h): no exit. */
#include "cpuid_answer.h"
#include "hot.h"

SEVC_INLINE enum sevc_result complete(struct sevc_trap *trap, struct sevc_report *report)
{
    sevc_hot_note(report, SEVC_EXIT_CPUID, 0);
    report->info1 = 0;
    report->info2 = 0;
    return sevc_hot_complete(trap, report, 2, 0);
}

/*
 * Not inline: so those who come here by a jump need no frame; and with their own parameters, so that
 * none is moved to another register.
 */
static __attribute__((noinline)) enum sevc_result finish(struct sevc_cpu *cpu,
                                                         struct sevc_trap *trap,
                                                         struct sevc_report *report)
{
    __asm__("" : : "r"(cpu)); /* or gcc takes the parameter away */
    return complete(trap, report);
}

/* Whatever the table can answer: an entry that is not at its home, a size that cannot be. */
static __attribute__((noinline)) enum sevc_result serve_any(struct sevc_cpu *cpu,
                                                            struct sevc_trap *trap,
                                                            struct sevc_report *report)
{
    uint64_t *gpr = trap->gpr;
    union sevc_cpuid_answer answer = { { .eax = (uint32_t)gpr[SEVC_RAX],
                                         .ecx = (uint32_t)gpr[SEVC_RCX] } };

    if (sevc_cpuid_pinned(cpu, trap, &answer, report) != SEVC_OK) {
        return sevc_vc_handle_fetched(cpu, trap, report);
    }
    gpr[SEVC_RAX] = answer.regs.eax;
    gpr[SEVC_RBX] = answer.regs.ebx;
    gpr[SEVC_RCX] = answer.regs.ecx;
    gpr[SEVC_RDX] = answer.regs.edx;
    return finish(cpu, trap, report);
}

/* Two neighbours of an answer, as one number. */
SEVC_INLINE uint64_t pair(const uint32_t *reg)
{
    uint64_t both;

    __builtin_memcpy(&both, reg, sizeof(both));
    return both;
}

/* ECX lacks a bit of CR4's; the rest is there. */
static __attribute__((noinline)) enum sevc_result finish_cr4(struct sevc_cpu *cpu,
                                                             struct sevc_trap *trap,
                                                             struct sevc_report *report,
                                                             const struct sevc_cpuid_entry *entry)
{
    __asm__("" : : "r"(cpu));
    trap->gpr[SEVC_RCX] |= sevc_cpuid_cr4(entry, trap);
    return complete(trap, report);
}

/* ENTRY lacks what is this CPU's own, which is known, and perhaps a bit of CR4. */
static __attribute__((noinline)) enum sevc_result serve_parts(struct sevc_cpu *cpu,
                                                              struct sevc_trap *trap,
                                                              struct sevc_report *report,
                                                              const struct sevc_cpuid_entry *entry)
{
    const uint32_t *own = cpu->cpuid_own.values[(size_t)entry->used - SEVC_CPUID_OWN];
    uint64_t eax_ebx = pair(&entry->answer[SEVC_CPUID_EAX]) | pair(&own[SEVC_CPUID_EAX]);
    uint64_t ecx_edx = pair(&entry->answer[SEVC_CPUID_ECX]) | pair(&own[SEVC_CPUID_ECX]);

    trap->gpr[SEVC_RAX] = (uint32_t)eax_ebx;
    trap->gpr[SEVC_RBX] = eax_ebx >> 32;
    trap->gpr[SEVC_RCX] = (uint32_t)ecx_edx;
    trap->gpr[SEVC_RDX] = ecx_edx >> 32;
    return SEVC_LIKELY(entry->cr4_bits != 0) ? finish_cr4(cpu, trap, report, entry)
                                             : finish(cpu, trap, report);
}

/* If ENTRY lacks a size that follows from XCR0 and XSS. One that cannot be is not for here. */
static __attribute__((noinline)) enum sevc_result serve_size(struct sevc_cpu *cpu,
                                                             struct sevc_trap *trap,
                                                             struct sevc_report *report,
                                                             const struct sevc_cpuid_entry *entry)
{
    uint64_t bytes;

    if (!SEVC_LIKELY(sevc_cpuid_used(entry) == SEVC_CPUID_SIZE)) {
        return serve_any(cpu, trap, report);
    }
    bytes = sevc_cpuid_xsave_bytes(cpu->cpuid_table, entry, trap);
    if (!SEVC_LIKELY(bytes <= UINT32_MAX)) {
        return serve_any(cpu, trap, report);
    }
    trap->gpr[SEVC_RAX] = entry->answer[SEVC_CPUID_EAX];
    trap->gpr[SEVC_RBX] = bytes;
    trap->gpr[SEVC_RCX] = entry->answer[SEVC_CPUID_ECX];
    trap->gpr[SEVC_RDX] = entry->answer[SEVC_CPUID_EDX];
    return complete(trap, report);
}

SEVC_INLINE enum sevc_result serve(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                   struct sevc_report *report, const struct sevc_cpuid_entry *entry,
                                   unsigned lacks)
{
    if (SEVC_LIKELY(lacks == SEVC_CPUID_WHOLE)) {
        trap->gpr[SEVC_RAX] = entry->answer[SEVC_CPUID_EAX];
        trap->gpr[SEVC_RBX] = entry->answer[SEVC_CPUID_EBX];
        trap->gpr[SEVC_RCX] = entry->answer[SEVC_CPUID_ECX];
        trap->gpr[SEVC_RDX] = entry->answer[SEVC_CPUID_EDX];
        return finish(cpu, trap, report);
    }
    if (SEVC_LIKELY(sevc_cpuid_own_known(cpu, lacks))) {
        return serve_parts(cpu, trap, report, entry);
    }
    return serve_size(cpu, trap, report, entry);
}

/* The second look: at the home of the sub-leaf. */
static __attribute__((noinline)) enum sevc_result look_again(struct sevc_cpu *cpu,
                                                             struct sevc_trap *trap,
                                                             struct sevc_report *report)
{
    uint32_t leaf = (uint32_t)trap->gpr[SEVC_RAX];
    uint32_t ecx = (uint32_t)trap->gpr[SEVC_RCX];
    const struct sevc_cpuid_entry *entry = &cpu->cpuid_table->entries[sevc_cpuid_home(leaf, ecx)];
    unsigned lacks = sevc_cpuid_used(entry);

    return sevc_cpuid_answers(entry, leaf, ecx) ? serve(cpu, trap, report, entry, lacks)
                                                : serve_any(cpu, trap, report);
}

/*
 * The first look: at the home of sub-leaf 0, where most leaves are found, and for any ECX those that
 * have no others.
 */
enum sevc_result sevc_hot_pinned_cpuid(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                       struct sevc_report *report)
{
    uint32_t leaf = (uint32_t)trap->gpr[SEVC_RAX];
    const struct sevc_cpuid_entry *entry;
    unsigned lacks;

    if (!SEVC_LIKELY(sevc_cpuid_readable(cpu))) {
        return sevc_vc_handle_fetched(cpu, trap, report);
    }
    entry = &cpu->cpuid_table->entries[sevc_cpuid_home(leaf, 0)];
    __asm__("" : "+r"(entry)); /* one address, which would else be computed from its parts again */
    lacks = sevc_cpuid_used(entry);
    if (!SEVC_LIKELY(sevc_cpuid_answers(entry, leaf, (uint32_t)trap->gpr[SEVC_RCX]))) {
        return look_again(cpu, trap, report);
    }
    return serve(cpu, trap, report, entry, lacks);
}
