/* SPDX-License-Identifier: MIT */
/*
 * void vcpu_world_switch(uint64_t gpr[16], uint64_t vmcb_pa)
 *
 * Runs the guest until its next exit. gpr is in the order of the instruction encoding (RAX, RCX,
 * RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15); RAX and RSP live in the VMCB instead.
 *
 * No VMLOAD and VMSAVE here: the monitor uses neither FS, GS, TR, LDTR nor the system-call MSRs,
 * so the guest's stay in the processor (vcpu.c fetches them when it has to look at one).
 */
#include "layout.h"

    .text
    .global vcpu_world_switch
vcpu_world_switch:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi
    movq %rsi, %rax
    movq 0x08(%rdi), %rcx
    movq 0x10(%rdi), %rdx
    movq 0x18(%rdi), %rbx
    movq 0x28(%rdi), %rbp
    movq 0x30(%rdi), %rsi
    movq 0x40(%rdi), %r8
    movq 0x48(%rdi), %r9
    movq 0x50(%rdi), %r10
    movq 0x58(%rdi), %r11
    movq 0x60(%rdi), %r12
    movq 0x68(%rdi), %r13
    movq 0x70(%rdi), %r14
    movq 0x78(%rdi), %r15
    movq 0x38(%rdi), %rdi

    vmrun %rax

    xchgq (%rsp), %rdi         /* RDI: gpr; on the stack: the guest's RDI */
    movq %rcx, 0x08(%rdi)
    movq %rdx, 0x10(%rdi)
    movq %rbx, 0x18(%rdi)
    movq %rbp, 0x28(%rdi)
    movq %rsi, 0x30(%rdi)
    movq %r8, 0x40(%rdi)
    movq %r9, 0x48(%rdi)
    movq %r10, 0x50(%rdi)
    movq %r11, 0x58(%rdi)
    movq %r12, 0x60(%rdi)
    movq %r13, 0x68(%rdi)
    movq %r14, 0x70(%rdi)
    movq %r15, 0x78(%rdi)
    popq %rax
    movq %rax, 0x38(%rdi)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    cld
    ret

/* void vcpu_load_hidden(uint64_t vmcb_pa), void vcpu_save_hidden(uint64_t vmcb_pa) */
    .global vcpu_load_hidden
vcpu_load_hidden:
    movq %rdi, %rax
    vmload %rax
    ret

    .global vcpu_save_hidden
vcpu_save_hidden:
    movq %rdi, %rax
    vmsave %rax
    ret

/*
 * void vcpu_take_nmi(void): takes the NMI that is pending, or sleeps until one comes. Everywhere
 * else GIF is clear, so an NMI is never taken at another place; its handler ends the sleep.
 */
    .global vcpu_take_nmi
vcpu_take_nmi:
    stgi
1:  hlt
    jmp 1b

    .global trap_nmi
trap_nmi:
    movq $nmi_taken, (%rsp)
    iretq

nmi_taken:
    clgi
    ret

/*
 * The monitor's own exceptions: every one is a bug of the monitor, reported as such (trap.c).
 * Vectors with an error code: APM vol. 2, 8.2.
 */
#define HAS_ERROR_CODE 0x60227D00 /* 8, 10-14, 17, 21, 29, 30 */

    .balign 16
    .global trap_stubs
trap_stubs:
    vector = 0
    .rept 32
    .balign 16
    .if ((HAS_ERROR_CODE >> vector) & 1) == 0
    pushq $0
    .endif
    pushq $vector
    jmp trap_common
    vector = vector + 1
    .endr

trap_common:
    movq %rsp, %rdi
    cld
    call trap_unexpected
    ud2

    .section .note.GNU-stack, "", @progbits
