/* SPDX-License-Identifier: MIT */
/* For simple.c: one instruction between loading and storing every register. */
    .text
    .code64

.macro run name, instruction:vararg
    .globl simple_\name
simple_\name:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi                  /* the structure */
    pushq 120(%rdi)
    popfq
    movq 0(%rdi), %rax
    movq 8(%rdi), %rbx
    movq 16(%rdi), %rcx
    movq 24(%rdi), %rdx
    movq 32(%rdi), %rsi
    movq 48(%rdi), %rbp
    movq 56(%rdi), %r8
    movq 64(%rdi), %r9
    movq 72(%rdi), %r10
    movq 80(%rdi), %r11
    movq 88(%rdi), %r12
    movq 96(%rdi), %r13
    movq 104(%rdi), %r14
    movq 112(%rdi), %r15
    movq 40(%rdi), %rdi
    \instruction
    pushfq
    pushq %rdi
    movq 16(%rsp), %rdi
    movq %rax, 0(%rdi)
    movq %rbx, 8(%rdi)
    movq %rcx, 16(%rdi)
    movq %rdx, 24(%rdi)
    movq %rsi, 32(%rdi)
    popq 40(%rdi)
    movq %rbp, 48(%rdi)
    movq %r8, 56(%rdi)
    movq %r9, 64(%rdi)
    movq %r10, 72(%rdi)
    movq %r11, 80(%rdi)
    movq %r12, 88(%rdi)
    movq %r13, 96(%rdi)
    movq %r14, 104(%rdi)
    movq %r15, 112(%rdi)
    popq 120(%rdi)
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
.endm

/* void simple_step(void *unused): CPUID directly behind the POPF that sets TF. */
    .globl simple_step, simple_stepped_next
simple_step:
    pushq %rbx
    xorl %eax, %eax
    xorl %ecx, %ecx
    pushfq
    pushfq
    orq $0x100, (%rsp)
    popfq
    cpuid
simple_stepped_next:
    popfq
    popq %rbx
    ret

    run cpuid, cpuid
    run rdmsr, rdmsr
    run wrmsr, wrmsr
    run rdtsc, rdtsc
    run rdtscp, rdtscp

    .section .note.GNU-stack, "", @progbits
