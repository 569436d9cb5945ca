/* SPDX-License-Identifier: MIT */
/*
 * Floor 2: the processor. The only instructions of the library that are not C.
 *
 * Two back ends with one interface: hardware.h executes; with SEVC_ARCH_HOSTED the functions
 * are ordinary symbols that a host program supplies, a scripted hypervisor in the tests.
 */
#ifndef SEVC_ARCH_H
#define SEVC_ARCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef SEVC_ARCH_HOSTED

/* VMGEXIT: gives control to the hypervisor, which acts on the GHCB MSR and the page behind it. */
void sevc_arch_vmgexit(void);

/* RDMSR and WRMSR of the GHCB MSR, which are never intercepted, and RDMSR of SEV_STATUS. */
uint64_t sevc_arch_rdmsr(uint32_t msr);
void sevc_arch_wrmsr(uint32_t msr, uint64_t value);

/* Zeroes COUNT quadwords at P. */
void sevc_arch_zero(volatile void *p, size_t count);

/* Copies COUNT quadwords, each read once and written once. The ranges do not overlap. */
static inline void sevc_arch_copy(volatile void *to, const volatile void *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ((volatile uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];
    }
}

/* CLI: a program on the host has no interrupts. */
static inline void sevc_arch_cli(void)
{
}

/* HLT: nothing more to do. */
void sevc_arch_halt(void);

/* LIDT, with the 10-byte operand. */
void sevc_arch_lidt(const void *descriptor);

/* Writes the cache line that holds P back to memory and drops it; a full fence after the last. */
void sevc_arch_clflush(const void *p);
void sevc_arch_fence(void);

/* Drops the translation of one page from this CPU's TLB. */
void sevc_arch_invlpg(uint64_t va);

#else
#include "hardware.h"
#endif

#endif
