/* SPDX-License-Identifier: MIT */
/*
 * Floor 2, for the explicit calls alone: the interrupt flag, and the instructions that a machine
 * executes which is no SEV-ES guest.
 *
 * PUSHF and all of these but CLI and STI can be intercepted: nothing on the path of an exception
 * may include this file (tests/objects disassembles what that path reaches).
 */
#ifndef SEVC_ARCH_NATIVE_H
#define SEVC_ARCH_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/trap.h>

/*
 * VMMCALL with the 16 registers, RSP excepted, as in enum sevc_gpr; takes back what it leaves in
 * them.
 */
void sevc_arch_native_vmmcall(uint64_t gpr[16]);

#ifdef SEVC_ARCH_HOSTED

/* Turns interrupts off. Returns RFLAGS as they were, of which IF is what counts. */
uint64_t sevc_arch_interrupts_save(void);
/* Turns them on. */
void sevc_arch_interrupts_on(void);

/*
 * Copies BYTES to the page or from it, each read once and written once. Returns what follows them in
 * the caller's memory.
 */
const uint8_t *sevc_arch_copy_out(volatile void *to, const uint8_t *from, size_t bytes);
uint8_t *sevc_arch_copy_in(uint8_t *to, const volatile void *from, size_t bytes);

/* regs: EAX, EBX, ECX, EDX; leaf and sub-leaf in EAX and ECX. */
void sevc_arch_native_cpuid(uint32_t regs[4]);
uint64_t sevc_arch_native_rdmsr(uint32_t msr);
void sevc_arch_native_wrmsr(uint32_t msr, uint64_t value);

/* bytes: 1, 2, 4; of VALUE the low ones count. */
uint32_t sevc_arch_native_in(uint16_t port, unsigned bytes);
void sevc_arch_native_out(uint16_t port, unsigned bytes, uint32_t value);
void sevc_arch_native_ins(uint16_t port, unsigned bytes, void *buffer, size_t count);
void sevc_arch_native_outs(uint16_t port, unsigned bytes, const void *buffer, size_t count);

/* One MOV from and to a device's register. bytes: 1, 2, 4, 8. */
uint64_t sevc_arch_native_load(const volatile void *address, unsigned bytes);
void sevc_arch_native_store(volatile void *address, unsigned bytes, uint64_t value);

#else
#include "native_hardware.h"
#endif

/* Turns them on again if they were. */
static inline void sevc_arch_interrupts_restore(uint64_t rflags)
{
    if ((rflags & SEVC_RFLAGS_IF) != 0) {
        sevc_arch_interrupts_on();
    }
}

#endif
