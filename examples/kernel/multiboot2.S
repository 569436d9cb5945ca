/* SPDX-License-Identifier: MIT */
/*
 * Another way in: as GRUB's multiboot2 command starts a kernel (Multiboot2 specification 2.0, 3.1 and
 * 3.3), in 32-bit protected mode without paging, EBX = the address of GRUB's tags. From here to
 * kernel_entry, in the state that docs/emulator.md promises.
 *
 * An SEV-ES guest can take no #VC here: there is no 32-bit IDT. So nothing is executed that raises
 * one; the position of the C-bit comes by the MSR protocol, whose MSR is the guest's own.
 */
#include "layout.h"

#define MAGIC_HEADER 0xE85250D6
#define MAGIC_EAX    0x36D76289
#define TAG_ENTRY    3

#define MSR_GHCB     0xC0010130
#define MSR_EFER     0xC0000080
#define SEV_INFO_REQUEST 2
#define EFER_LME_NXE 0x900
#define CR4_PAE      0x20
#define CR0_PG       0x80000000

#define PTE_TABLE    3
#define PTE_LARGE    0x83

#define PHYSICAL(symbol) ((symbol) - KERNEL_OFFSET)

    .section .text.entry, "ax"
    .balign 8
header:
    .long MAGIC_HEADER, 0, header_end - header
    .long -(MAGIC_HEADER + (header_end - header))
    .word TAG_ENTRY, 0
    .long 12, PHYSICAL(multiboot2_entry)
    .balign 8
    .word 0, 0
    .long 8
header_end:

    .code32
    .globl multiboot2_entry
multiboot2_entry:
    cli
    cld
    cmpl $MAGIC_EAX, %eax
    jne 9f
    movl %ebx, %ebp

    movl $MSR_GHCB, %ecx
    movl $SEV_INFO_REQUEST, %eax
    xorl %edx, %edx
    wrmsr
    .byte 0xF3, 0x0F, 0x01, 0xD9 /* VMGEXIT */
    rdmsr
    /* Bits 31:24 of the SEV information (GHCB spec 2.03, 2.3.1); it is 32 or more. */
    movl %eax, %ecx
    shrl $24, %ecx
    movl $1, %edx
    shll %cl, %edx             /* the C-bit in an entry's upper half */

    /* The first 4 GiB as they are, and the first GiB again where the image is linked. */
    movl $PHYSICAL(boot_pd), %edi
    movl $PTE_LARGE, %eax
    movl $2048, %ecx
1:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $PHYSICAL(boot_pdpt), %edi
    movl $(PHYSICAL(boot_pd) + PTE_TABLE), %eax
    movl %eax, 510 * 8(%edi)
    movl %edx, 510 * 8 + 4(%edi)
    movl $4, %ecx
2:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 2b
    movl $PHYSICAL(boot_pml4), %edi
    movl $(PHYSICAL(boot_pdpt) + PTE_TABLE), %eax
    movl %eax, (%edi)
    movl %edx, 4(%edi)
    movl %eax, 511 * 8(%edi)
    movl %edx, 511 * 8 + 4(%edi)

    /* CR3 has no room for the C-bit yet; the processor's walks decrypt anyhow. */
    movl %cr4, %eax
    orl $CR4_PAE, %eax
    movl %eax, %cr4
    movl %edi, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    movl %cr0, %eax
    orl $CR0_PG, %eax
    movl %eax, %cr0
    lgdtl PHYSICAL(boot_gdtr)
    ljmpl $KERNEL_CS, $PHYSICAL(3f)
9:  hlt
    jmp 9b

    .code64
3:  movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq $boot_stack_top, %rsp
    movq PHYSICAL(boot_pml4), %rax /* now CR3 has room for the C-bit: that of the first entry */
    shrq $32, %rax
    shlq $32, %rax
    movq %cr3, %rcx
    orq %rcx, %rax
    movq %rax, %cr3
    movl %ebp, %edi
    movq $multiboot2_start_info, %rax
    call *%rax
    movq %rax, %rdi
    movq $kernel_entry, %rax
    jmp *%rax

    .section .rodata
    .balign 8
boot_gdt:
    .quad 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
boot_gdtr:
    .word . - boot_gdt - 1
    .long PHYSICAL(boot_gdt)

    .bss
    .balign 4096
boot_pd:
    .skip 4 * 4096
boot_pdpt:
    .skip 4096
boot_pml4:
    .skip 4096
    .skip 4096
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
