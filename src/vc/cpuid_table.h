/* SPDX-License-Identifier: MIT */
/*
 * The table of pinned CPUID answers, and who may touch it when. What fills it does not matter
 * here: the host's first answers, or, sealed at once, the firmware's page of SEV-SNP.
 */
#ifndef SEVC_VC_CPUID_TABLE_H
#define SEVC_VC_CPUID_TABLE_H

#include <stddef.h>

#include <sevc/cpuid.h>
#include <sevc/event.h>

#include "cpuid_rules.h"

/* A question, in EAX and ECX, and then the answer to it: by name, or by number (SEVC_CPUID_EAX). */
union sevc_cpuid_answer {
    struct sevc_cpuid_regs regs;
    uint32_t reg[4];
};
_Static_assert(sizeof(union sevc_cpuid_answer) == 16, "the same four registers");

_Static_assert(sizeof(struct sevc_cpuid_entry) == 32, "two entries a cache line");
_Static_assert(offsetof(struct sevc_cpuid_table, magic) % 64 == 0, "the rest is a line of its own");

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

/*
 * Where to begin looking: multiplicative hashing, of which the upper bits are the good ones. The factors
 * were searched for: in a table of 128, no two of what kernels ask for have the same home (cpuid.fill).
 */
static inline uint32_t sevc_cpuid_home(uint32_t leaf, uint32_t subleaf)
{
    return (leaf * 0x7603ADA7u + subleaf * 0x755EC3FDu) >>
           (32 - __builtin_ctz(SEVC_CPUID_TABLE_ENTRIES));
}

/* What an entry lacks. An NMI may have interrupted sevc_cpuid_remember(), which writes this last. */
static inline unsigned sevc_cpuid_used(const struct sevc_cpuid_entry *entry)
{
    unsigned used = __atomic_load_n(&entry->used, __ATOMIC_RELAXED);

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return used;
}

/* Is an entry, if it is used, the one for a leaf and what lies in ECX? */
static inline bool sevc_cpuid_answers(const struct sevc_cpuid_entry *entry, uint32_t leaf,
                                      uint32_t ecx)
{
    uint32_t mask = (uint32_t)(int32_t)entry->ecx_mask;

    return ((entry->leaf ^ leaf) | ((ecx & mask) ^ entry->subleaf)) == 0;
}

/* A leaf without sub-leaves is looked up as sub-leaf 0, whatever lies in ECX. */
static inline uint32_t sevc_cpuid_subleaf(uint32_t leaf, uint32_t ecx)
{
    return sevc_cpuid_in(&sevc_cpuid_plain, leaf) ? 0 : ecx;
}

/* The entry for a leaf and what lies in ECX, or NULL. At most one look at each entry. */
const struct sevc_cpuid_entry *sevc_cpuid_find(const struct sevc_cpuid_table *table, uint32_t leaf,
                                               uint32_t ecx);

/* The same, of a leaf with sub-leaves: most are at home. */
static inline const struct sevc_cpuid_entry *sevc_cpuid_find_indexed(
    const struct sevc_cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
    const struct sevc_cpuid_entry *entry = &table->entries[sevc_cpuid_home(leaf, subleaf)];

    return sevc_cpuid_used(entry) != SEVC_CPUID_FREE && sevc_cpuid_answers(entry, leaf, subleaf)
               ? entry
               : sevc_cpuid_find(table, leaf, subleaf);
}

/* Has ANSWER the static bits of ENTRY? */
bool sevc_cpuid_same(const struct sevc_cpuid_entry *entry, const union sevc_cpuid_answer *answer);

/*
 * Puts an answer, of which only the static bits are kept, into a table that does not have it.
 * NULL, and counted, if there is no room. Owner, unsealed, not from a nested exception.
 */
const struct sevc_cpuid_entry *sevc_cpuid_remember(struct sevc_cpuid_table *table, uint32_t leaf,
                                                   uint32_t ecx,
                                                   const union sevc_cpuid_answer *answer);

#endif
