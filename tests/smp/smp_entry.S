/* SPDX-License-Identifier: MIT */
/* Entry, exception stubs, tables, and the trampoline of the other processors. */
    .text
    .global _start
_start:
    leaq first_stack_top(%rip), %rsp
    call smp_main
    ud2

    .global load_tables
load_tables:
    lgdt gdtr(%rip)
    lidt idtr(%rip)
    ret

    .global vmgexit, vmgexit_end
vmgexit:
    rep; vmmcall
vmgexit_end:
    ret

/* ---- from the jump table: real mode, CS = 8000 / 16 ---- */

#define TRAMPOLINE 0x8000

    .code16
    .global trampoline_start, trampoline_bytes
trampoline_start:
    /* What docs/emulator.md promises: no stack, no registers but CS, everything private. */
    movw %ds, %ax
    testw %ax, %ax
    jnz wrong
    testw %sp, %sp
    jnz wrong
    lgdtl %cs:(trampoline_gdtr - trampoline_start)
    movl $0x20, %eax           /* PAE */
    movl %eax, %cr4
    movl %cs:(trampoline_low_cr3 - trampoline_start), %eax
    movl %eax, %cr3
    movl $0xC0000080, %ecx
    movl $0x900, %eax          /* LME, NXE */
    xorl %edx, %edx
    wrmsr
    movl $0x80010001, %eax     /* PG, WP, PE */
    movl %eax, %cr0
    ljmpl *%cs:(trampoline_target - trampoline_start)
wrong:
    hlt
    jmp wrong
    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF
    .quad 0x00CF93000000FFFF
trampoline_gdtr:
    .word . - trampoline_gdt - 1
    .long TRAMPOLINE + trampoline_gdt - trampoline_start
    .global trampoline_low_cr3
trampoline_low_cr3:
    .long 0                    /* filled in by the first processor */
trampoline_target:
    .long trampoline64
    .word 0x08
trampoline_end:
    .balign 4
trampoline_bytes:
    .long trampoline_end - trampoline_start

    .code64
trampoline64:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movq trampoline_cr3(%rip), %rax
    movq %rax, %cr3
    movq trampoline_stack(%rip), %rsp
    movq trampoline_cpu(%rip), %rdi
    call smp_ap_main
    ud2

/* ---- exceptions ---- */

#define HAS_ERROR_CODE 0x60227D00

    .balign 16
    .global stubs
stubs:
    vector = 0
    .rept 256
    .balign 16
    .if vector > 31
    pushq $0
    .elseif ((HAS_ERROR_CODE >> vector) & 1) == 0
    pushq $0
    .endif
    pushq $vector
    jmp common
    vector = vector + 1
    .endr

common:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    call smp_trap
    movq %rbp, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq

    .data
    .balign 16
    .global gdt
gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF
    .quad 0x00CF93000000FFFF
gdtr:
    .word . - gdt - 1
    .quad gdt
    .balign 16
idtr:
    .word 256 * 16 - 1
    .quad idt
    .balign 8
    .global trampoline_cr3, trampoline_stack, trampoline_cpu
trampoline_cr3:
    .quad 0
trampoline_stack:
    .quad 0
trampoline_cpu:
    .quad 0

    .bss
    .balign 16
    .global idt
idt:
    .skip 256 * 16
    .skip 16384
first_stack_top:

    .section .note.GNU-stack, "", @progbits
