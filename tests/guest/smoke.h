/* SPDX-License-Identifier: MIT */
#ifndef SMOKE_H
#define SMOKE_H

#include <stdint.h>

/* As smoke_entry.S pushes it; the processor's part begins at error_code. */
struct smoke_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t error_code, rip, cs, rflags, rsp, ss;
};

void smoke_main(void);
void smoke_vc(struct smoke_frame *frame);
void smoke_install(void); /* smoke_entry.S: an IDT with vector 29 */
_Noreturn void fail(unsigned step);

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void vmgexit(void)
{
    __asm__ volatile("rep; vmmcall" : : : "memory");
}

static inline uint64_t read_cr3(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void cpuid(uint32_t leaf, uint32_t regs[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(leaf), "c"(0));
}

static inline uint32_t mmio_read32(uint64_t address)
{
    uint32_t value;
    __asm__ volatile("movl (%%rsi), %%eax" : "=a"(value) : "S"(address) : "memory");
    return value;
}

#endif
