/* SPDX-License-Identifier: MIT */
    .text
    .code64

/* bool guest_try_call(void (*function)(void *), void *argument) */
    .globl guest_try_call, guest_try_caught
guest_try_call:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    movq %rsp, guest_try_rsp(%rip)
    movq %rdi, %rax
    movq %rsi, %rdi
    call *%rax
    xorl %eax, %eax
    jmp 1f
guest_try_caught:               /* the handler returns here, with RSP as it was */
    movl $1, %eax
1:  movq $0, guest_try_rsp(%rip)
    cld
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

/* An address for mmio.c: as a symbol, because the assembler takes a number for a displacement. */
    .globl guest_near_cell
    .set guest_near_cell, 0xFFFFFFFF90000040

    .bss
    .balign 8
    .globl guest_try_rsp
guest_try_rsp:
    .skip 8

    .section .note.GNU-stack, "", @progbits
