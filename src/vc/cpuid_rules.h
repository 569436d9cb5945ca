/* SPDX-License-Identifier: MIT */
/*
 * What of a CPUID answer is the same on every CPU and at all times, and what is not: data, whatever
 * the answer's source is.
 */
#ifndef SEVC_VC_CPUID_RULES_H
#define SEVC_VC_CPUID_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <sevc/cpu.h>

#define SEVC_CPUID_LEAF_XSAVE 0xDu

/* Registers of an answer, in the order of struct sevc_cpuid_regs. */
enum { SEVC_CPUID_EAX, SEVC_CPUID_EBX, SEVC_CPUID_ECX, SEVC_CPUID_EDX };

#define SEVC_CPUID_NO_SLOT 0

struct sevc_cpuid_rule {
    uint32_t leaf;
    uint32_t subleaf;     /* or SEVC_CPUID_ANY_SUBLEAF */
    uint32_t own[4];      /* the bits that are each CPU's own */
    uint32_t computed[4]; /* the bits that are computed: of ECX one, or all of EBX */
    uint8_t slot;         /* of sevc_cpu.cpuid_own; leaves with the same facts share it */
    uint8_t cr4_bit;      /* the bit of CR4 that the computed bit of ECX shows */
    uint8_t ecx_bit;      /* 0 if it is not computed */
};

#define SEVC_CPUID_ANY_SUBLEAF 0xFFFFFFFFu

/* Row 0: nothing but static bits. */
#define SEVC_CPUID_RULE_STATIC 0
extern const struct sevc_cpuid_rule sevc_cpuid_rules[];

/* The number of the row for a leaf and sub-leaf. */
uint8_t sevc_cpuid_rule_of(uint32_t leaf, uint32_t subleaf);

/* Where a CPU keeps what is its own: slots count from 1. */
static inline const uint32_t *sevc_cpuid_own_values(const struct sevc_cpu *cpu, unsigned slot)
{
    return cpu->cpuid_own.values[slot - 1];
}

static inline bool sevc_cpuid_own_known(const struct sevc_cpu *cpu, unsigned slot)
{
    return (cpu->cpuid_own.known >> slot & 1) != 0;
}

/* The static bits of a register of an answer. */
static inline uint32_t sevc_cpuid_static(const struct sevc_cpuid_rule *rule, unsigned reg)
{
    return ~(rule->own[reg] | rule->computed[reg]);
}

/*
 * Leaves by their ranges, 0, 0x4000_0000 and 0x8000_0000: a bit for each of the first 64. What the
 * manuals do not name is in neither set.
 */
struct sevc_cpuid_leaves {
    uint64_t range[4];
};
extern const struct sevc_cpuid_leaves sevc_cpuid_plain;   /* ECX does not matter */
extern const struct sevc_cpuid_leaves sevc_cpuid_indexed; /* ECX names a sub-leaf */

static inline bool sevc_cpuid_in(const struct sevc_cpuid_leaves *leaves, uint32_t leaf)
{
    uint32_t number = leaf & 0x3FFFFFFFu;

    return number < 64 && (leaves->range[leaf >> 30] >> number & 1) != 0;
}

#endif
