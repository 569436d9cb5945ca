/* SPDX-License-Identifier: MIT */
/*
 * recorded_vmmcall: stands where VMMCALL stands in src/arch/vmmcall.S; notes all registers in
 * seen_registers and returns with each changed to what is in new_registers. RSP excepted.
 */
    .text
    .globl recorded_vmmcall
recorded_vmmcall:
    pushq   %rax
    leaq    seen_registers(%rip), %rax
    movq    %rcx, 8(%rax)
    movq    %rdx, 16(%rax)
    movq    %rbx, 24(%rax)
    movq    %rbp, 40(%rax)
    movq    %rsi, 48(%rax)
    movq    %rdi, 56(%rax)
    movq    %r8, 64(%rax)
    movq    %r9, 72(%rax)
    movq    %r10, 80(%rax)
    movq    %r11, 88(%rax)
    movq    %r12, 96(%rax)
    movq    %r13, 104(%rax)
    movq    %r14, 112(%rax)
    movq    %r15, 120(%rax)
    popq    (%rax)
    leaq    new_registers(%rip), %rax
    movq    8(%rax), %rcx
    movq    16(%rax), %rdx
    movq    24(%rax), %rbx
    movq    40(%rax), %rbp
    movq    48(%rax), %rsi
    movq    56(%rax), %rdi
    movq    64(%rax), %r8
    movq    72(%rax), %r9
    movq    80(%rax), %r10
    movq    88(%rax), %r11
    movq    96(%rax), %r12
    movq    104(%rax), %r13
    movq    112(%rax), %r14
    movq    120(%rax), %r15
    movq    (%rax), %rax
    ret

    .globl  call_tested_vmmcall
/* bool call_tested_vmmcall(uint64_t gpr[16]): are the callee-saved registers kept? */
call_tested_vmmcall:
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    movq    $0x11, %rbx
    movq    $0x12, %rbp
    movq    $0x13, %r12
    movq    $0x14, %r13
    movq    $0x15, %r14
    movq    $0x16, %r15
    subq    $8, %rsp
    call    tested_vmmcall
    addq    $8, %rsp
    subq    $0x11, %rbx
    subq    $0x12, %rbp
    subq    $0x13, %r12
    subq    $0x14, %r13
    subq    $0x15, %r14
    subq    $0x16, %r15
    orq     %rbp, %rbx
    orq     %r12, %rbx
    orq     %r13, %rbx
    orq     %r14, %rbx
    xorl    %eax, %eax
    orq     %r15, %rbx
    sete    %al
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    ret

    .section .note.GNU-stack, "", @progbits
