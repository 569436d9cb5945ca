/* SPDX-License-Identifier: MIT */
#include "layout.h"

    .text
    .code64

/* void user_enter(uint64_t rip, uint64_t rsp): returns when user_leave() is called. */
    .globl user_enter
user_enter:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushfq
    movq %rsp, TSS_RSP0 + tss(%rip) /* what interrupts user mode is stacked below our frame */
    pushq $USER_DS
    pushq %rsi
    pushq $0x202                /* IF, and the bit that is always one */
    pushq $USER_CS
    pushq %rdi
    iretq

/* void user_leave(void) */
    .globl user_leave
user_leave:
    movq TSS_RSP0 + tss(%rip), %rsp
    popfq
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .section .rodata
    .balign 16

/*
 * A program for CPL 3, copied to USER_CODE. Registers are its only output: R8, R9, R10 the
 * vendor, R11 the highest leaf, R12 and R13 two readings of the TSC.
 */
    .globl user_cpuid_code, user_cpuid_end
user_cpuid_code:
    xorl %eax, %eax
    xorl %ecx, %ecx
    cpuid
    movl %eax, %r11d
    movl %ebx, %r8d
    movl %edx, %r9d
    movl %ecx, %r10d
    rdtsc
    shlq $32, %rdx
    leaq (%rax, %rdx), %r12
    rdtsc
    shlq $32, %rdx
    leaq (%rax, %rdx), %r13
    movq %rcx, (%rsp)           /* user memory is ordinary, encrypted memory */
    int $VECTOR_USER_EXIT
    ud2
user_cpuid_end:

    .section .note.GNU-stack, "", @progbits
