/* SPDX-License-Identifier: MIT */
/*
 * The first instructions, by the boot contract (docs/emulator.md): 64-bit mode at the linked
 * address, the first 4 GiB identity-mapped, RDI = struct start_info, interrupts off.
 */
    .section .text.entry, "ax"
    .code64
    .globl kernel_entry
kernel_entry:
    cld
    movq $stack_top, %rsp
    xorl %ebp, %ebp
    call kernel_main
    ud2

    /* Aligned to its size, with an empty head: this_cpu() in smp.c. */
    .bss
    .balign 16384
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
