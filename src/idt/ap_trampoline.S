/* SPDX-License-Identifier: MIT */
/*
 * From the AP jump table to the kernel's 64-bit entry. Copied, never executed here: it runs at
 * CS:0 of a page below 1 MiB, in real mode at first. No stack, no memory but this page, no
 * CPUID, no MSR but EFER, which never raises #VC (nor do writes of CR0, CR3 and CR4: those are
 * automatic exits; APM vol. 2, 15.35.5): there is no IDT yet that could take one.
 */
#include "ap_trampoline.h"

#define MSR_EFER 0xC0000080
#define CR0_PE   1
#define CR0_PG   (1 << 31)
#define CR4_PAE  (1 << 5)
#define EFER_LME (1 << 8)

#define PARAM(offset) (AP_PARAMETERS + (offset))

    .section .rodata.sevc_ap_trampoline, "a", @progbits
    .p2align 4
    .globl  sevc_ap_trampoline
    .hidden sevc_ap_trampoline
    .type   sevc_ap_trampoline, @object

sevc_ap_trampoline:
    .code16
    cli
    cld
    movw    %cs, %ax
    movw    %ax, %ds
    xorl    %ebx, %ebx
    movw    %ax, %bx
    shll    $4, %ebx                    /* where this page is */
    lgdtl   PARAM(AP_GDTR)
    movl    %cr0, %eax
    orl     $CR0_PE, %eax
    movl    %eax, %cr0
    ljmpl   *PARAM(AP_TO_32)

.Lcode_32:
    .code32
    movw    $AP_DATA, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %ss

    /*
     * The host chooses who comes here, and when: one processor for each placing, or two would have one
     * stack. Up to here nothing is used that differs from one placing to the next.
     */
    xorl    %eax, %eax
    xchgl   %eax, PARAM(AP_FREE)(%ebx)
    testl   %eax, %eax
    jz      .Lstopped
    movl    PARAM(AP_CR4)(%ebx), %eax
    movl    %eax, %cr4
    movl    PARAM(AP_CR3)(%ebx), %eax   /* without the C-bit: walks decrypt in any case */
    movl    %eax, %cr3
    movl    $MSR_EFER, %ecx
    movl    PARAM(AP_EFER)(%ebx), %eax
    xorl    %edx, %edx
    wrmsr
    movl    PARAM(AP_CR0)(%ebx), %eax
    movl    %eax, %cr0
    ljmpl   *PARAM(AP_TO_64)(%ebx)

    /* Without an exit that would have to be answered: an intercepted HLT is an automatic one. */
.Lstopped:
    cli
    hlt
    jmp     .Lstopped

.Lcode_64:
    .code64
    movl    %ebx, %ebx                  /* the upper half is undefined after the change of mode */
    movq    PARAM(AP_CR3)(%rbx), %rax
    movq    %rax, %cr3
    movq    PARAM(AP_STACK)(%rbx), %rsp
    movq    PARAM(AP_ARGUMENT)(%rbx), %rdi
    movq    PARAM(AP_ENTRY)(%rbx), %rax
    xorl    %ebp, %ebp
    pushq   %rbp                        /* in the place of a return address */
    jmp     *%rax

    /*
     * As far as they are known: of addresses the offset in the page. The segments are flat, and accessed
     * already, so that the processor writes nothing (APM vol. 2, 4.7 and 4.8).
     */
    .org    sevc_ap_trampoline + AP_PARAMETERS
    .quad   0
    .quad   0x00AF9B000000FFFF          /* AP_CODE_64 */
    .quad   0x00CF93000000FFFF          /* AP_DATA */
    .quad   0x00CF9B000000FFFF          /* AP_CODE_32 */
    .word   AP_GDTR - 1                 /* the GDT's limit */
    .long   AP_PARAMETERS               /* and its address */
    .word   0
    .long   .Lcode_32 - sevc_ap_trampoline, AP_CODE_32
    .long   .Lcode_64 - sevc_ap_trampoline, AP_CODE_64
    .long   CR0_PE | CR0_PG, CR4_PAE, EFER_LME
    .long   0                           /* not free: sevc_ap_trampoline_place() frees it */
    .quad   0, 0, 0, 0                  /* CR3, stack, entry, argument */

    .globl  sevc_ap_trampoline_end
    .hidden sevc_ap_trampoline_end
sevc_ap_trampoline_end:
    .size   sevc_ap_trampoline, . - sevc_ap_trampoline

    .section .note.GNU-stack, "", @progbits
