/* SPDX-License-Identifier: MIT */
/*
 * The real processor. Everything is inline: on the path of an exception each call would count. None
 * of vmgexit, rdmsr, wrmsr and zero can be intercepted when used as documented in arch.h
 * (APM vol. 2, 15.35.5 and 15.35.7); halt is an automatic exit; the others are not on that path.
 */
#ifndef SEVC_ARCH_HARDWARE_H
#define SEVC_ARCH_HARDWARE_H

#include <stddef.h>
#include <stdint.h>

/* "rep; vmmcall" is VMGEXIT; older assemblers know only this spelling (APM vol. 3, VMGEXIT). */
static inline void sevc_arch_vmgexit(void)
{
    __asm__ volatile("rep; vmmcall" : : : "memory");
}

static inline uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    uint64_t low, high; /* the upper halves of both are cleared (APM vol. 3, RDMSR) */

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return high << 32 | low;
}

static inline void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline void sevc_arch_zero(volatile void *p, size_t count)
{
    __asm__ volatile("rep stosq" : "+D"(p), "+c"(count) : "a"(0ull) : "memory");
}

static inline void sevc_arch_copy(volatile void *to, const volatile void *from, size_t count)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static inline void sevc_arch_cli(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void sevc_arch_halt(void)
{
    __asm__ volatile("hlt" : : : "memory");
}

static inline void sevc_arch_lidt(const void *descriptor)
{
    __asm__ volatile("lidt (%0)" : : "r"(descriptor) : "memory");
}

static inline void sevc_arch_clflush(const void *p)
{
    __asm__ volatile("clflush (%0)" : : "r"(p) : "memory");
}

static inline void sevc_arch_fence(void)
{
    __asm__ volatile("mfence" : : : "memory");
}

static inline void sevc_arch_invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

#endif
