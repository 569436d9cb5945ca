/* SPDX-License-Identifier: MIT */
/*
 * The table of pinned CPUID answers, and who may touch it when. What fills it does not matter
 * here: the host's first answers, or, sealed at once, the firmware's page of SEV-SNP.
 */
#ifndef SEVC_VC_CPUID_TABLE_H
#define SEVC_VC_CPUID_TABLE_H

#include <stddef.h>

#include <sevc/cpuid.h>

#include "cpuid_rules.h"

_Static_assert(sizeof(struct sevc_cpuid_entry) == 32, "two entries a cache line");
_Static_assert(offsetof(struct sevc_cpuid_table, entries) == 64, "the head is a line of its own");

/* The other half of sevc_cpuid_seal(): who sees it sealed sees all of it. */
static inline bool sevc_cpuid_sealed(const struct sevc_cpuid_table *table)
{
    return __atomic_load_n(&table->sealed, __ATOMIC_ACQUIRE) != 0;
}

/* May CPU read its table? Before it is sealed only the owner may, who also writes it. */
static inline bool sevc_cpuid_readable(const struct sevc_cpu *cpu)
{
    const struct sevc_cpuid_table *table = cpu->cpuid_table;

    return sevc_cpuid_sealed(table) || table->owner == cpu;
}

/* Where to begin looking: multiplicative hashing, of which the upper bits are the good ones. */
static inline uint32_t sevc_cpuid_home(uint32_t leaf, uint32_t subleaf)
{
    return (leaf * 0x9E3779B1u + subleaf * 0x85EBCA6Bu) >>
           (32 - __builtin_ctz(SEVC_CPUID_TABLE_ENTRIES));
}

/* A leaf without sub-leaves is looked up as sub-leaf 0, whatever lies in ECX. */
static inline uint32_t sevc_cpuid_subleaf(uint32_t leaf, uint32_t ecx)
{
    return ecx != 0 && sevc_cpuid_in(&sevc_cpuid_plain, leaf) ? 0 : ecx;
}

/* The entry for a leaf and what lies in ECX, or NULL. At most one look at each entry. */
static inline const struct sevc_cpuid_entry *sevc_cpuid_find(const struct sevc_cpuid_table *table,
                                                             uint32_t leaf, uint32_t ecx)
{
    uint32_t subleaf = sevc_cpuid_subleaf(leaf, ecx);
    uint32_t at = sevc_cpuid_home(leaf, subleaf);

    for (uint32_t i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
        const struct sevc_cpuid_entry *entry = &table->entries[at];

        /* An NMI may have interrupted sevc_cpuid_remember(): USED is what it writes last. */
        if (__atomic_load_n(&entry->used, __ATOMIC_RELAXED) == 0) {
            return NULL;
        }
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        if (entry->leaf == leaf && entry->subleaf == subleaf) {
            return entry;
        }
        at = (at + 1) & (SEVC_CPUID_TABLE_ENTRIES - 1);
    }
    return NULL;
}

/* Has ANSWER the static bits of ENTRY? */
static inline bool sevc_cpuid_same(const struct sevc_cpuid_entry *entry, const uint32_t answer[4])
{
    const struct sevc_cpuid_rule *rule = &sevc_cpuid_rules[entry->rule];
    uint32_t difference = 0;

    for (unsigned reg = 0; reg < 4; reg++) {
        difference |= (answer[reg] & sevc_cpuid_static(rule, reg)) ^ entry->answer[reg];
    }
    return difference == 0;
}

/*
 * Puts an answer, of which only the static bits are kept, into a table that does not have it.
 * NULL, and counted, if there is no room. Owner, unsealed, not from a nested exception.
 */
const struct sevc_cpuid_entry *sevc_cpuid_remember(struct sevc_cpuid_table *table, uint32_t leaf,
                                                   uint32_t subleaf, const uint32_t answer[4]);

#endif
