/* SPDX-License-Identifier: MIT */
/*
 * The entry of vector 2 on an IST stack, a struct sevc_nmi_stack. docs/entry.md, "NMIs", goes
 * through it instruction by instruction.
 *
 * The next NMI may come from NMI_COMPLETE on, or from the IRET of a #VC inside the handler, and
 * its frame goes to the top of the stack again. So the frame is copied, and the handler works
 * below the copy. An NMI that finds a handler running only adds itself to WAITING.
 */
#include <sevc/config.h>

#include "stub.inc"

/* Of the frame, with RAX, RCX and RDX pushed below it. */
#define FRAME 24

    .text
    .p2align 4

.Lrun:                                  /* RSP at the trap: a multiple of 16 */
    movq    %rsp, %rdi
    movq    %rsp, %rsi
    andq    $-SEVC_NMI_STACK_BYTES, %rsi
    call    sevc_nmi_dispatch

    pop_registers_below_r15
    popq    %r15
    addq    $8, %rsp                    /* in the place of an error code */

    /*
     * The end: all registers are the interrupted code's, RSP is at the copy of its frame. An NMI
     * that comes here, to the IRETQ itself, would be seen by nobody if it only added itself, so it
     * takes over the copy: see .Ltake_over.
     */
.Lend:
    cmpq    $0, NMI_WAITING - NMI_STATE + NMI_FRAME_BYTES(%rsp)
    jne     .Lagain
    movq    $0, NMI_RUNNING - NMI_STATE + NMI_FRAME_BYTES(%rsp)
    iretq
.Lend_end:

.Lagain:                                /* the trap is still whole */
    decq    NMI_WAITING - NMI_STATE + NMI_FRAME_BYTES(%rsp)
    subq    $(TRAP_BYTES - NMI_FRAME_BYTES), %rsp
    jmp     .Lrun

begin_function sevc_nmi_entry
    pushq   %rax
    pushq   %rcx
    pushq   %rdx
    movq    %rsp, %rax
    andq    $-SEVC_NMI_STACK_BYTES, %rax

    /* Only kernel code's RIP can be this file's. */
    testb   $3, FRAME + 8(%rsp)
    jnz     .Lfirst
    movq    FRAME(%rsp), %rcx
    leaq    .Lend(%rip), %rdx
    subq    %rdx, %rcx
    cmpq    $(.Lend_end - .Lend), %rcx
    jb      .Ltake_over

    /* Here, before the copy: then the frame that was there is gone. No honest host gets here. */
    subq    $(sevc_nmi_entry - .Lend), %rcx
    cmpq    $(.Lcopied - sevc_nmi_entry), %rcx
    jb      .Lfatal

    cmpq    $0, NMI_RUNNING(%rax)
    je      .Lfirst

    /* One is being handled: it will see to this one. */
    incq    NMI_WAITING(%rax)
    popq    %rdx
    popq    %rcx
    popq    %rax
    iretq

.Ltake_over:
    movq    $1, NMI_RUNNING(%rax)
    leaq    NMI_TRAP(%rax), %rsp
    cld
    jmp     .Lrun

.Lfirst:
    movq    $1, NMI_RUNNING(%rax)

    /* From the landing to the working stack: the frame, then the registers. */
    movq    %rsp, %rdx
    leaq    NMI_STATE(%rax), %rsp
    pushq   FRAME + 32(%rdx)            /* SS */
    pushq   FRAME + 24(%rdx)            /* RSP */
    pushq   FRAME + 16(%rdx)            /* RFLAGS */
    pushq   FRAME + 8(%rdx)             /* CS */
    pushq   FRAME(%rdx)                 /* RIP */
    pushq   $0                          /* there is no error code */
    pushq   %r15
    push_registers_r14_to_rbx
    pushq   (%rdx)                      /* RDX */
    pushq   8(%rdx)                     /* RCX */
    pushq   16(%rdx)                    /* RAX */
.Lcopied:
    cld
    jmp     .Lrun

.Lfatal:
    andq    $-16, %rsp
    xorl    %edi, %edi                  /* SEVC_TERM_GENERAL */
    call    sevc_terminate
    .size   sevc_nmi_entry, . - sevc_nmi_entry

    .hidden sevc_nmi_dispatch
    .hidden sevc_terminate
    .section .note.GNU-stack, "", @progbits
