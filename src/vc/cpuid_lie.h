/* SPDX-License-Identifier: MIT */
/*
 * CPUID answers that a guest must not believe. A host that denies SEV makes the guest turn
 * encryption off by itself; one that moves the C-bit makes it write its secrets to plain memory
 * (Radev and Morbitzer, 2020). That a #VC arrived at all proves that SEV-ES is active.
 */
#ifndef SEVC_VC_CPUID_LIE_H
#define SEVC_VC_CPUID_LIE_H

#include <sevc/event.h>
#include <sevc/svm.h>

#define SEVC_CPUID_EXTENDED_MAX 0x80000000u

/*
 * Why the host's ANSWER for LEAF is a lie, or SEVC_REASON_NONE. c_bit: the position that is known
 * from elsewhere, or 0 if it is not.
 */
static inline enum sevc_reason sevc_cpuid_lie(uint32_t leaf, const struct sevc_cpuid_regs *answer,
                                              unsigned c_bit)
{
    unsigned claimed = answer->ebx & SEVC_CPUID_EBX_C_BIT_MASK;

    if (leaf < SEVC_CPUID_EXTENDED_MAX) {
        return SEVC_REASON_NONE; /* most leaves, at once */
    }
    if (leaf == SEVC_CPUID_EXTENDED_MAX && answer->eax < SEVC_CPUID_MEMORY_ENCRYPTION) {
        return SEVC_REASON_HIDES_SEV;
    }
    if (leaf != SEVC_CPUID_MEMORY_ENCRYPTION) {
        return SEVC_REASON_NONE;
    }
    if ((answer->eax & SEVC_CPUID_EAX_SEV) == 0 || (answer->eax & SEVC_CPUID_EAX_SEV_ES) == 0) {
        return SEVC_REASON_HIDES_SEV;
    }
    if (claimed < SEVC_C_BIT_MIN || (c_bit != 0 && claimed != c_bit)) {
        return SEVC_REASON_C_BIT;
    }
    return SEVC_REASON_NONE;
}

#endif
