/* SPDX-License-Identifier: MIT */
/*
 * The runtime entry of vector 29 for kernels without SYSCALL: on the interrupted stack, or from
 * user mode on TSS.RSP0. A nested #VC simply lands below: there is no window (docs/entry.md).
 */
#include "stub.inc"

    .text
    .p2align 4

begin_function sevc_vc_entry_plain
    cld
    pushq   %r15
    push_registers_below_r15
    movq    %rsp, %rdi
    call    sevc_vc_dispatch_plain
    pop_registers_below_r15
    popq    %r15
    addq    $8, %rsp                    /* the error code */
    iretq
    .size   sevc_vc_entry_plain, . - sevc_vc_entry_plain

    .hidden sevc_vc_dispatch_plain
    .section .note.GNU-stack, "", @progbits
