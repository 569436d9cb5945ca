/* SPDX-License-Identifier: MIT */
/* CPUID answers that a guest must not believe (APM vol. 3, E.4.1 and E.4.17). */
#include "cpuid_lie.h"

enum sevc_reason sevc_cpuid_lie(uint32_t leaf, const struct sevc_cpuid_regs *answer, unsigned c_bit)
{
    unsigned claimed = answer->ebx & SEVC_CPUID_EBX_C_BIT_MASK;

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
