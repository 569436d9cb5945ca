/* SPDX-License-Identifier: MIT */
/*
 * The leaves with sub-leaves (APM vol. 3, appendix E; Intel SDM vol. 2A, CPUID). The early handler
 * needs to know them too, so this is part of libsevc_early.a.
 */
#include "cpuid_rules.h"

#define L(number) (1ull << (number))

const struct sevc_cpuid_leaves sevc_cpuid_indexed = {
    .range = {
        L(0x4) | L(0x7) | L(0xB) | L(0xD) | L(0xF) | L(0x10) | L(0x12) | L(0x14) | L(0x17) |
            L(0x18) | L(0x1A) | L(0x1B) | L(0x1D) | L(0x1E) | L(0x1F) | L(0x20) | L(0x23) | L(0x24),
        0,
        L(0x1D) | L(0x20) | L(0x26),
    },
};
