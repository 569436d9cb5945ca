/* SPDX-License-Identifier: MIT */
/* Entry, exception stubs, tables, the way to user mode. */
    .text
    .global _start
_start:
    movq %rsp, entry_rsp(%rip)
    pushfq
    popq entry_rflags(%rip)
    andq $-16, %rsp
    call smoke_main
    ud2

    .global load_tables
load_tables:
    lgdt gdtr(%rip)
    lidt idtr(%rip)
    ret

/* void enter_user(rip, rsp) */
    .global enter_user
enter_user:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, kernel_rsp(%rip)
    pushq $0x1B
    pushq %rsi
    pushq $2
    pushq $0x23
    pushq %rdi
    iretq

    .global leave_user
leave_user:
    movq kernel_rsp(%rip), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

#define HAS_ERROR_CODE 0x60227D00

    .balign 16
    .global stubs
stubs:
    vector = 0
    .rept 65
    .balign 16
    .if vector > 31
    pushq $0
    .elseif ((HAS_ERROR_CODE >> vector) & 1) == 0
    pushq $0
    .endif
    pushq $vector
    jmp common
    vector = vector + 1
    .endr

common:
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
    cld
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    call smoke_trap
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
    addq $16, %rsp
    iretq

    .data
    .balign 16
    .global gdt
gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF   /* 08 code, 64 bits */
    .quad 0x00CF93000000FFFF   /* 10 data */
    .quad 0x00CFF3000000FFFF   /* 18 user data */
    .quad 0x00AFFB000000FFFF   /* 20 user code, 64 bits */
    .quad 0, 0                 /* 28 TSS */
    .quad 0x00CF9B000000FFFF   /* 38 code, 32 bits */
    .quad 0x00CF93000000FFFF   /* 40 data for it */
gdtr:
    .word gdtr - gdt - 1
    .quad gdt
    .balign 16
idtr:
    .word 65 * 16 - 1
    .quad idt

    .bss
    .balign 16
kernel_rsp:
    .skip 8
    .global entry_rsp, entry_rflags
entry_rsp:
    .skip 8
entry_rflags:
    .skip 16
    .global idt
idt:
    .skip 65 * 16

    .section .note.GNU-stack, "", @progbits
