/* SPDX-License-Identifier: MIT */
/* The facts about single leaves (APM vol. 3, appendix E; Intel SDM vol. 2A, CPUID). */
#include <stddef.h>

#include "cpuid_rules.h"

#define EAX SEVC_CPUID_EAX
#define EBX SEVC_CPUID_EBX
#define ECX SEVC_CPUID_ECX
#define EDX SEVC_CPUID_EDX

#define ALL ~0u

#define LEAF_1_APIC_ID  0xFF000000u /* EBX: initial APIC id */
#define LEAF_1_APIC     (1u << 9)   /* EDX, there and in 0x8000_0001: APIC_BASE enables it */
#define LEAF_1_OSXSAVE  27          /* ECX */
#define CR4_OSXSAVE_BIT 18
#define LEAF_7_OSPKE    4 /* ECX */
#define CR4_PKE_BIT     22
#define NODE_CORE       0xFFu /* 0x8000_001E, EBX: core; ECX: node; EAX: extended APIC id */

/* Slots of sevc_cpu.cpuid_own, from 1 on. */
enum { FEATURES = 1, X2APIC_ID, EXTENDED_FEATURES, NODE };
_Static_assert(NODE == SEVC_CPUID_OWN_SLOTS, "struct sevc_cpuid_own has room for each");

#define ANY SEVC_CPUID_ANY_SUBLEAF

const struct sevc_cpuid_rule sevc_cpuid_rules[] = {
    { 0 }, /* SEVC_CPUID_RULE_STATIC */
    { .leaf = 0x1,
      .subleaf = ANY,
      .own = { [EBX] = LEAF_1_APIC_ID, [EDX] = LEAF_1_APIC },
      .computed = { [ECX] = 1u << LEAF_1_OSXSAVE },
      .slot = FEATURES,
      .cr4_bit = CR4_OSXSAVE_BIT,
      .ecx_bit = LEAF_1_OSXSAVE },
    { .leaf = 0x7,
      .subleaf = 0,
      .computed = { [ECX] = 1u << LEAF_7_OSPKE },
      .cr4_bit = CR4_PKE_BIT,
      .ecx_bit = LEAF_7_OSPKE },
    { .leaf = 0xB, .subleaf = ANY, .own = { [EDX] = ALL }, .slot = X2APIC_ID },
    { .leaf = SEVC_CPUID_LEAF_XSAVE, .subleaf = 0, .computed = { [EBX] = ALL } },
    { .leaf = SEVC_CPUID_LEAF_XSAVE, .subleaf = 1, .computed = { [EBX] = ALL } },
    { .leaf = 0x1F, .subleaf = ANY, .own = { [EDX] = ALL }, .slot = X2APIC_ID },
    { .leaf = 0x80000001,
      .subleaf = ANY,
      .own = { [EDX] = LEAF_1_APIC },
      .slot = EXTENDED_FEATURES },
    { .leaf = 0x8000001E,
      .subleaf = ANY,
      .own = { [EAX] = ALL, [EBX] = NODE_CORE, [ECX] = NODE_CORE },
      .slot = NODE },
    { .leaf = 0x80000026, .subleaf = ANY, .own = { [EDX] = ALL }, .slot = X2APIC_ID },
};

uint8_t sevc_cpuid_rule_of(uint32_t leaf, uint32_t subleaf)
{
    for (size_t i = 1; i < sizeof(sevc_cpuid_rules) / sizeof(sevc_cpuid_rules[0]); i++) {
        const struct sevc_cpuid_rule *rule = &sevc_cpuid_rules[i];

        if (rule->leaf == leaf && (rule->subleaf == ANY || rule->subleaf == subleaf)) {
            return (uint8_t)i;
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
