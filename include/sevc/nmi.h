/* SPDX-License-Identifier: MIT */
/*
 * NMIs of an SEV-ES guest. The host cannot see the guest's IRET, so it is told when the next NMI
 * may come (NMI_COMPLETE), and from that moment on it may come, before the handler's own IRET.
 * The IRET of a #VC inside the handler opens the window too, where the host uses virtual NMIs.
 *
 * A kernel either names sevc_nmi_entry in gate 2 of its IDT, or keeps its own NMI entry and adds
 * sevc_nmi_enter(), sevc_nmi_complete() and sevc_nmi_leave() to it. docs/entry.md: "NMIs".
 */
#ifndef SEVC_NMI_H
#define SEVC_NMI_H

#include <stdint.h>

#include <sevc/cpu.h>
#include <sevc/status.h>
#include <sevc/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEVC_NMI_VECTOR 2

/*
 * The stack of the NMI's IST slot, aligned to its size. The processor writes at the top, for a few
 * instructions only; the handler runs further down, on a copy of the frame. So an NMI that comes
 * while one is being handled overwrites nothing: it is noted, and handled afterwards. One handler
 * at a time: an NMI storm does not deepen the stack. Allocate it zeroed.
 */
struct sevc_nmi_stack {
    struct {
        struct sevc_cpu *cpu;           /* NULL: no NMI_COMPLETE yet, there is no GHCB */
        struct sevc_vc_stack *vc_stack; /* NULL: #VC has no IST slot on this CPU */
        uint64_t handled;               /* readable: how many times sevc_os_nmi() has returned */
        uint64_t reserved[5];
    } head;
    uint8_t bytes[SEVC_NMI_STACK_BYTES - 64 - 256]; /* the handler's, from its end downwards */
    struct {
        uint64_t running; /* 1 while a handler runs */
        uint64_t waiting; /* NMIs that have arrived meanwhile */
    } state;
    uint8_t landing[240]; /* where the processor puts the frame */
} __attribute__((aligned(SEVC_NMI_STACK_BYTES)));

/*
 * Ties STACK to this CPU and points *TSS_IST at its top. cpu: ready or not yet, it is looked at
 * with each NMI; NULL: none. vc_stack: what sevc_cpu_init() was given, or NULL. tss_ist:
 * &tss.ist[n] of a slot that is not the #VC's. SEVC_OK; SEVC_INVALID: STACK or TSS_IST missing,
 * STACK not aligned. Interrupts off, before gate 2.
 */
enum sevc_result sevc_nmi_init(struct sevc_nmi_stack *stack, struct sevc_cpu *cpu,
                               struct sevc_vc_stack *vc_stack, uint64_t *tss_ist);

/*
 * The entry point for gate 2, on an IST stack that is a struct sevc_nmi_stack. Calls
 * sevc_os_nmi(), then NMI_COMPLETE, then sevc_os_nmi_completed(), for each NMI that has arrived.
 * From user mode too: with the user's GS base and CR3, so a kernel with SWAPGS or page-table
 * isolation needs its own. Ends in sevc_terminate() where an NMI has overwritten the frame of
 * another, which only a host can bring about that injects into code that raises no #VC.
 */
void sevc_nmi_entry(void);

/* What an NMI has changed for the time of its handler. Lives on the handler's stack. */
struct sevc_nmi {
    uint64_t *slot; /* NULL: nothing */
    uint64_t saved;
};

/*
 * To be called by a kernel's own NMI entry before anything in it can raise #VC. If the interrupted
 * code is on the #VC stack at a place that the next #VC would overwrite (the first instructions of
 * the #VC entry, or the last), the IST slot is lowered below it until sevc_nmi_leave().
 *
 * The interrupted RSP is looked at only if it is the kernel's: not from user mode, and not where
 * sevc_os_user_rsp() says that it is still, or already, the user's.
 *
 * stack: this CPU's, or NULL (nothing happens). trap: the NMI's frame; CS, RIP and RSP count.
 */
void sevc_nmi_enter(struct sevc_nmi *nmi, const struct sevc_vc_stack *stack,
                    const struct sevc_trap *trap);

/* The slot as it was. After it, and up to the IRET, nothing may raise #VC. */
void sevc_nmi_leave(const struct sevc_nmi *nmi);

/*
 * NMI_COMPLETE (GHCB spec 2.03, 4.1, table 6), whether or not this NMI has interrupted an exchange:
 * the next NMI may arrive at the very next instruction. Call it last, when the frame is not (or
 * no longer) where that one would be put. report: not NULL, filled in.
 *
 * SEVC_OK
 * SEVC_FORBIDDEN   NOT_READY (cpu NULL or not initialised), NESTING
 * SEVC_HOST_ERROR  as sevc_session_exchange(), and for any exception that the host asks for
 */
enum sevc_result sevc_nmi_complete(struct sevc_cpu *cpu, struct sevc_report *report);

/*
 * For a panic message after NESTING, or from any other place of which it is not known what it has
 * interrupted: drops all sessions of this CPU and gives #VC the part of its stack that the caller
 * is not on. #VC, and so the console, works once more; but nothing on this CPU may ever return to
 * what was interrupted. Interrupts off. cpu: NULL or not ready: nothing happens. stack: or NULL.
 */
void sevc_panic_release(struct sevc_cpu *cpu, struct sevc_vc_stack *stack);

#ifdef __cplusplus
}
#endif

#endif
