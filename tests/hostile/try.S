/* SPDX-License-Identifier: MIT */
/*
 * Runs instructions with every register under control. struct attempt (victim.h) is one static
 * object: while the instructions run, no register is left to point to it.
 */
#include "layout.h"
#include "try.h"

    .text
    .code64

/* void attempt_run(void): attempt.in to the registers, jump to attempt.code, which ends here. */
    .globl attempt_run, attempt_back
attempt_run:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, attempt + ATTEMPT_RSP(%rip)
    pushq attempt + ATTEMPT_FLAGS_IN(%rip)
    popfq
    .macro in_register name, number
    movq attempt + ATTEMPT_IN + 8 * \number(%rip), %\name
    .endm
    in_register rax, 0
    in_register rcx, 1
    in_register rdx, 2
    in_register rbx, 3
    in_register rbp, 5
    in_register rsi, 6
    in_register rdi, 7
    in_register r8, 8
    in_register r9, 9
    in_register r10, 10
    in_register r11, 11
    in_register r12, 12
    in_register r13, 13
    in_register r14, 14
    in_register r15, 15
    jmp *attempt + ATTEMPT_CODE(%rip)

attempt_back:
    .macro out_register name, number
    movq %\name, attempt + ATTEMPT_OUT + 8 * \number(%rip)
    .endm
    out_register rax, 0
    out_register rcx, 1
    out_register rdx, 2
    out_register rbx, 3
    out_register rsp, 4
    out_register rbp, 5
    out_register rsi, 6
    out_register rdi, 7
    out_register r8, 8
    out_register r9, 9
    out_register r10, 10
    out_register r11, 11
    out_register r12, 12
    out_register r13, 13
    out_register r14, 14
    out_register r15, 15
    movq attempt + ATTEMPT_RSP(%rip), %rsp
    pushfq
    popq attempt + ATTEMPT_FLAGS_OUT(%rip)
    cld
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .macro insn name, text:vararg
    .globl insn_\name
insn_\name:
    \text
    jmp attempt_back
    .endm

    insn cpuid, cpuid
    insn rdmsr, rdmsr
    insn wrmsr, wrmsr
    insn rdtsc, rdtsc
    insn rdtscp, rdtscp
    insn rdpmc, rdpmc
    insn wbinvd, wbinvd
    insn invd, invd
    insn monitor, monitor
    insn mwait, mwait
    insn vmmcall, vmmcall
    insn read_dr7, movq %dr7, %rbx
    insn write_dr7, movq %rbx, %dr7
    insn in8, inb %dx, %al
    insn in16, inw %dx, %ax
    insn in32, inl %dx, %eax
    insn out8, outb %al, %dx
    insn out16, outw %ax, %dx
    insn out32, outl %eax, %dx
    insn insb, insb
    insn rep_insb, rep insb
    insn rep_insw, rep insw
    insn outsb, outsb
    insn rep_outsb, rep outsb
    insn rep_outsl, rep outsl

    insn load8, movb (%rdi), %al
    insn load32, movl (%rdi), %eax
    insn load64, movq (%rdi), %rax
    insn movzx16, movzwl (%rdi), %eax
    insn movsx32, movslq (%rdi), %rax
    insn store8, movb %al, (%rdi)
    insn store32, movl %eax, (%rdi)
    insn store64, movq %rax, (%rdi)
    insn store_imm, movl $0, (%rdi)
    insn add_to, addl %eax, (%rdi)
    insn bts_to, btsl $3, (%rdi)
    insn lock_inc, lock incl (%rdi)
    insn xchg, xchgl %eax, (%rdi)
    insn stosq, stosq
    insn rep_stosq, rep stosq
    insn movsq, movsq
    insn rep_movsq, rep movsq
    insn push_to, pushq (%rdi)

/*
 * What is injected into: straight code over registers and private memory, and among it exits of
 * every kind. RSI and RDI: private memory. What it leaves must be the same every time.
 */
    .globl block_plain, block_exits
block_plain:
    nop
    addq %rcx, %rax
    xorq %rdx, %rbx
    movq %rax, (%rsi)
    movq 8(%rsi), %r8
    leaq 16(%rsi), %r9
    pushq %r10
    popq %r11
    imulq $3, %r12, %r12
    movb %bl, 24(%rsi)
    movzwl 26(%rsi), %r13d
    movq %r9, %rdi
    movl $4, %ecx
    rep stosq
    lock incl 32(%rsi)
    cmpq %rax, %rbx
    sbbq %r14, %r14
    jmp attempt_back

block_exits:
    nop
    movl $0x8000001F, %eax
    xorl %ecx, %ecx
    cpuid
    movq %rbx, (%rsi)
    movl $0xC0000103, %ecx
    rdmsr
    wrmsr
    movl $0x3FF, %edx
    movb $0x5A, %al
    outb %al, %dx
    inb %dx, %al
    movl $5, %ecx
    leaq 64(%rsi), %rdi
    rep insb
    movl 0x80(%rbp), %r9d
    movl %r9d, 0x80(%rbp)
    jmp attempt_back

/* The same for CPL 3, copied to USER_CODE; USER_STACK is private memory too. */
    .section .rodata
    .globl user_block, user_block_end
user_block:
    movabsq $0x5EC7A5C15EC7A5C1, %r8
    movabsq $0x5EC7A5C25EC7A5C2, %r9
    nop
    pushq %r8
    xorl %eax, %eax
    xorl %ecx, %ecx
    cpuid
    movq %rbx, %r10
    popq %r11
    movl $0x80000000, %eax
    cpuid
    movl %eax, %r12d
    leaq (%r8, %r9), %r13
    movq %r13, (%rsp)
    movq (%rsp), %r14
    addq $1, %r14
    movl $7, %ebx
    movl $8, %ecx
    movl $9, %edx
    movl $10, %esi
    movl $11, %edi
    int $VECTOR_USER_EXIT
    ud2
user_block_end:

    .section .note.GNU-stack, "", @progbits
