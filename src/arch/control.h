/* SPDX-License-Identifier: MIT */
/*
 * Floor 2, for taking over from firmware: control registers and the IDTR, as they are now.
 *
 * Each of these reads can be intercepted: nothing on the path of an exception may include this file.
 */
#ifndef SEVC_ARCH_CONTROL_H
#define SEVC_ARCH_CONTROL_H

#include <stdint.h>

#ifdef SEVC_ARCH_HOSTED

/* SIDT, with the 10-byte operand. */
void sevc_arch_sidt(void *descriptor);
uint16_t sevc_arch_cs(void);
uint64_t sevc_arch_cr3(void);
uint64_t sevc_arch_cr4(void);
/* XGETBV of XCR0: only where CR4.OSXSAVE is 1. */
uint64_t sevc_arch_xcr0(void);

#else

static inline void sevc_arch_sidt(void *descriptor)
{
    __asm__ volatile("sidt (%0)" : : "r"(descriptor) : "memory");
}

static inline uint16_t sevc_arch_cs(void)
{
    uint16_t value;

    __asm__ volatile("movw %%cs, %0" : "=r"(value));
    return value;
}

static inline uint64_t sevc_arch_cr3(void)
{
    uint64_t value;

    __asm__ volatile("movq %%cr3, %0" : "=r"(value));
    return value;
}

static inline uint64_t sevc_arch_cr4(void)
{
    uint64_t value;

    __asm__ volatile("movq %%cr4, %0" : "=r"(value));
    return value;
}

static inline uint64_t sevc_arch_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

#endif

#endif
