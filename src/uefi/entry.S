/* SPDX-License-Identifier: MIT */
/*
 * Vector 29 under firmware: on the interrupted stack, as the firmware's own. And the gate of #GP
 * while SEV_STATUS is read on a machine that may not have it.
 */
#include "../idt/stub.inc"

    .text
    .p2align 4

/*
 * Of another processor's #VC nothing is ours: it leaves here with all registers as they came, RSP at
 * the error code, into the firmware's entry. No shadow stacks in UEFI, so RET may jump.
 */
begin_function sevc_uefi_entry
    cld
    pushq   %r15
    push_registers_below_r15
    movq    %rsp, %rdi
    call    sevc_uefi_dispatch
    testq   %rax, %rax
    jnz     1f
    pop_registers_below_r15
    popq    %r15
    addq    $8, %rsp                    /* the error code */
    iretq
1:  xchgq   %rax, TRAP_R15(%rsp)        /* the way on takes the place of R15 */
    movq    %rax, %r15
    pop_registers_below_r15
    ret
    .size   sevc_uefi_entry, . - sevc_uefi_entry

/* RDMSR, two bytes long, has raised #GP: the value is 0, and on behind it. */
begin_function sevc_uefi_no_msr
    addq    $8, %rsp                    /* the error code */
    addq    $2, (%rsp)
    xorl    %eax, %eax
    xorl    %edx, %edx
    iretq
    .size   sevc_uefi_no_msr, . - sevc_uefi_no_msr

    .hidden sevc_uefi_dispatch
    .section .note.GNU-stack, "", @progbits
