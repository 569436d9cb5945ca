/* SPDX-License-Identifier: MIT */
/* The smoke guest's entry, and its #VC entry: save everything, call C, restore, return. */
    .text
    .global _start
_start:
    call smoke_main
    ud2

    .global smoke_install
smoke_install:
    leaq smoke_vc_entry(%rip), %rax
    leaq idt + 29 * 16(%rip), %rdx
    movw %ax, (%rdx)
    movw $0x08, 2(%rdx)
    movw $0x8E00, 4(%rdx)
    shrq $16, %rax
    movw %ax, 6(%rdx)
    shrq $16, %rax
    movl %eax, 8(%rdx)
    lidt idtr(%rip)
    ret

smoke_vc_entry:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    call smoke_vc
    movq %rbp, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $8, %rsp
    iretq

    .data
    .balign 16
idtr:
    .word 32 * 16 - 1
    .quad idt

    .bss
    .balign 16
idt:
    .skip 32 * 16

    .section .note.GNU-stack, "", @progbits
