/* SPDX-License-Identifier: MIT */
/*
 * Entry code of every vector but 29, which is sevc's. All save a struct sevc_trap: with the same
 * frame for all, an exception that sevc hands over needs no translation.
 */
    .text
    .code64

/* One stub each 16 bytes, from isr_stubs on: interrupts.c computes the addresses. */
    .balign 16
    .globl isr_stubs
isr_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    /* Vectors for which the processor pushes an error code: APM vol. 2, 8.2. */
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector               /* for a moment, in the place of R15 */
    jmp isr_common
    .set vector, vector + 1
    .endr

isr_common:
    xchgq %r15, (%rsp)
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %rdi
    pushq %rsi
    pushq %rbp
    pushq $0                    /* RSP is in the processor's part */
    pushq %rbx
    pushq %rdx
    pushq %rcx
    pushq %rax
    cld
    movq %rsp, %rdi
    movl %r15d, %esi
    movq %rsp, %rbp
    andq $-16, %rsp
    call interrupt
    movq %rbp, %rsp
    popq %rax
    popq %rcx
    popq %rdx
    popq %rbx
    addq $8, %rsp
    popq %rbp
    popq %rsi
    popq %rdi
    popq %r8
    popq %r9
    popq %r10
    popq %r11
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    addq $8, %rsp               /* the error code */
    iretq

/* bool rdmsr_try(uint32_t msr, uint64_t *value): interrupts.c skips to rdmsr_failed on #GP. */
    .globl rdmsr_try, rdmsr_may_fail, rdmsr_failed
rdmsr_try:
    movl %edi, %ecx
rdmsr_may_fail:
    rdmsr
    shlq $32, %rdx
    orq %rdx, %rax
    movq %rax, (%rsi)
    movl $1, %eax
    ret
rdmsr_failed:
    xorl %eax, %eax
    ret

    .section .note.GNU-stack, "", @progbits
