/* SPDX-License-Identifier: MIT */
/* The kernel's own functions, file by file: a table of contents. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/sevc.h>

#include "bootinfo.h"
#include "layout.h"

#define PAGE_BYTES 4096ull

/* ---- main.c, or a guest test ---- */

__attribute__((noreturn)) void kernel_main(const struct start_info *info);

/* ---- paging.c ---- */

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITABLE (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_UNCACHED (1ull << 4)
#define PTE_LARGE    (1ull << 7)
#define PTE_NX       (1ull << 63)

extern struct sevc_paging paging; /* the one address space */

/* From the loader's page tables to our own, in which INFO is not mapped. */
void paging_init(const struct start_info *info, uint8_t c_bit);

/* A zeroed, encrypted page of the linear map. There is no free(). */
void *page_alloc(void);

/* Physical address of something in the linear map. */
uint64_t gpa_of(const void *p);

/* Makes the entry for one page: GPA with its flags, and with the C-bit if ENCRYPTED. */
void page_map(uint64_t va, uint64_t gpa, uint64_t flags, bool encrypted);

/* The virtual address of a device's registers; BYTES from GPA on are mapped without the C-bit. */
volatile void *mmio_map(uint64_t gpa, uint64_t bytes);

/* ---- segments.c ---- */

/* The TSS begins at reserved_0; the word before it aligns the rest. */
struct tss {
    uint32_t padding;
    uint32_t reserved_0;
    uint64_t rsp[3];
    uint64_t ist[8]; /* ist[0] is reserved */
    uint64_t reserved_1;
    uint16_t reserved_2;
    uint16_t iomap;
};

extern struct tss tss;

#define GDT_WORDS 7

/* Loads GDT and task register: the boot processor's, and another one's. */
void segments_init(void);
void segments_load(uint64_t *table, struct tss *task);

/* ---- interrupts.c, isr.S ---- */

extern struct sevc_idt_gate idt[256];

/* Loads an IDT with a gate for every vector, of which 29 is the early handler's. */
void interrupts_init(void);

/* The same IDT on another processor. */
void interrupts_load(void);

/* Calls the kernel's own handler of FAULT, for sevc_os_raise(). */
void trap_deliver(struct sevc_trap *trap, const struct sevc_fault *fault);

/* Who handles VECTOR; NULL: the default, which is a panic for most. */
void interrupt_set(unsigned vector, void (*handler)(struct sevc_trap *trap, unsigned vector));

/* What isr.S calls. */
void interrupt(struct sevc_trap *trap, unsigned vector);

/* RDMSR that survives #GP. */
bool rdmsr_safe(uint32_t msr, uint64_t *value);

/* ---- os_hooks.c: the port ---- */

/* Before everything else: CPUID works from here on. Returns the position of the C-bit. */
uint8_t vc_early(void);

/* Gives this CPU its GHCB. From here on the runtime handler serves #VC. */
void vc_init(void);

/* NMIs go to sevc_nmi_entry, on a stack of their own. After vc_init(). */
void nmi_init(void);

extern struct sevc_cpu cpu; /* the boot processor's */
extern struct sevc_vc_stack vc_stack;

/* ---- os_smp.c: the port, the part for several processors and NMIs ---- */

/* A page for each stack: the first word of all of them names the CPU, see this_cpu(). */
struct kernel_stack {
    struct sevc_cpu *cpu;
    uint8_t bytes[SEVC_VC_STACK_BYTES - sizeof(struct sevc_cpu *)];
} __attribute__((aligned(SEVC_VC_STACK_BYTES)));

enum ap_state { AP_NEVER_SEEN, AP_ONLINE, AP_BUSY, AP_HELD, AP_FAILED };

/* An application processor. */
struct ap {
    struct kernel_stack stack;
    struct sevc_vc_stack vc_stack;
    struct sevc_nmi_stack nmi_stack;
    struct sevc_cpu cpu;
    struct sevc_shared_page ghcb;
    void *backup;
    struct tss tss;
    uint64_t gdt[GDT_WORDS];
    unsigned id; /* local APIC ID */
    volatile enum ap_state state;
    void (*volatile command)(void);
};
extern struct ap aps[MAX_CPUS - 1];

/* Which CPU is this? Found through RSP, so it works in every context. */
unsigned this_cpu(void);
struct sevc_cpu *cpu_of(unsigned n);
struct sevc_vc_stack *vc_stack_of(unsigned n);

/* Starts one through the jump table; false if it does not appear. */
bool ap_start(unsigned n, volatile struct sevc_ap_jump_table *table);

/* INIT and SIPI, until its state is AP_ONLINE. */
bool ap_wake(unsigned n);

/* Hands a command to an idle AP. */
void ap_command(unsigned n, void (*command)(void));

/* A command: this processor into AP reset hold; returns when it has been woken. */
void ap_hold(void);

/* The same for good. */
void ap_park(void);

extern uint64_t nmi_count[MAX_CPUS];

/* ---- smp.c ---- */

unsigned smp_failures(void);
void show_smp(void);
void show_storm(void);

/* All other processors go offline. */
void smp_park(void);

/* ---- account.c ---- */

/* How many CPUIDs the early handler has served: it leaves no record of its own; and multiboot2.S. */
extern unsigned early_cpuids, early_sev_infos;

/* A call of event.h that the kernel makes itself: no exception, but VMGEXITs. */
void account_event(const struct sevc_report *report);

/* Exchanges that this processor will not live to count, or that nobody else counts. */
void account_vmgexits(uint64_t code, uint64_t count);

/* Requests by the MSR protocol that the firmware has made for us: AP reset hold. */
extern unsigned firmware_holds;

/* Prints what has been counted, this very output included, and ends: 0 is success. */
__attribute__((noreturn)) void account_and_exit(unsigned status);

/* The same while NMIs may arrive at any time: waits for one that interrupts nothing that counts. */
__attribute__((noreturn)) void account_when_quiet(unsigned status);

/*
 * To be called for each NMI. First: may be the one that account_when_quiet() waits for. Last, behind
 * NMI_COMPLETE: the GHCB that it has interrupted has to hold again what it held.
 */
void account_nmi(const struct sevc_trap *trap);
void account_nmi_completed(void);

/* How many NMIs have found a GHCB in use, and how many of those have left it changed. */
extern uint64_t ghcbs_interrupted, ghcbs_changed;

/* How many #VCs with this exit code on this CPU so far; how many VMGEXITs with this code. */
uint64_t account_vc(uint64_t exit_code);
uint64_t account_exits(uint64_t code);

/* ---- console.c ---- */

void console_init(void);
void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same into a buffer; returns the length. Understands %s %c %u %x %lu %lx %%, width, zero. */
size_t ksnprintf(char *to, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- exit.c, vc_panic.c ---- */

/* Says what became of a #VC that could not be handled, and ends with failure. */
void vc_panic(struct sevc_trap *trap, const struct sevc_report *report);
__attribute__((noreturn)) void panic(const char *why);

/* Before the first word of a panic: one that is raised by panics has no end of its own. */
void panic_begins(void);

/* Ends without a report. */
__attribute__((noreturn)) void machine_exit(unsigned status);

/* ---- apic.c ---- */

void apic_init(void);
uint32_t apic_read(unsigned reg);
void apic_write(unsigned reg, uint32_t value);
void apic_timer_start(uint32_t microseconds);
void apic_timer_stop(void);
unsigned apic_ticks(void);
void apic_enable(void);
void apic_send(unsigned id, uint32_t command);
void apic_eoi(void);
uint64_t hpet_capabilities(void);
void hpet_start(void);
uint32_t hpet_counter(void);

/* ---- pci.c ---- */

uint32_t pci_read(unsigned bus, unsigned device, unsigned function, unsigned reg);
void pci_write(unsigned bus, unsigned device, unsigned function, unsigned reg, uint32_t value);
unsigned pci_list(void);

/* ---- user.c, user.S ---- */

/* Runs the code from CODE to END at CPL 3 until it executes INT VECTOR_USER_EXIT; its registers are in *STATE. */
void user_run(const char *code, const char *end, struct sevc_trap *state);
void user_exit(const struct sevc_trap *trap);

extern const char user_cpuid_code[], user_cpuid_end[];

/* ---- string.c ---- */

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);

#endif
