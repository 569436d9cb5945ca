/* SPDX-License-Identifier: MIT */
/* Filling a table of pinned CPUID answers, and comparing the host's answers with a sealed one. */
#include <sevc/vc.h>

#include "../vc/cpuid_answer.h"
#include "../vc/cpuid_table.h"
#include "direct.h"

#define LEAVES_MAX        64 /* of a range: what this library knows of, with room */
#define HYPERVISOR_LEAVES 32
#define SUBLEAVES_MAX     8

#define HYPERVISOR_PRESENT (1u << 31) /* leaf 1, ECX */

/*
 * Sub-leaves in order, up to the first that is empty, which is pinned too: so is the end of the
 * list. What is each CPU's own in an empty one (EDX of the topology leaves) does not count.
 */
static enum sevc_result fill_subleaves(struct sevc_cpu *cpu, uint32_t leaf)
{
    for (uint32_t subleaf = 1; subleaf < SUBLEAVES_MAX; subleaf++) {
        struct sevc_cpuid_regs regs;
        enum sevc_result result = sevc_cpuid(cpu, leaf, subleaf, &regs);

        if (result != SEVC_OK) {
            return result;
        }
        if ((regs.eax | regs.ebx) == 0) {
            return SEVC_OK;
        }
    }
    return SEVC_OK;
}

/* FIRST says in EAX which is the last; nobody is made to ask for more than COUNT. */
static enum sevc_result fill_range(struct sevc_cpu *cpu, uint32_t first, uint32_t count)
{
    struct sevc_cpuid_regs regs;
    enum sevc_result result = sevc_cpuid(cpu, first, 0, &regs);
    uint32_t last = regs.eax;

    for (uint32_t leaf = first; result == SEVC_OK && leaf < first + count && leaf <= last; leaf++) {
        result = sevc_cpuid(cpu, leaf, 0, &regs);
        if (result == SEVC_OK && sevc_cpuid_in(&sevc_cpuid_indexed, leaf) &&
            leaf != SEVC_CPUID_LEAF_XSAVE) { /* brings its sub-leaves itself */
            result = fill_subleaves(cpu, leaf);
        }
    }
    return result;
}

enum sevc_result sevc_cpuid_fill(struct sevc_cpu *cpu)
{
    struct sevc_cpuid_regs features = { 0 };
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

/* One exchange, whatever the table says: that is what it is compared with. */
static enum sevc_result verify_entry(struct sevc_cpu *cpu, const struct sevc_cpuid_entry *entry)
{
    struct sevc_cpuid_regs regs = { .eax = entry->leaf, .ecx = entry->subleaf };
    struct sevc_direct direct;
    enum sevc_result result = sevc_direct_begin(&direct, cpu);

    if (result != SEVC_OK) {
        return result;
    }
    return sevc_direct_end(&direct, sevc_cpuid_ask(&direct.session, NULL, &regs));
}

enum sevc_result sevc_cpuid_verify(struct sevc_cpu *cpu)
{
    enum sevc_result result = SEVC_OK;

    if (!sevc_cpu_ready(cpu) || cpu->cpuid_table == NULL || !sevc_cpuid_sealed(cpu->cpuid_table)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    for (unsigned i = 0; i < SEVC_CPUID_TABLE_ENTRIES && result == SEVC_OK; i++) {
        if (cpu->cpuid_table->entries[i].used != 0) {
            result = verify_entry(cpu, &cpu->cpuid_table->entries[i]);
        }
    }
    return result;
}
