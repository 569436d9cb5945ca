/* SPDX-License-Identifier: MIT */
/* The table of pinned CPUID answers as a container. */
#include "cpuid_table.h"

void sevc_cpuid_table_init(struct sevc_cpuid_table *table, const struct sevc_cpu *owner,
                           enum sevc_cpuid_miss miss)
{
    table->magic = SEVC_CPUID_TABLE_MAGIC;
    table->owner = owner;
    table->miss = (uint32_t)miss;
    table->sealed = 0;
    table->count = 0;
    table->dropped = 0;
    for (uint32_t i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
        table->entries[i].used = SEVC_CPUID_FREE;
    }
}

void sevc_cpuid_seal(struct sevc_cpuid_table *table)
{
    __atomic_store_n(&table->sealed, 1, __ATOMIC_RELEASE);
}

bool sevc_cpuid_is_sealed(const struct sevc_cpuid_table *table)
{
    return sevc_cpuid_sealed(table);
}

/* Where the entry for a leaf and sub-leaf is, or else would be. In a full table: its home. */
static uint32_t place(const struct sevc_cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
    uint32_t at = sevc_cpuid_home(leaf, subleaf);

    for (uint32_t i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
        const struct sevc_cpuid_entry *entry = &table->entries[at];

        if (sevc_cpuid_used(entry) == SEVC_CPUID_FREE || sevc_cpuid_answers(entry, leaf, subleaf)) {
            break;
        }
        at = (at + 1) % SEVC_CPUID_TABLE_ENTRIES;
    }
    return at;
}

const struct sevc_cpuid_entry *sevc_cpuid_find(const struct sevc_cpuid_table *table, uint32_t leaf,
                                               uint32_t ecx)
{
    uint32_t subleaf = sevc_cpuid_subleaf(leaf, ecx);
    const struct sevc_cpuid_entry *entry = &table->entries[place(table, leaf, subleaf)];

    return sevc_cpuid_used(entry) != SEVC_CPUID_FREE && sevc_cpuid_answers(entry, leaf, subleaf)
               ? entry
               : NULL;
}

bool sevc_cpuid_same(const struct sevc_cpuid_entry *entry, const union sevc_cpuid_answer *answer)
{
    const struct sevc_cpuid_rule *rule = sevc_cpuid_rule_of(entry->leaf, entry->subleaf);
    uint32_t difference = 0;

    for (unsigned reg = 0; reg < 4; reg++) {
        difference |= (answer->reg[reg] & sevc_cpuid_static(rule, reg)) ^ entry->answer[reg];
    }
    return difference == 0;
}

const struct sevc_cpuid_entry *sevc_cpuid_remember(struct sevc_cpuid_table *table, uint32_t leaf,
                                                   uint32_t ecx,
                                                   const union sevc_cpuid_answer *answer)
{
    uint32_t subleaf = sevc_cpuid_subleaf(leaf, ecx);
    const struct sevc_cpuid_rule *rule = sevc_cpuid_rule_of(leaf, subleaf);
    struct sevc_cpuid_entry *entry;

    if (table->count == SEVC_CPUID_TABLE_ENTRIES) {
        table->dropped++;
        return NULL;
    }
    table->count++;
    entry = &table->entries[place(table, leaf, subleaf)];
    entry->leaf = leaf;
    entry->subleaf = subleaf;
    entry->ecx_mask = sevc_cpuid_in(&sevc_cpuid_plain, leaf) ? 0 : -1;
    entry->cr4_rotate = rule->cr4_rotate;
    entry->cr4_bits = rule->computed[SEVC_CPUID_ECX];
    for (unsigned reg = 0; reg < 4; reg++) {
        entry->answer[reg] = answer->reg[reg] & sevc_cpuid_static(rule, reg);
    }
    /* Last: an NMI in between must not find half an answer. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&entry->used, rule->lacks, __ATOMIC_RELAXED);
    return entry;
}
