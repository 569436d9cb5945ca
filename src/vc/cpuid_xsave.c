/* SPDX-License-Identifier: MIT */
/*
 * The sizes in CPUID leaf 0xD, EBX (APM vol. 2, 11.5; APM vol. 3, E.3.8; Intel SDM vol. 1, 13.4).
 * They follow XCR0 and IA32_XSS, which change, and are computed from what does not: of each
 * feature the sub-leaf with its size (EAX), its place in the standard form (EBX), and whether the
 * compacted form aligns it (ECX, bit 1).
 */
#include "cpuid_answer.h"

#define LEGACY_AND_HEADER 0x240u /* 512 bytes of FXSAVE, 64 of header: there whatever is enabled */
#define LEGACY_FEATURES   3ull   /* x87 and SSE lie in it */
#define ALIGNED           (1u << 1)

/* Sub-leaf 1, EAX: is there a compacted form at all? */
#define XSAVEC (1u << 1)
#define XSAVES (1u << 3)

/* No area is so large; and SEVC_CPUID_NO_BYTES is another number. */
#define IMPOSSIBLE (1ull << 32)

uint64_t sevc_cpuid_xsave_bytes(const struct sevc_cpuid_table *table,
                                const struct sevc_cpuid_entry *entry, uint64_t features)
{
    bool compacted = entry->subleaf == 1;
    uint64_t end = LEGACY_AND_HEADER;

    if (compacted && (entry->answer[SEVC_CPUID_EAX] & (XSAVEC | XSAVES)) == 0) {
        return 0;
    }
    for (features &= ~LEGACY_FEATURES; features != 0; features &= features - 1) {
        uint32_t feature = (uint32_t)__builtin_ctzll(features);
        uint64_t start = end;

        entry = sevc_cpuid_find_indexed(table, SEVC_CPUID_LEAF_XSAVE, feature);
        if (entry == NULL) {
            return SEVC_CPUID_NO_BYTES;
        }
        if (entry->answer[SEVC_CPUID_EAX] == 0) {
            return IMPOSSIBLE; /* enabled in this processor, and said not to exist */
        }
        if (!compacted) {
            start = entry->answer[SEVC_CPUID_EBX];
        } else if ((entry->answer[SEVC_CPUID_ECX] & ALIGNED) != 0) {
            start = (end + 63) & ~63ull;
        }
        start += entry->answer[SEVC_CPUID_EAX];
        end = start > end ? start : end;
    }
    return end;
}
