/* SPDX-License-Identifier: MIT */
/*
 * struct sevc_trap and the head of struct sevc_vc_stack, as the entry stubs build and find them.
 * dispatch.c asserts that the numbers are those of the structures.
 */
#ifndef SEVC_IDT_FRAME_H
#define SEVC_IDT_FRAME_H

/* What the processor has pushed, seen from RSP at the first instruction of a stub. */
#define ENTRY_RIP   8
#define ENTRY_CS    16
#define ENTRY_BYTES 48

/* struct sevc_trap */
#define TRAP_RIP   136
#define TRAP_BYTES 176

/* struct sevc_vc_stack */
#define STACK_CPU     0
#define STACK_TSS_IST 8

#ifdef __ASSEMBLER__

/* The registers of struct sevc_trap below R15, which goes first, on top of the error code. */
.macro push_registers_below_r15
    pushq   %r14
    pushq   %r13
    pushq   %r12
    pushq   %r11
    pushq   %r10
    pushq   %r9
    pushq   %r8
    pushq   %rdi
    pushq   %rsi
    pushq   %rbp
    pushq   $0              /* RSP is in the processor's part */
    pushq   %rbx
    pushq   %rdx
    pushq   %rcx
    pushq   %rax
.endm

.macro pop_registers_below_r15
    popq    %rax
    popq    %rcx
    popq    %rdx
    popq    %rbx
    addq    $8, %rsp
    popq    %rbp
    popq    %rsi
    popq    %rdi
    popq    %r8
    popq    %r9
    popq    %r10
    popq    %r11
    popq    %r12
    popq    %r13
    popq    %r14
.endm

/* A symbol of the library: linked statically, never by a GOT. */
.macro begin_function name
    .globl  \name
    .hidden \name
    .type   \name, @function
\name:
.endm

#endif

#endif
