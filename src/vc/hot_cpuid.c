/* SPDX-License-Identifier: MIT */
/* The straight way (hot.h) through a CPUID exit: from the CPU's table, without one; or else the host. */
#include "cpuid_answer.h"
#include "hot.h"

#define CPUID SEVC_HOT_OPCODE(0x0F, 0xA2)

/* ---- from the host ---- */

/* Of leaf 0xD more is asked, of upper leaves more is checked. */
static __attribute__((noinline)) enum sevc_result ask(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                                      struct sevc_report *report)
{
    volatile struct sevc_ghcb_page *page = sevc_hot_page(cpu);
    uint32_t leaf = sevc_hot_gpr32(trap, SEVC_RAX);

    if (leaf == SEVC_CPUID_LEAF_XSAVE || leaf >= SEVC_CPUID_EXTENDED_MAX || !sevc_hot_take(cpu)) {
        return sevc_vc_handle_fetched(cpu, trap, report);
    }
    sevc_hot_note(report, SEVC_EXIT_CPUID, SEVC_EXIT_CPUID);
    sevc_hot_put_rax(page, leaf);
    page->rcx = sevc_hot_gpr32(trap, SEVC_RCX);
    sevc_hot_send(cpu, page, SEVC_EXIT_CPUID, 0, 0, SEVC_HOT_VALID(SEVC_GHCB_OFF_RCX));
    if (!sevc_hot_replied(page, report) || !sevc_hot_marked(page, SEVC_GHCB_OFF_RAX, 1) ||
        !sevc_hot_marked(page, SEVC_GHCB_OFF_RCX, 3)) { /* RCX, RDX, RBX lie side by side */
        return sevc_hot_refused(cpu, report);
    }
    trap->gpr[SEVC_RAX] = sevc_hot_low(&page->rax);
    trap->gpr[SEVC_RBX] = sevc_hot_low(&page->rbx);
    trap->gpr[SEVC_RCX] = sevc_hot_low(&page->rcx);
    trap->gpr[SEVC_RDX] = sevc_hot_low(&page->rdx);
    sevc_hot_give_back(cpu, page);
    return sevc_hot_complete(trap, report, 2, 1);
}

/* ---- from the table; false: the general way's, and nothing has been touched ---- */

/* Two neighbours of an answer, as one number. */
SEVC_INLINE uint64_t pair(const uint32_t *reg)
{
    uint64_t both;

    __builtin_memcpy(&both, reg, sizeof(both));
    return both;
}

/* ENTRY lacks what is this CPU's own, which is known, and perhaps a bit of CR4. */
SEVC_INLINE void serve_parts(const struct sevc_cpu *cpu, struct sevc_trap *trap,
                             const struct sevc_cpuid_entry *entry, unsigned lacks)
{
    const uint32_t *own = cpu->cpuid_own.values[lacks - SEVC_CPUID_OWN];
    uint64_t eax_ebx = pair(&entry->answer[SEVC_CPUID_EAX]) | pair(&own[SEVC_CPUID_EAX]);
    uint64_t ecx_edx = pair(&entry->answer[SEVC_CPUID_ECX]) | pair(&own[SEVC_CPUID_ECX]);

    trap->gpr[SEVC_RAX] = (uint32_t)eax_ebx;
    trap->gpr[SEVC_RBX] = eax_ebx >> 32;
    trap->gpr[SEVC_RCX] = (uint32_t)ecx_edx;
    trap->gpr[SEVC_RDX] = ecx_edx >> 32;
    if (entry->cr4_bits != 0) {
        trap->gpr[SEVC_RCX] |= sevc_cpuid_cr4(entry, trap);
    }
}

/* No size and what it is for, as below: bit 0 is set in every XCR0. */
#define IMPOSSIBLE 0

/*
 * Computes the size that ENTRY lacks, and keeps it with what it is for: by one store, so that an NMI
 * finds them together.
 */
static __attribute__((noinline)) uint64_t compute(struct sevc_cpu *cpu,
                                                  const struct sevc_cpuid_entry *entry,
                                                  uint64_t features)
{
    uint64_t bytes = sevc_cpuid_xsave_bytes(cpu->cpuid_table, entry, features);

    if (bytes > UINT32_MAX || features > UINT32_MAX) {
        return IMPOSSIBLE;
    }
    bytes = bytes << 32 | features;
    __atomic_store_n(&cpu->cpuid_own.sizes[entry->subleaf], bytes, __ATOMIC_RELAXED);
    return bytes;
}

/*
 * ENTRY, sub-leaf 0 or 1 of leaf 0xD, lacks a size that follows from XCR0 and XSS, which seldom change:
 * so the last one is kept.
 */
SEVC_INLINE bool serve_size(struct sevc_cpu *cpu, struct sevc_trap *trap,
                            const struct sevc_cpuid_entry *entry)
{
    uint64_t features = sevc_cpuid_features(entry, trap) | 1;
    uint64_t size = __atomic_load_n(&cpu->cpuid_own.sizes[entry->subleaf], __ATOMIC_RELAXED);

    if (!SEVC_LIKELY((uint32_t)size == features)) {
        size = compute(cpu, entry, features);
        if (size == IMPOSSIBLE) {
            return false;
        }
    }
    trap->gpr[SEVC_RAX] = entry->answer[SEVC_CPUID_EAX];
    trap->gpr[SEVC_RBX] = size >> 32;
    trap->gpr[SEVC_RCX] = entry->answer[SEVC_CPUID_ECX];
    trap->gpr[SEVC_RDX] = entry->answer[SEVC_CPUID_EDX];
    return true;
}

/*
 * The first look is at the home of sub-leaf 0, where most leaves are found, and for any ECX those that
 * have no others; the second at that of the sub-leaf.
 */
SEVC_INLINE bool serve(struct sevc_cpu *cpu, struct sevc_trap *trap)
{
    uint32_t leaf = (uint32_t)trap->gpr[SEVC_RAX];
    uint32_t ecx = (uint32_t)trap->gpr[SEVC_RCX];
    const struct sevc_cpuid_entry *entry = &cpu->cpuid_table->entries[sevc_cpuid_home(leaf, 0)];
    unsigned lacks = sevc_cpuid_used(entry);

    if (!SEVC_LIKELY(sevc_cpuid_answers(entry, leaf, ecx))) {
        entry = &cpu->cpuid_table->entries[sevc_cpuid_home(leaf, ecx)];
        lacks = sevc_cpuid_used(entry);
        if (!SEVC_LIKELY(sevc_cpuid_answers(entry, leaf, ecx))) {
            return false;
        }
    }
    if (SEVC_LIKELY(lacks == SEVC_CPUID_WHOLE)) {
        trap->gpr[SEVC_RAX] = entry->answer[SEVC_CPUID_EAX];
        trap->gpr[SEVC_RBX] = entry->answer[SEVC_CPUID_EBX];
        trap->gpr[SEVC_RCX] = entry->answer[SEVC_CPUID_ECX];
        trap->gpr[SEVC_RDX] = entry->answer[SEVC_CPUID_EDX];
        return true;
    }
    if (lacks == SEVC_CPUID_SIZE) {
        return serve_size(cpu, trap, entry);
    }
    if (SEVC_LIKELY(sevc_cpuid_own_known(cpu, lacks))) {
        serve_parts(cpu, trap, entry, lacks);
        return true;
    }
    return false;
}

enum sevc_result sevc_hot_cpuid(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                struct sevc_report *report)
{
    if (!sevc_hot_context(trap)) {
        return sevc_vc_handle_any(cpu, trap, report, false);
    }
    if (!sevc_hot_fetch(trap, report)) {
        return sevc_vc_handle_any(cpu, trap, report, true);
    }
    if (SEVC_LIKELY(sevc_hot_opcode(report) == CPUID)) {
        if (cpu->cpuid_table == NULL) {
            return ask(cpu, trap, report);
        }
        if (SEVC_LIKELY(sevc_cpuid_readable(cpu)) && serve(cpu, trap)) {
            sevc_hot_note(report, SEVC_EXIT_CPUID, 0);
            report->info1 = 0;
            report->info2 = 0;
            return sevc_hot_complete(trap, report, 2, 0);
        }
    }
    return sevc_vc_handle_fetched(cpu, trap, report);
}
