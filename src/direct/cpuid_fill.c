/* SPDX-License-Identifier: MIT */
/* Filling a table of pinned CPUID answers, and comparing the host's answers with a sealed one. */
#include <sevc/vc.h>

#include "direct_cpuid.h"

#define LEAVES_MAX        64 /* of a range: what this library knows of, with room */
#define HYPERVISOR_LEAVES 32
#define SUBLEAVES_MAX     8

#define HYPERVISOR_PRESENT (1u << 31) /* leaf 1, ECX */

/*
 * Sub-leaves in order, up to the first that is empty, which is pinned too: so is the end of the
 * list. What is each CPU's own in an empty one (EDX of the topology leaves) does not count. Leaf 0xD
 * brings its sub-leaves itself. *REGS: of sub-leaf 0.
 */
static enum sevc_result fill_leaf(struct sevc_cpu *cpu, uint32_t leaf, struct sevc_cpuid_regs *regs)
{
    bool indexed = sevc_cpuid_in(&sevc_cpuid_indexed, leaf) && leaf != SEVC_CPUID_LEAF_XSAVE;
    enum sevc_result result = sevc_cpuid(cpu, leaf, 0, regs);
    struct sevc_cpuid_regs more = { .eax = 1 };

    for (uint32_t subleaf = 1; indexed && subleaf < SUBLEAVES_MAX; subleaf++) {
        if (result != SEVC_OK || (more.eax | more.ebx) == 0) {
            break;
        }
        result = sevc_cpuid(cpu, leaf, subleaf, &more);
    }
    return result;
}

/* FIRST says in EAX which is the last; nobody is made to ask for more than COUNT. */
static enum sevc_result fill_range(struct sevc_cpu *cpu, uint32_t first, uint32_t count)
{
    uint32_t last = first;

    for (uint32_t leaf = first; leaf <= last; leaf++) {
        struct sevc_cpuid_regs regs;
        enum sevc_result result = fill_leaf(cpu, leaf, &regs);

        if (result != SEVC_OK) {
            return result;
        }
        if (leaf == first) {
            last = regs.eax < first + count ? regs.eax : first + count - 1;
        }
    }
    return SEVC_OK;
}

enum sevc_result sevc_cpuid_fill(struct sevc_cpu *cpu)
{
    struct sevc_cpuid_regs features;
    enum sevc_result result;

    if (!sevc_cpu_ready(cpu) || cpu->cpuid_table == NULL || cpu->cpuid_table->owner != cpu ||
        sevc_cpuid_sealed(cpu->cpuid_table)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    result = fill_range(cpu, 0, LEAVES_MAX);
    if (result == SEVC_OK) {
        result = fill_range(cpu, 0x80000000, LEAVES_MAX);
    }
    if (result == SEVC_OK) {
        result = sevc_cpuid(cpu, 1, 0, &features);
    }
    if (result == SEVC_OK && (features.ecx & HYPERVISOR_PRESENT) != 0) {
        result = fill_range(cpu, 0x40000000, HYPERVISOR_LEAVES);
    }
    return result;
}

enum sevc_result sevc_cpuid_verify(struct sevc_cpu *cpu)
{
    if (!sevc_cpu_ready(cpu) || cpu->cpuid_table == NULL || !sevc_cpuid_sealed(cpu->cpuid_table)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    for (unsigned i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
        const struct sevc_cpuid_entry *entry = &cpu->cpuid_table->entries[i];
        union sevc_cpuid_answer answer = { { .eax = entry->leaf, .ecx = entry->subleaf } };
        enum sevc_result result = SEVC_OK;

        if (entry->used != SEVC_CPUID_FREE) {
            result = sevc_direct_ask_cpuid(cpu, &answer);
        }
        if (result != SEVC_OK) {
            return result;
        }
    }
    return SEVC_OK;
}
