/* SPDX-License-Identifier: MIT */
/*
 * Entry code for vector 29, and helpers that put it into an IDT. These are examples that work: a
 * kernel with FRED, KPTI or shadow stacks writes its own and calls sevc_handle_vc().
 */
#ifndef SEVC_IDT_H
#define SEVC_IDT_H

#include <stdint.h>

#include <sevc/cpu.h>
#include <sevc/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An interrupt gate in 64-bit mode (APM vol. 2, 4.8.4). */
struct sevc_idt_gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;        /* bits 2:0 */
    uint8_t attributes; /* P, DPL, type */
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

/*
 * The entry points; never called, only named in gates. docs/entry.md explains them.
 *
 * sevc_vc_entry        on an IST stack that is a struct sevc_vc_stack. Ends in sevc_terminate()
 *                      where its own frame has been lost, or the stack has no level left
 * sevc_vc_entry_plain  on the interrupted stack, or TSS.RSP0; for kernels without SYSCALL, which
 *                      provide sevc_os_this_cpu()
 * sevc_early_entry     on the interrupted stack: the early handler; ends in sevc_terminate() if
 *                      that fails
 */
void sevc_vc_entry(void);
void sevc_vc_entry_plain(void);
void sevc_early_entry(void);

/*
 * Where sevc_vc_entry goes on from if it was user mode (CPL 3) that was interrupted. Weak default:
 * served in place, on the IST stack, as kernel mode is; good for kernels whose hooks need neither
 * the kernel's GS base nor another CR3.
 *
 * A kernel that has more to do defines this symbol in assembly. It is jumped to, not called: RSP
 * stands at the error code that the processor pushed on the IST stack, all other registers are the
 * user's. Its duties: its SWAPGS and CR3, leaving the IST stack (the next #VC starts at the same
 * place) before anything can raise #VC, a struct sevc_trap, sevc_handle_vc(), what
 * sevc_vc_dispatch() in src/idt/dispatch.c does with the result, and the IRETQ.
 */
void sevc_vc_entry_user(void);

/* Fills in any gate: an interrupt gate, DPL 0, present. ist: 0 (none) to 7. Pure. */
void sevc_idt_make_gate(struct sevc_idt_gate *gate, void (*entry)(void), uint16_t code_selector,
                        unsigned ist);

/*
 * Writes the runtime gate at idt[29]: sevc_vc_entry with IST, or sevc_vc_entry_plain if IST is 0.
 * DPL is 0, so that INT 29 from user mode is #GP and cannot forge a #VC frame. The IDT is the
 * caller's, and is in force or not.
 *
 * idt: the table, not the gate; code_selector: the kernel's 64-bit code segment; ist: 1 to 7, the
 * slot whose address was config.tss_ist, or 0. In an array of the TSS that starts at IST1, slot N is
 * element N - 1; in one that starts at the reserved quadword before it, element N.
 */
void sevc_idt_set(struct sevc_idt_gate *idt, uint16_t code_selector, unsigned ist);

/*
 * Makes a CPU's #VC stack usable before its sevc_cpu_init(): points *TSS_IST at its top, and ties
 * the two, with no CPU yet. Between loading the TSS and sevc_cpu_init() the early handler then
 * serves CPUID on it. Any CPU may call it for another one that is not running yet. Pure.
 */
void sevc_vc_stack_early(struct sevc_vc_stack *stack, uint64_t *tss_ist);

/* Bytes and gates of an IDT for the time before the kernel has one. */
#define SEVC_EARLY_IDT_GATES (29 + 1)

/*
 * Makes IDT (SEVC_EARLY_IDT_GATES gates, the caller's memory) hold the early entry at vector 29 and
 * nothing else, and loads it with LIDT. Call it before the first CPUID, interrupts off. Uses
 * no absolute address: may run identity-mapped before the kernel has relocated itself.
 */
void sevc_early_install(struct sevc_idt_gate *idt, uint16_t code_selector);

#ifdef __cplusplus
}
#endif

#endif
