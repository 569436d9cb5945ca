/* SPDX-License-Identifier: MIT */
/*
 * From the reset vector to C: real mode, protected mode, copy of the image from ROM to the top of
 * RAM, page tables, long mode.
 *
 * Nothing but ROM, CMOS and RAM is used here: whoever cannot get this far has no report channel
 * to complain on, except the debug port written at the end when there is too little memory.
 */
#include "layout.h"

#define CR0_PE   0x00000001
#define CR0_MP   0x00000002
#define CR0_NE   0x00000020
#define CR0_WP   0x00010000
#define CR0_PG   0x80000000
#define CR4_PAE  0x00000020
#define CR4_OSFXSR_OSXMMEXCPT 0x00000600

#define MSR_EFER 0xC0000080
#define MSR_APIC_BASE 0x1B
#define APIC_BASE_BSP 0x100
#define EFER_BITS 0x900 /* LME, NXE */

#define PTE_TABLE 0x003 /* present, writable */
#define PTE_LARGE 0x083

    .section .reset_vector, "ax"
    .code16
reset_entry:
    .global reset_entry
    jmp reset16

    .section .reset, "ax"
/*
 * The other processors' start: SIPI vector 0xFF is FF000, where QEMU shows this page again. It is
 * at the page's first byte.
 */
    cli
    cld
    lgdtl %cs:(reset_gdtr - LAYOUT_RESET_BASE)
    movl $(CR0_PE), %eax
    movl %eax, %cr0
    ljmpl $LAYOUT_CS, $reset32

reset16:
    cli
    cld
    lgdtl %cs:(reset_gdtr - LAYOUT_RESET_BASE + 0xF000)
    movl $(CR0_PE), %eax
    movl %eax, %cr0
    ljmpl $LAYOUT_CS, $reset32

    .code32
reset32:
    movw $LAYOUT_DS, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss

    /* CMOS 0x34/0x35: RAM between 16 MiB and 4 GiB, in units of 64 KiB (QEMU, hw/i386/pc.c). */
    movb $0x35, %al
    outb %al, $0x70
    inb $0x71, %al
    movb %al, %ah
    movb $0x34, %al
    outb %al, $0x70
    inb $0x71, %al
    movzwl %ax, %ebp
    shll $16, %ebp
    addl $0x1000000, %ebp
    /* EBP: the image's place, the last whole 2 MiB page below the top. */
    andl $~(LAYOUT_IMAGE_BYTES - 1), %ebp
    subl $LAYOUT_IMAGE_BYTES, %ebp
    cmpl $0x1000000, %ebp
    jb too_small
    leal (LAYOUT_IMAGE_BYTES - 0x4000)(%ebp), %ebx

    movl $MSR_APIC_BASE, %ecx
    rdmsr
    testl $APIC_BASE_BSP, %eax
    jz enable_paging           /* the first processor has built everything */

    movl $LAYOUT_ROM_BASE, %esi
    movl %ebp, %edi
    movl $image_dwords, %ecx
    rep movsl
    leal bss_offset(%ebp), %edi
    movl $bss_dwords, %ecx
    xorl %eax, %eax
    rep stosl

    /*
     * Page tables, at the image's last three pages below 2 MiB (bss ends before them, or the
     * linker script would have refused): one PML4, one PDPT for all physical memory in 1 GiB
     * pages, one PDPT and PD for the image. The identity map at PML4[0] goes away in start.c.
     */
    movl %ebx, %edi
    movl $(0x4000 / 4), %ecx
    rep stosl

    leal (0x1000 + PTE_TABLE)(%ebx), %eax
    movl %eax, (%ebx)          /* PML4[0] */
    movl %eax, 0x800(%ebx)     /* PML4[256]: LAYOUT_DIRECT_BASE */
    leal (0x2000 + PTE_TABLE)(%ebx), %eax
    movl %eax, 0xFF8(%ebx)     /* PML4[511] */
    leal (0x3000 + PTE_TABLE)(%ebx), %eax
    movl %eax, 0x2FF0(%ebx)    /* its PDPT[510]: LAYOUT_IMAGE_BASE */
    leal PTE_LARGE(%ebp), %eax
    movl %eax, 0x3000(%ebx)

    xorl %ecx, %ecx
1:  movl %ecx, %eax
    andl $3, %eax
    shll $30, %eax
    orl $PTE_LARGE, %eax
    movl %eax, 0x1000(%ebx, %ecx, 8)
    movl %ecx, %eax
    shrl $2, %eax
    movl %eax, 0x1004(%ebx, %ecx, 8)
    incl %ecx
    cmpl $512, %ecx
    jb 1b

enable_paging:
    movl $(CR4_PAE | CR4_OSFXSR_OSXMMEXCPT), %eax
    movl %eax, %cr4
    movl %ebx, %cr3
    movl $MSR_EFER, %ecx
    xorl %edx, %edx
    movl $EFER_BITS, %eax
    wrmsr
    movl $(CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE), %eax
    movl %eax, %cr0
    ljmpl $LAYOUT_CS64, $reset64

    .code64
reset64:
    movl %ebp, %edi            /* first argument: where the image lies */
    movabsq $entry64, %rax
    jmp *%rax

    .code32
too_small:
    movl $reset_complaint, %esi
    movw $0x505, %dx
2:  lodsb
    outb %al, %dx
    cmpb $0, (%esi)
    jnz 2b
    movw $0xf4, %dx
    movb $0x7f, %al
    outb %al, %dx
3:  hlt
    jmp 3b

reset_complaint:
    .asciz "verdict error at least 32 MiB of memory are needed: give more (sevc-run --memory, QEMU -m)\n"

    .balign 8
reset_gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF   /* LAYOUT_CS as 32-bit code, for this file only */
    .quad 0x00CF93000000FFFF
    .quad 0x00AF9B000000FFFF   /* LAYOUT_CS64 */
reset_gdtr:
    .word . - reset_gdt - 1
    .long reset_gdt

    /* ---- in the image, at its virtual address ---- */

    .text
    .code64
entry64:
    lgdt image_gdtr(%rip)
    movq reset_stack(%rip), %rsp
    pushq $LAYOUT_CS
    leaq 1f(%rip), %rax
    pushq %rax
    lretq
1:  movl $LAYOUT_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    xorl %ebp, %ebp
    call *reset_function(%rip)
    ud2

    .data
    .balign 8
    .global reset_stack, reset_function
reset_stack:                   /* smp_start.c changes both for the other processors */
    .quad boot_stack_top
reset_function:
    .quad start

    .section .rodata
    .balign 8
image_gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF
    .quad 0x00CF93000000FFFF
image_gdtr:
    .word . - image_gdt - 1
    .quad image_gdt

    .bss
    .balign 16
    .skip 16384
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
