/* SPDX-License-Identifier: MIT */
/*
 * The early entry of vector 29, on the interrupted stack. Position-independent, without
 * relocations against absolute addresses: part of libsevc_early.a.
 */
#include "stub.inc"

    .text
    .p2align 4

begin_function sevc_early_entry
    cld
    pushq   %r15
    push_registers_below_r15
    movq    %rsp, %rdi
    call    sevc_early_dispatch         /* returns only if the exception has been handled */
    pop_registers_below_r15
    popq    %r15
    addq    $8, %rsp                    /* the error code */
    iretq
    .size   sevc_early_entry, . - sevc_early_entry

    .hidden sevc_early_dispatch
    .section .note.GNU-stack, "", @progbits
