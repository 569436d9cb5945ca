/* SPDX-License-Identifier: MIT */
/*
 * The first instructions. Entered by the boot contract (docs/emulator.md): 64-bit mode, all
 * of the first 4 GiB identity-mapped, RDI = struct start_info, interrupts off, at the *physical*
 * address of the image, while it is linked at the virtual one: until CR3 is loaded, everything is
 * addressed relative to RIP.
 */
#include "layout.h"

    .section .text.entry, "ax"
    .code64
    .globl kernel_entry
kernel_entry:
    cld
    leaq stack_top(%rip), %rsp
    movq %rdi, %rbx
    xorl %ebp, %ebp
    call boot_early             /* RAX: our own page tables */

    movq %rax, %cr3
    movabsq $virtual, %rax
    jmp *%rax
virtual:
    leaq stack_top(%rip), %rsp  /* the same stack, by its virtual address */
    movabsq $LINEAR_MAP, %rdi
    addq %rbx, %rdi
    call kernel_main
    ud2

    .bss
    .balign 16
    .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits
