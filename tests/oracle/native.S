/* SPDX-License-Identifier: MIT */
/*
 * oracle_native_enter(): loads every register and flag from oracle_native, jumps to the instruction
 * under test, and is returned to by the jump behind it (oracle_native_exit), or by the signal
 * handler (oracle_native_fault). Returns 0 or 1.
 *
 * FS belongs to the C library: nothing between its change and its restoration may be C.
 */
#include "native.h"

#define FIELD(offset) oracle_native+offset(%rip)

#define SYS_ARCH_PRCTL 158
#define ARCH_SET_GS    0x1001
#define ARCH_SET_FS    0x1002
#define ARCH_GET_FS    0x1003

        .text

        .globl  oracle_native_enter
        .type   oracle_native_enter, @function
oracle_native_enter:
        endbr64
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        call    load_bases
        movq    %rsp, FIELD(ORACLE_NATIVE_HOST_RSP)

        pushq   FIELD(ORACLE_NATIVE_RFLAGS)
        popfq                           /* from here on only moves, which change no flag */
        movq    FIELD(0), %rax
        movq    FIELD(8), %rcx
        movq    FIELD(16), %rdx
        movq    FIELD(24), %rbx
        movq    FIELD(32), %rsp
        movq    FIELD(40), %rbp
        movq    FIELD(48), %rsi
        movq    FIELD(56), %rdi
        movq    FIELD(64), %r8
        movq    FIELD(72), %r9
        movq    FIELD(80), %r10
        movq    FIELD(88), %r11
        movq    FIELD(96), %r12
        movq    FIELD(104), %r13
        movq    FIELD(112), %r14
        movq    FIELD(120), %r15
        jmp     *FIELD(ORACLE_NATIVE_ENTRY)

        .globl  oracle_native_exit
        .type   oracle_native_exit, @function
oracle_native_exit:
        endbr64
        movq    %rax, FIELD(0)
        movq    %rcx, FIELD(8)
        movq    %rdx, FIELD(16)
        movq    %rbx, FIELD(24)
        movq    %rsp, FIELD(32)
        movq    %rbp, FIELD(40)
        movq    %rsi, FIELD(48)
        movq    %rdi, FIELD(56)
        movq    %r8, FIELD(64)
        movq    %r9, FIELD(72)
        movq    %r10, FIELD(80)
        movq    %r11, FIELD(88)
        movq    %r12, FIELD(96)
        movq    %r13, FIELD(104)
        movq    %r14, FIELD(112)
        movq    %r15, FIELD(120)
        movq    FIELD(ORACLE_NATIVE_HOST_RSP), %rsp
        pushfq
        popq    FIELD(ORACLE_NATIVE_RFLAGS)
        xorl    %ebx, %ebx
        jmp     leave

        .globl  oracle_native_fault
        .type   oracle_native_fault, @function
oracle_native_fault:
        endbr64
        movq    FIELD(ORACLE_NATIVE_HOST_RSP), %rsp
        movl    $1, %ebx
leave:
        cld
        testl   $ORACLE_BASE_FS, FIELD(ORACLE_NATIVE_BASES)
        jz      2f
        cmpl    $0, FIELD(ORACLE_NATIVE_HOW)
        je      1f
        movq    FIELD(ORACLE_NATIVE_HOST_FS), %rax
        wrfsbase %rax
        jmp     2f
1:      movl    $SYS_ARCH_PRCTL, %eax
        movl    $ARCH_SET_FS, %edi
        movq    FIELD(ORACLE_NATIVE_HOST_FS), %rsi
        syscall
2:      movl    %ebx, %eax
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret

load_bases:
        cmpl    $0, FIELD(ORACLE_NATIVE_HOW)
        je      3f
        testl   $ORACLE_BASE_GS, FIELD(ORACLE_NATIVE_BASES)
        jz      1f
        movq    FIELD(ORACLE_NATIVE_GS), %rax
        wrgsbase %rax
1:      testl   $ORACLE_BASE_FS, FIELD(ORACLE_NATIVE_BASES)
        jz      2f
        rdfsbase %rax
        movq    %rax, FIELD(ORACLE_NATIVE_HOST_FS)
        movq    FIELD(ORACLE_NATIVE_FS), %rax
        wrfsbase %rax
2:      ret

3:      testl   $ORACLE_BASE_GS, FIELD(ORACLE_NATIVE_BASES)
        jz      4f
        movl    $SYS_ARCH_PRCTL, %eax
        movl    $ARCH_SET_GS, %edi
        movq    FIELD(ORACLE_NATIVE_GS), %rsi
        syscall
4:      testl   $ORACLE_BASE_FS, FIELD(ORACLE_NATIVE_BASES)
        jz      2b
        movl    $SYS_ARCH_PRCTL, %eax
        movl    $ARCH_GET_FS, %edi
        leaq    FIELD(ORACLE_NATIVE_HOST_FS), %rsi
        syscall
        movl    $SYS_ARCH_PRCTL, %eax
        movl    $ARCH_SET_FS, %edi
        movq    FIELD(ORACLE_NATIVE_FS), %rsi
        syscall
        ret

        .section .note.GNU-stack, "", @progbits
