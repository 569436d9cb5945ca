/* SPDX-License-Identifier: MIT */
/*
 * The runtime entry of vector 29 on an IST stack. docs/entry.md goes through it instruction by
 * instruction: what if another #VC, or an NMI, arrives here?
 *
 * No instruction from the first one to IRETQ can be intercepted, in the C code neither, but VMGEXIT
 * and the IRETQ itself: there is no CPUID, no MSR but the GHCB's, no CR or DR, no SWAPGS, no PUSHF.
 */
#include <sevc/config.h>

#include "stub.inc"

    .text
    .p2align 4

.Lleave:
    pop_registers_below_r15
    movq    %rsp, %r15
    andq    $-SEVC_VC_STACK_BYTES, %r15
    movq    STACK_TSS_IST(%r15), %r15
    testq   %r15, %r15
    jz      .Lwindow
    addq    $SEVC_VC_LEVEL_BYTES, (%r15)

    /*
     * The window: while RIP is between here and .Lwindow_end, the frame on this stack lies where
     * the next #VC would put its own. Leaving and entering are neighbours, so that one comparison
     * finds that it happened.
     */
.Lwindow:
    popq    %r15
    addq    $8, %rsp                    /* the error code */
    iretq

begin_function sevc_vc_entry
    testb   $3, ENTRY_CS(%rsp)
    jnz     sevc_vc_entry_user

    /* Unless the kernel has its own, which replaces this one: user mode is served in place. */
    .weak   sevc_vc_entry_user
    .hidden sevc_vc_entry_user
    .type   sevc_vc_entry_user, @function
sevc_vc_entry_user:
    cld
    pushq   %r15

    /* Too deep: the end, rather than below the stack. The slot stays, so it cannot get worse. */
    movl    %esp, %r15d
    andl    $(SEVC_VC_STACK_BYTES - 1), %r15d
    cmpl    $(VC_LOWEST_LEVEL_TOP - ENTRY_BYTES - 8), %r15d
    jb      .Lfatal

    /* A nested #VC shall land below this level. No slot yet: nothing but the early handler runs. */
    movq    %rsp, %r15
    andq    $-SEVC_VC_STACK_BYTES, %r15
    movq    STACK_TSS_IST(%r15), %r15
    testq   %r15, %r15
    jz      .Lwindow_end
    subq    $SEVC_VC_LEVEL_BYTES, (%r15)
.Lwindow_end:
    push_registers_below_r15

    /* Was the window interrupted? Then the frame that was there before this one is gone. */
    leaq    .Lwindow(%rip), %rax
    movq    TRAP_RIP(%rsp), %rcx
    subq    %rax, %rcx
    cmpq    $(.Lwindow_end - .Lwindow), %rcx
    jb      .Lfatal

    movq    %rsp, %rdi
    movq    %rsp, %rax
    andq    $-SEVC_VC_STACK_BYTES, %rax
    movq    STACK_CPU(%rax), %rsi
    call    sevc_vc_dispatch            /* RSP is a multiple of 16: 22 quadwords below the top */
    jmp     .Lleave

.Lfatal:
    andq    $-16, %rsp
    xorl    %edi, %edi                  /* SEVC_TERM_GENERAL */
    call    sevc_terminate
    .size   sevc_vc_entry, . - sevc_vc_entry

    .hidden sevc_vc_dispatch
    .hidden sevc_terminate
    .section .note.GNU-stack, "", @progbits
