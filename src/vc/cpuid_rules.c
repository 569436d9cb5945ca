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

/* Slots of sevc_cpu.cpuid_own. What is not implemented reads zero, so each leaf has its own. */
enum { NOTHING = SEVC_CPUID_OWN, FEATURES, LEAF_B, LEAF_1F, LEAF_26, EXTENDED_FEATURES, NODE, END };
_Static_assert(END - SEVC_CPUID_OWN == SEVC_CPUID_OWN_SLOTS, "struct sevc_cpuid_own has each");

#define ANY SEVC_CPUID_ANY_SUBLEAF

#define X2APIC_ID .own = { [EDX] = ALL } /* sevc_cpuid_has_x2apic_id() */

/* A bit of CR4 that is shown in ECX. */
#define SHOWN(ecx_bit, cr4_bit)                                                                    \
    .computed = { [ECX] = 1u << (ecx_bit) }, .cr4_rotate = ((ecx_bit) - (cr4_bit)) & 63

static const struct sevc_cpuid_rule rules[] = {
    { .leaf = 0x1,
      .subleaf = ANY,
      .lacks = FEATURES,
      .own = { [EBX] = LEAF_1_APIC_ID, [EDX] = LEAF_1_APIC },
      SHOWN(LEAF_1_OSXSAVE, CR4_OSXSAVE_BIT) },
    { .leaf = 0x7, .subleaf = 0, .lacks = NOTHING, SHOWN(LEAF_7_OSPKE, CR4_PKE_BIT) },
    { .leaf = 0xB, .subleaf = ANY, .lacks = LEAF_B, X2APIC_ID },
    { .leaf = SEVC_CPUID_LEAF_XSAVE,
      .subleaf = 0,
      .lacks = SEVC_CPUID_SIZE,
      .computed = { [EBX] = ALL } },
    { .leaf = SEVC_CPUID_LEAF_XSAVE,
      .subleaf = 1,
      .lacks = SEVC_CPUID_SIZE,
      .computed = { [EBX] = ALL } },
    { .leaf = 0x1F, .subleaf = ANY, .lacks = LEAF_1F, X2APIC_ID },
    { .leaf = 0x80000001,
      .subleaf = ANY,
      .lacks = EXTENDED_FEATURES,
      .own = { [EDX] = LEAF_1_APIC } },
    { .leaf = 0x8000001E,
      .subleaf = ANY,
      .lacks = NODE,
      .own = { [EAX] = ALL, [EBX] = NODE_CORE, [ECX] = NODE_CORE } },
    { .leaf = 0x80000026, .subleaf = ANY, .lacks = LEAF_26, X2APIC_ID },
};

const struct sevc_cpuid_rule *sevc_cpuid_rule_of(uint32_t leaf, uint32_t subleaf)
{
    static const struct sevc_cpuid_rule all_static = { .lacks = SEVC_CPUID_WHOLE };
    const struct sevc_cpuid_rule *rule;

    for (rule = rules; rule < rules + sizeof(rules) / sizeof(rules[0]); rule++) {
        if (rule->leaf == leaf && (rule->subleaf == ANY || rule->subleaf == subleaf)) {
            return rule;
        }
    }
    return &all_static;
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
