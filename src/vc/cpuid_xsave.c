/* SPDX-License-Identifier: MIT */
/*
 * The sizes in CPUID leaf 0xD, EBX (APM vol. 2, 11.5; APM vol. 3, E.3.8; Intel SDM vol. 1, 13.4).
 * They follow XCR0 and IA32_XSS, which change, and are computed from what does not: of each
 * feature the sub-leaf with its size (EAX), its place in the standard form (EBX), and whether the
 * compacted form aligns it (ECX, bit 1).
 */
#include "cpuid_table.h"

#define LEGACY_AND_HEADER 0x240u /* 512 bytes of FXSAVE, 64 of header: there whatever is enabled */
#define LEGACY_FEATURES   3ull   /* x87 and SSE lie in it */
#define ALIGNED           (1u << 1)

enum sevc_result sevc_cpuid_xsave_bytes(const struct sevc_cpuid_table *table, bool compacted,
                                        uint64_t features, uint32_t *bytes)
{
    uint64_t end = LEGACY_AND_HEADER;

    for (features &= ~LEGACY_FEATURES; features != 0; features &= features - 1) {
        uint32_t feature = (uint32_t)__builtin_ctzll(features);
        const struct sevc_cpuid_entry *entry =
            sevc_cpuid_find(table, SEVC_CPUID_LEAF_XSAVE, feature);
        uint64_t start;

        if (entry == NULL) {
            return SEVC_RETRY;
        }
        if (entry->answer[SEVC_CPUID_EAX] == 0) {
            return SEVC_HOST_ERROR; /* enabled in this processor, and said not to exist */
        }
        if (!compacted) {
            start = entry->answer[SEVC_CPUID_EBX];
        } else if ((entry->answer[SEVC_CPUID_ECX] & ALIGNED) != 0) {
            start = (end + 63) & ~63ull;
        } else {
            start = end;
        }
        if (start + entry->answer[SEVC_CPUID_EAX] > end) {
            end = start + entry->answer[SEVC_CPUID_EAX];
        }
    }
    if (end > UINT32_MAX) {
        return SEVC_HOST_ERROR; /* cut to 32 bits it would make a buffer too small */
    }
    *bytes = (uint32_t)end;
    return SEVC_OK;
}
