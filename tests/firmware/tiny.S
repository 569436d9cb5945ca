/* SPDX-License-Identifier: MIT */
/*
 * Firmware of our own, 16 KiB, for sevc-run --firmware: from the reset vector through real mode and
 * unpaged 32-bit mode, where no #VC can be taken, to 64-bit mode; there it erases and programs its
 * flash of variables by explicit MMIO events, as OVMF's flash driver does. firmware_test.py looks at
 * the flash's file afterwards. Ends at port F4 with 0, or with the number of the step that failed.
 */
#include <sevc/ghcb_abi.h>
#include <sevc/svm.h>

#define BASE       0xFFFFC000
#define FLASH      0x2000 /* bytes of variables, two blocks; the rest is code */
#define BLOCK      (BASE + 0x1000)
#define TEXT       (BASE + 0x100)
#define TABLES     0x10000 /* PML4, PDPT, four PDs, the last PT, the first PT */
#define PT_LAST    (TABLES + 0x6000)
#define PT_FIRST   (TABLES + 0x7000)
#define GHCB       0x20000
#define STACK      0x30000
#define ENCRYPTED  0x40000000 /* the last 2 MiB once more, with the C-bit */
#define C_BIT_HIGH (1 << 15)  /* bit 47, in the upper half of an entry */

#define MSR_EFER 0xC0000080
#define EFER_LME 0x100

#define PORT_CONSOLE 0xE9
#define PORT_EXIT    0xF4
#define IOIO_SIZE8   0x10

/* Of Intel's command set, which QEMU's flash has. */
#define FLASH_ERASE   0x20
#define FLASH_CONFIRM 0xD0
#define FLASH_PROGRAM 0x10
#define FLASH_STATUS  0x70
#define FLASH_ARRAY   0xFF
#define FLASH_READY   0x80

    .text
    .code32
    .global reset
image:
    .skip 32                    /* a firmware volume's header: UEFI PI, 3.2.1 */
    .quad FLASH
    .ascii "_FVH"
    .org 0x100
    .ascii "plain text\n"
    .org 0x1000
    .ascii "to be erased"
    .org FLASH

gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF    /* 08: 32-bit code */
    .quad 0x00CF93000000FFFF    /* 10: data */
    .quad 0x00AF9B000000FFFF    /* 18: 64-bit code */
gdtr:
    .word . - gdt - 1
    .long gdt
good:
    .asciz "flash: erased and programmed\n"

    .code16
start16:
    cli
    lgdtl %cs:(gdtr - 0xFFFF0000)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x08, $start32

    /* Without paging all memory is private, so these tables are. */
    .code32
start32:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    cld
    movl $TABLES, %edi
    movl $(0x8000 / 4), %ecx
    xorl %eax, %eax
    rep stosl
    movl $(TABLES + 0x1003), TABLES
    xorl %ecx, %ecx
1:  movl %ecx, %eax
    shll $12, %eax
    addl $(TABLES + 0x2003), %eax
    movl %eax, (TABLES + 0x1000)(, %ecx, 8)
    incl %ecx
    cmpl $4, %ecx
    jb 1b

    xorl %ecx, %ecx             /* 2 MiB pages: the first GiB is RAM */
2:  movl %ecx, %eax
    shll $21, %eax
    orl $0x83, %eax
    movl %eax, (TABLES + 0x2000)(, %ecx, 8)
    cmpl $512, %ecx
    jae 3f
    movl $C_BIT_HIGH, (TABLES + 0x2004)(, %ecx, 8)
3:  incl %ecx
    cmpl $2048, %ecx
    jb 2b
    movl $(0xFFE00000 | 0x83), TABLES + 0x3000
    movl $C_BIT_HIGH, TABLES + 0x3004
    movl $(PT_LAST + 3), TABLES + 0x2000 + 2047 * 8
    movl $(PT_FIRST + 3), TABLES + 0x2000
    movl $0, TABLES + 0x2004

    xorl %ecx, %ecx             /* 4 KiB pages: the GHCB and the variables are shared */
4:  movl %ecx, %eax
    shll $12, %eax
    orl $3, %eax
    movl %eax, PT_FIRST(, %ecx, 8)
    orl $0xFFE00000, %eax
    movl %eax, PT_LAST(, %ecx, 8)
    movl $C_BIT_HIGH, (PT_FIRST + 4)(, %ecx, 8)
    incl %ecx
    cmpl $512, %ecx
    jb 4b
    movl $0, PT_FIRST + (GHCB >> 12) * 8 + 4
    movl $C_BIT_HIGH, PT_LAST + 510 * 8 + 4
    movl $C_BIT_HIGH, PT_LAST + 511 * 8 + 4

    movl %cr4, %eax
    orl $0x20, %eax
    movl %eax, %cr4
    movl $TABLES, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx        /* an MSR that the processor keeps: no #VC */
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ljmpl $0x18, $start64

    .code64
/* EVENT with data byte in SIL: MMIO at the GPA in R8. Result: AL. */
.macro mmio event
    movl $\event, %r9d
    movl $1, %r10d
    call exchange
    movb GHCB + SEVC_GHCB_OFF_SHARED_BUFFER, %al
.endm
.macro flash_write value
    movl $\value, %esi
    mmio 0x80000002
.endm
.macro flash_read
    xorl %esi, %esi
    mmio 0x80000001
.endm
.macro step number, condition
    movl $\number, %ebx
    j\condition fail
.endm

start64:
    movl $STACK, %esp
    movl $SEVC_MSR_GHCB, %ecx   /* the SEV information, which is there after reset: */
    rdmsr
    andl $0xFF000FFF, %eax
    cmpl $0x2F000001, %eax      /* the C-bit is bit 47 */
    movl $1, %ebx
    jne halt                    /* there is no page to ask by */
    movl $GHCB, %eax
    xorl %edx, %edx
    wrmsr

    movl $TEXT, %ebp            /* flash is plain text, so with the C-bit it is none */
    movl (%rbp), %eax
    cmpl $0x69616C70, %eax      /* "plai" */
    step 2, ne
    movl $(ENCRYPTED + (TEXT & 0x1FFFFF)), %ebp
    cmpl (%rbp), %eax
    step 3, e

    movl $BLOCK, %r8d
    flash_read
    cmpb $'t', %al
    step 4, ne
    flash_write FLASH_ERASE
    flash_write FLASH_CONFIRM
    flash_write FLASH_STATUS
    flash_read
    cmpb $FLASH_READY, %al
    step 5, ne
    flash_write FLASH_ARRAY
    movl $BLOCK, %ebp
    cmpl $0xFFFFFFFF, (%rbp)
    step 6, ne

    incl %r8d
    flash_write FLASH_PROGRAM
    flash_write 'k'
    flash_read
    cmpb $FLASH_READY, %al
    step 7, ne
    flash_write FLASH_ARRAY
    cmpl $0xFFFF6BFF, (%rbp)    /* one byte, and its neighbours are as they were */
    step 8, ne
    cmpl $0x69616C70, (TEXT - BLOCK)(%rbp)
    step 9, ne

    movl $gdt, %r8d             /* code cannot be written */
    flash_write 0x55
    flash_read
    testb %al, %al
    step 10, nz

    movl $good, %ebp
5:  movzbl (%rbp), %esi
    testb %sil, %sil
    jz 6f
    movl $PORT_CONSOLE, %edi
    call out8
    incl %ebp
    jmp 5b
6:  xorl %ebx, %ebx
fail:
    movl %ebx, %esi
    movl $PORT_EXIT, %edi
    call out8
halt:
    hlt
    jmp halt

/* Port in EDI, byte in SIL. */
out8:
    movl $SEVC_EXIT_IOIO, %r9d
    shll $16, %edi
    leal IOIO_SIZE8(%rdi), %r8d
    xorl %r10d, %r10d

/* Event R9, SW_EXITINFO1 R8, SW_EXITINFO2 R10; data in SIL. Uses RAX, RCX, RDI. */
exchange:
    movl $GHCB, %edi
    movl $512, %ecx
    xorl %eax, %eax
    rep stosq
    movl $GHCB, %edi
    movw $2, SEVC_GHCB_OFF_PROTOCOL_VERSION(%rdi)
    movq %r9, SEVC_GHCB_OFF_SW_EXITCODE(%rdi)
    movq %r8, SEVC_GHCB_OFF_SW_EXITINFO1(%rdi)
    movq %r10, SEVC_GHCB_OFF_SW_EXITINFO2(%rdi)
    movb $0x1C, (SEVC_GHCB_OFF_VALID_BITMAP + 14)(%rdi)
    cmpl $SEVC_EXIT_IOIO, %r9d
    jne 1f
    movb %sil, SEVC_GHCB_OFF_RAX(%rdi)
    movb $0x80, (SEVC_GHCB_OFF_VALID_BITMAP + 7)(%rdi)
    jmp 2f
1:  movb $0x3C, (SEVC_GHCB_OFF_VALID_BITMAP + 14)(%rdi)
    leal SEVC_GHCB_OFF_SHARED_BUFFER(%rdi), %eax
    movl %eax, SEVC_GHCB_OFF_SW_SCRATCH(%rdi)
    movb %sil, SEVC_GHCB_OFF_SHARED_BUFFER(%rdi)
2:  rep; vmmcall
    cmpl $0, SEVC_GHCB_OFF_SW_EXITINFO1(%rdi)
    jne halt
    ret

    .org 0x3FF0
    .code16
reset:
    jmp start16
    .org 0x4000

    .section .note.GNU-stack, "", @progbits
