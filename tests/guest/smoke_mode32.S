/* SPDX-License-Identifier: MIT */
/*
 * #VC through 32-bit gates, as firmware takes it: CPUID without paging, then with PAE paging. The
 * way back to long mode loads a CR3 without C-bit, whose tables are private all the same.
 *
 * uint64_t mode32_run(uint64_t long_cr3, uint64_t pae_cr3): the number of exceptions.
 */
    .text
    .code64
    .global mode32_run
mode32_run:
    pushq %rbx
    pushq %rbp
    movq %rdi, %r12
    movq %rsp, saved_rsp
    movl %edi, saved_cr3
    movl %esi, pae_cr3
    pushq $0x38
    pushq $compat
    lretq

    .code32
compat:
    movw $0x40, %ax
    movw %ax, %ss
    movw %ax, %ds
    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax
    movl %eax, %cr0
    movl $0xC0000080, %ecx
    rdmsr
    andl $~0x100, %eax
    wrmsr
    lidt idtr32
    movl $0, exceptions

    movl $0x8000001F, %eax
    cpuid
    movl %eax, mode32_unpaged

    movl pae_cr3, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    movl $0x8000001F, %eax
    cpuid
    movl %eax, mode32_eax

    movl %cr0, %eax
    andl $0x7FFFFFFF, %eax
    movl %eax, %cr0
    movl $0xC0000080, %ecx
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl saved_cr3, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ljmp $0x08, $long_again

    .code64
long_again:
    movl $0x10, %eax
    movl %eax, %ss
    movl %eax, %ds
    movq saved_rsp, %rsp
    call load_tables
    movl exceptions, %eax
    popq %rbp
    popq %rbx
    ret

    .code32
    .balign 16
    .global vc32
vc32:
    popl mode32_error
    incl exceptions
    movl %eax, %edx            /* leaf in the upper half, register EAX, request 0x004 */
    movl $4, %eax
    movl $0xC0010130, %ecx
    wrmsr
    rep; vmmcall
    rdmsr
    movl %edx, %eax
    addl $2, (%esp)
    iretl

    .data
    .balign 16
idt32:
    .skip 29 * 8
    .word vc32_low, 0x38, 0x8E00, vc32_high
idtr32:
    .word 30 * 8 - 1
    .long idt32

    .bss
    .balign 8
saved_rsp:
    .skip 8
saved_cr3:
    .skip 4
pae_cr3:
    .skip 4
exceptions:
    .skip 4
    .global mode32_error, mode32_eax, mode32_unpaged
mode32_error:
    .skip 4
mode32_eax:
    .skip 4
mode32_unpaged:
    .skip 4

    .section .note.GNU-stack, "", @progbits
