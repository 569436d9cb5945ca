/* SPDX-License-Identifier: MIT */
/*
 * Guests that check the emulated platform's processors and NMIs. No library here: a mistake in it
 * could hide one of the platform. One kernel holds all cases; its command line names one, and
 * smp_test.py says how each must end. Identity mapped; RAM with the C-bit.
 */
#ifndef SMP_H
#define SMP_H

#include <stdbool.h>
#include <stdint.h>

#define C_BIT      (1ull << 47)
#define PAGE       4096
#define LAPIC      0xFEE00000ull
#define CODE64     0x08
#define IRQ_VECTOR 0xE0
#define MAX_CPUS   8

/* As smp_entry.S pushes it. */
struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

struct cpu {
    struct cpu *self; /* at GS:0 */
    unsigned index;
    volatile uint8_t *ghcb; /* shared mappings: for the program, and for NMI handlers */
    volatile uint8_t *nmi_ghcb;
    volatile uint64_t vcs, irqs;
    volatile uint64_t nmis, nmi_depth, nmi_depth_max;
    volatile uint64_t nmi_rip; /* that the last one interrupted */
    volatile uint64_t rounds;  /* of the case's work */
    volatile uint32_t alive;   /* how often it has come through the trampoline */
    volatile bool offline;     /* set directly before it asks for reset hold */
};

struct smp_case {
    const char *name;
    void (*run)(void);           /* on the first processor; returns: success */
    void (*work)(struct cpu *c); /* on the others, each time they are started */
    void (*on_nmi)(struct cpu *c, struct frame *frame); /* instead of nmi_done() */
};

extern const struct smp_case smp_start_cases[], smp_memory_cases[], smp_nmi_cases[];
extern struct cpu cpus[MAX_CPUS];
extern unsigned cpu_count;

/* Ends the guest: 0 is success. The line is the failure code. */
_Noreturn void finish(unsigned code);
#define CHECK(what) ((what) ? (void)0 : finish(__LINE__))

/* ---- smp.c: the little kernel ---- */

struct cpu *this_cpu(void);
/* A physical page at a place of its own; bits: C_BIT or 0. */
volatile uint8_t *window(unsigned slot, uint64_t pa, uint64_t bits);

void ghcb_begin(volatile uint8_t *ghcb, uint64_t code, uint64_t info1, uint64_t info2);
void ghcb_put(volatile uint8_t *ghcb, unsigned offset, uint64_t value);
uint64_t ghcb_get(volatile uint8_t *ghcb, unsigned offset);
void ghcb_call(volatile uint8_t *ghcb); /* an error of the host ends the guest */
void ghcb_out(uint16_t port, unsigned size, uint32_t value);
void mmio_write32(uint64_t gpa, uint32_t value);
uint32_t mmio_read32(uint64_t gpa);
uint32_t cpuid_eax(uint32_t leaf); /* by #VC */

/* The default NMI handler: counts, and sends NMI_COMPLETE. */
void nmi_complete(struct cpu *c);

uint64_t jump_table(void);
void point_jump_table(void); /* at the trampoline */
#define ICR_NMI  0x4400u
#define ICR_INIT 0x4500u
#define ICR_SIPI 0x4608u
void send_icr(unsigned to, uint32_t low);
void wake(unsigned index); /* INIT, SIPI, until it has come up once more */
void wake_all(void);
/* Reset hold, by event or by MSR; goes on when woken. */
void hold(struct cpu *c, bool by_msr);

/* ---- smp_entry.S ---- */

extern const uint8_t stubs[256][16], trampoline_start[];
extern const uint32_t trampoline_bytes;
extern uint8_t idt[], gdt[];
extern uint8_t vmgexit_end[]; /* the instruction behind the VMGEXIT of ghcb_call() */
extern volatile uint64_t trampoline_cr3, trampoline_stack, trampoline_cpu;
void load_tables(void);
void vmgexit(void);

/* ---- instructions ---- */

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

static inline uint64_t read_cr3(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline void pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

#endif
