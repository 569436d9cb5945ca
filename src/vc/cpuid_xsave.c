/* SPDX-License-Identifier: MIT */
/*
 * The sizes in CPUID leaf 0xD, EBX (APM vol. 2, 11.5; APM vol. 3, E.3.8; Intel SDM vol. 1, 13.4).
 * They follow XCR0 and IA32_XSS, which change, and are computed from what does not: of each
 * feature the sub-leaf with its size (EAX), its place in the standard form (EBX), and whether the
 * compacted form aligns it (ECX, bit 1).
 */
#include <sevc/os.h>

#include "cpuid_answer.h"

#define LEGACY_AND_HEADER 0x240u /* 512 bytes of FXSAVE, 64 of header: there whatever is enabled */
#define LEGACY_FEATURES   3ull   /* x87 and SSE lie in it */
#define ALIGNED           (1u << 1)

#define CR4_OSXSAVE (1ull << 18)

/* Sub-leaf 1, EAX: is there a compacted form at all? */
#define XSAVEC (1u << 1)
#define XSAVES (1u << 3)

/*
 * For FEATURES: XCR0, or of the compacted form XCR0 | XSS. SEVC_RETRY: a sub-leaf is not in the
 * table;
 * SEVC_HOST_ERROR: a size that cannot be.
 */
static enum sevc_result area_bytes(const struct sevc_cpuid_table *table, bool compacted,
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

void sevc_cpuid_xsave_state(const struct sevc_trap *trap, uint64_t *xcr0, uint64_t *xss)
{
    uint64_t cr4 = sevc_os_register(trap, SEVC_OS_CR4);

    *xcr0 = (cr4 & CR4_OSXSAVE) != 0 ? sevc_os_register(trap, SEVC_OS_XCR0) : 1;
    *xss = sevc_os_register(trap, SEVC_OS_XSS);
}

enum sevc_result sevc_cpuid_xsave_bytes(const struct sevc_cpuid_table *table,
                                        const struct sevc_cpuid_entry *entry,
                                        const struct sevc_trap *trap, uint32_t *bytes)
{
    bool compacted = entry->subleaf == 1;
    uint64_t xcr0, xss;

    if (compacted && (entry->answer[SEVC_CPUID_EAX] & (XSAVEC | XSAVES)) == 0) {
        *bytes = 0;
        return SEVC_OK;
    }
    sevc_cpuid_xsave_state(trap, &xcr0, &xss);
    return area_bytes(table, compacted, compacted ? xcr0 | xss : xcr0, bytes);
}
