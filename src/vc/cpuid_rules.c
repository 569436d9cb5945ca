/* SPDX-License-Identifier: MIT */
/* The facts about single leaves (APM vol. 3, appendix E; Intel SDM vol. 2A, CPUID). */
#include "cpuid_rules.h"

#define ALL ~0u

#define LEAF_1_APIC_ID  0xFF000000u /* EBX: initial APIC id */
#define LEAF_1_APIC     (1u << 9)   /* EDX, there and in 0x8000_0001: APIC_BASE enables it */
#define LEAF_1_OSXSAVE  (1u << 27)  /* ECX */
#define CR4_OSXSAVE_BIT 18
#define LEAF_7_OSPKE    (1u << 4) /* ECX */
#define CR4_PKE_BIT     22
#define NODE_CORE       0xFFu /* 0x8000_001E, EBX: core; ECX: node; EAX: extended APIC id */

/* Slots of sevc_cpu.cpuid_own. */
enum { FEATURES, X2APIC_ID, EXTENDED_FEATURES, NODE };
_Static_assert(NODE + 1 == SEVC_CPUID_OWN_SLOTS, "struct sevc_cpuid_own has room for each");

#define ANY     SEVC_CPUID_ANY_SUBLEAF
#define NO_SLOT SEVC_CPUID_NO_SLOT
#define NOTHING SEVC_CPUID_COMPUTES_NOTHING
#define CR4     SEVC_CPUID_COMPUTES_CR4
#define XSAVE   SEVC_CPUID_COMPUTES_XSAVE

/* clang-format off */
const struct sevc_cpuid_rule sevc_cpuid_rules[] = {
    /* leaf, sub-leaf   each CPU's own: EAX, EBX, ECX, EDX      computed            slot */
    { 0, 0,             { 0 },                                 { 0 }, NO_SLOT, NOTHING, 0 },
    { 0x1, ANY,         { 0, LEAF_1_APIC_ID, 0, LEAF_1_APIC }, { 0, 0, LEAF_1_OSXSAVE, 0 },
                                                               FEATURES, CR4, CR4_OSXSAVE_BIT },
    { 0x7, 0,           { 0 },                                 { 0, 0, LEAF_7_OSPKE, 0 },
                                                               NO_SLOT, CR4, CR4_PKE_BIT },
    { 0xB, ANY,         { 0, 0, 0, ALL },                      { 0 }, X2APIC_ID, NOTHING, 0 },
    { 0xD, 0,           { 0 },                                 { 0, ALL, 0, 0 },
                                                               NO_SLOT, XSAVE, 0 },
    { 0xD, 1,           { 0 },                                 { 0, ALL, 0, 0 },
                                                               NO_SLOT, XSAVE, 0 },
    { 0x1F, ANY,        { 0, 0, 0, ALL },                      { 0 }, X2APIC_ID, NOTHING, 0 },
    { 0x80000001, ANY,  { 0, 0, 0, LEAF_1_APIC },              { 0 },
                                                               EXTENDED_FEATURES, NOTHING, 0 },
    { 0x8000001E, ANY,  { ALL, NODE_CORE, NODE_CORE, 0 },      { 0 }, NODE, NOTHING, 0 },
    { 0x80000026, ANY,  { 0, 0, 0, ALL },                      { 0 }, X2APIC_ID, NOTHING, 0 },
};
/* clang-format on */

uint32_t sevc_cpuid_rule_of(uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 1; i < sizeof(sevc_cpuid_rules) / sizeof(sevc_cpuid_rules[0]); i++) {
        const struct sevc_cpuid_rule *rule = &sevc_cpuid_rules[i];

        if (rule->leaf == leaf && (rule->subleaf == ANY || rule->subleaf == subleaf)) {
            return i;
        }
    }
    return SEVC_CPUID_RULE_STATIC;
}

#define L(number) (1ull << (number))

const struct sevc_cpuid_leaves sevc_cpuid_plain = {
    .range = {
        L(0x0) | L(0x1) | L(0x2) | L(0x3) | L(0x5) | L(0x6) | L(0x8) | L(0x9) | L(0xA) | L(0xC) |
            L(0xE) | L(0x11) | L(0x13) | L(0x15) | L(0x16) | L(0x19) | L(0x1C),
        /* Hypervisors differ above: Xen's leaf 3 has sub-leaves. */
        L(0x0) | L(0x1) | L(0x2),
        (L(0x1D) - 1) | L(0x1E) | L(0x1F) | L(0x21) | L(0x22) | L(0x23) | L(0x24) | L(0x25),
    },
};

const struct sevc_cpuid_leaves sevc_cpuid_indexed = {
    .range = {
        L(0x4) | L(0x7) | L(0xB) | L(0xD) | L(0xF) | L(0x10) | L(0x12) | L(0x14) | L(0x17) |
            L(0x18) | L(0x1A) | L(0x1B) | L(0x1D) | L(0x1E) | L(0x1F) | L(0x20) | L(0x23) | L(0x24),
        0,
        L(0x1D) | L(0x20) | L(0x26),
    },
};
