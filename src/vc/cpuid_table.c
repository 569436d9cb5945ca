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
        table->entries[i].used = 0;
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

const struct sevc_cpuid_entry *sevc_cpuid_remember(struct sevc_cpuid_table *table, uint32_t leaf,
                                                   uint32_t subleaf, const uint32_t answer[4])
{
    uint32_t at = sevc_cpuid_home(leaf, subleaf);
    const struct sevc_cpuid_rule *rule;
    struct sevc_cpuid_entry *entry;

    if (table->count == SEVC_CPUID_TABLE_ENTRIES) {
        table->dropped++;
        return NULL;
    }
    while (table->entries[at].used != 0) {
        at = (at + 1) & (SEVC_CPUID_TABLE_ENTRIES - 1);
    }
    entry = &table->entries[at];
    entry->leaf = leaf;
    entry->subleaf = subleaf;
    entry->rule = sevc_cpuid_rule_of(leaf, subleaf);
    rule = &sevc_cpuid_rules[entry->rule];
    entry->slot = rule->slot;
    entry->cr4_bit = rule->cr4_bit;
    entry->ecx_bit = rule->ecx_bit;
    for (unsigned reg = 0; reg < 4; reg++) {
        entry->answer[reg] = answer[reg] & sevc_cpuid_static(rule, reg);
    }
    table->count++;
    /* Last: an NMI in between must not find half an answer. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&entry->used, 1, __ATOMIC_RELAXED);
    return entry;
}
