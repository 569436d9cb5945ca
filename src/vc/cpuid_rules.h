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

/*
 * What a table's entry lacks of the answer. From SEVC_CPUID_OWN on: parts that are each CPU's own, in
 * their slot of sevc_cpu.cpuid_own, and perhaps a bit of CR4; of the first slot CR4's bit alone.
 */
enum {
    SEVC_CPUID_FREE,  /* all: there is no entry */
    SEVC_CPUID_WHOLE, /* nothing: all bits are static */
    SEVC_CPUID_SIZE,  /* EBX, a size of the XSAVE area */
    SEVC_CPUID_OWN,
};

struct sevc_cpuid_rule {
    uint32_t leaf;
    uint32_t subleaf;     /* or SEVC_CPUID_ANY_SUBLEAF */
    uint32_t own[4];      /* the bits that are each CPU's own */
    uint32_t computed[4]; /* the bits that are computed: of ECX one, from CR4, or all of EBX */
    uint8_t lacks;        /* SEVC_CPUID_WHOLE and so on */
    uint8_t cr4_rotate;   /* CR4, turned left by so much, has its bit where ECX shows it */
};

#define SEVC_CPUID_ANY_SUBLEAF 0xFFFFFFFFu

/* The facts about a leaf and sub-leaf. */
const struct sevc_cpuid_rule *sevc_cpuid_rule_of(uint32_t leaf, uint32_t subleaf);

/* Has CPU learnt what an answer LACKS? Of the first slot, which has nothing, every CPU knows all. */
static inline bool sevc_cpuid_own_known(const struct sevc_cpu *cpu, unsigned lacks)
{
    return ((cpu->cpuid_own.known | 1u << SEVC_CPUID_OWN) >> lacks & 1) != 0;
}

/* A slot: the first one for what is whole, and for a size. */
static inline unsigned sevc_cpuid_slot(unsigned lacks)
{
    return lacks < SEVC_CPUID_OWN ? 0 : lacks - SEVC_CPUID_OWN;
}

/* The topology leaves, and no other, have all of EDX for the CPU itself. */
static inline bool sevc_cpuid_has_x2apic_id(const struct sevc_cpuid_rule *rule)
{
    return rule->own[SEVC_CPUID_EDX] == ~0u;
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
