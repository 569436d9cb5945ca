/* SPDX-License-Identifier: MIT */
/*
 * The emulated platform's own guests. No library here: everything is done by hand, so that a
 * mistake in the library cannot hide one in the platform, or the other way round.
 *
 * One kernel holds all cases; its command line names the one to run (smoke_test.py has the list
 * with the verdict that each must end with).
 */
#ifndef SMOKE_H
#define SMOKE_H

#include <stdbool.h>
#include <stdint.h>

#define C_BIT      (1ull << 47)
#define PAGE       4096
#define VC_VECTOR  29
#define IRQ_VECTOR 0x40
#define LAPIC      0xFEE00000ull

#define CODE64    0x08
#define DATA      0x10
#define USER_DATA 0x1B
#define USER_CODE 0x23
#define TSS       0x28
#define CODE32    0x38
#define DATA32    0x40

/* As smoke_entry.S pushes it; the processor's part begins at error_code. */
struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

struct smoke_case {
    const char *name;
    void (*run)(void);
};

/* Each ends with a null name. */
extern const struct smoke_case smoke_good[], smoke_memory[], smoke_die[], smoke_hostile[],
    smoke_nmi[];

/* ---- smoke.c: the little kernel ---- */

/* Ends the guest: 0 is success. */
_Noreturn void finish(unsigned code);
/* The line is the failure code, so that a verdict names what went wrong. */
#define CHECK(what) ((what) ? (void)0 : finish(__LINE__))

/* The last #VC, and the last other exception (vector 0: none). */
extern volatile struct seen {
    uint64_t vc_count, vc_error;
    uint64_t fault_count, fault_vector, fault_error, fault_cr2;
    uint64_t irq_count;
    struct frame vc_frame; /* as it arrived */
    uint64_t vc_rsp;       /* behind the frame: where the stack began */
} seen;

extern const uint64_t *start_info;
extern uint64_t entry_rsp, entry_rflags; /* smoke_entry.S */

/* Bytes to skip instead of serving a #VC; bytes to skip at any other exception (0: fatal). */
extern volatile unsigned vc_skip, fault_skip;
/* A page-table entry to write when #PF comes, then retry. */
extern uint64_t *volatile fault_fix_entry;
extern volatile uint64_t fault_fix_value;

uint64_t phys(const volatile void *pointer);
/* Maps a physical page at a place of its own; bits: C_BIT, PTE_USER... */
volatile uint8_t *window(unsigned slot, uint64_t pa, uint64_t bits);
uint64_t *window_entry(unsigned slot);

void set_gate(unsigned vector, uint64_t handler, unsigned ist, unsigned type);
void set_stacks(uint64_t rsp0, uint64_t ist1);
uint64_t stub_of(unsigned vector);

extern volatile uint8_t *ghcb; /* the shared mapping */
extern uint8_t ghcb_page[PAGE];
void ghcb_begin(uint64_t code, uint64_t info1, uint64_t info2);
void ghcb_put(unsigned offset, uint64_t value);
void ghcb_call(void);
void ghcb_out(uint16_t port, unsigned size, uint32_t value);
void mmio_write32(uint64_t gpa, uint32_t value); /* by the GHCB, no exception */
uint32_t mmio_read32(uint64_t gpa);              /* an instruction: raises #VC */

/* ---- smoke_nmi.c ---- */

void nmi_to_self(void);
void send_nmi(void (*handler)(void)); /* the same, with a handler */

/* ---- smoke_entry.S, smoke_mode32.S ---- */

extern const uint8_t stubs[65][16];
extern uint8_t idt[], gdt[];
void load_tables(void);
/* Goes to user mode; comes back when an exception calls leave_user through a gate. */
void enter_user(uint64_t rip, uint64_t rsp);
void leave_user(void);
/* Runs CPUID leaf 0x8000001F in 32-bit protected mode, paged and not, and comes back. */
uint64_t mode32_run(uint64_t long_cr3, uint64_t pae_cr3);
extern uint32_t mode32_error, mode32_eax, mode32_unpaged;

/* ---- instructions ---- */

#define PTE_USER 4ull

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

static inline void write_cr3(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void cpuid(uint32_t leaf, uint32_t regs[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                     : "a"(leaf), "c"(0));
}

static inline uint64_t read_rflags(void)
{
    uint64_t value;
    __asm__ volatile("pushfq; popq %0" : "=r"(value));
    return value;
}

#endif
