/* SPDX-License-Identifier: MIT */
/*
 * Guest code: where a processor waits until it is started (docs/emulator.md, "Several
 * processors"). Copied to BOOT_AP_START, with CS there and the jump table one page behind; it uses
 * no stack and no other memory. Nothing in it raises #VC, which real mode could not take.
 */
#define MSR_GHCB           0xC0010130
#define AP_RESET_HOLD_REQ  0x006
#define AP_RESET_HOLD_RESP 0x007
#define GHCB_INFO_MASK     0xFFF

    .section .rodata
    .global park_start, park_bytes
    .code16
park_start:
    movl $MSR_GHCB, %ecx
1:  movl $AP_RESET_HOLD_REQ, %eax
    xorl %edx, %edx
    wrmsr
    rep; vmmcall               /* VMGEXIT */
    rdmsr
    movl %eax, %ebx
    andl $GHCB_INFO_MASK, %ebx
    cmpl $AP_RESET_HOLD_RESP, %ebx
    jne 1b
    andl $~GHCB_INFO_MASK, %eax
    orl %edx, %eax
    jz 1b                      /* not woken by INIT-SIPI */
    xorl %ebx, %ebx
    ljmpw *%cs:0x1000          /* u16 IP, u16 CS */
park_end:
    .balign 4
park_bytes:
    .long park_end - park_start

    .section .note.GNU-stack, "", @progbits
