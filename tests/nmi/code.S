/* SPDX-License-Identifier: MIT */
/* What is interrupted: a place where the test's processor raises #VC, and one for each NMI handler. */
    .text
    .globl  code, code_vc
code:
code_vc:
    nop                                 /* #VC, as if this were a CPUID */
    jmp     enter_resume

    .globl  handler_vc, handler_raises
handler_raises:
handler_vc:
    nop
    ret

    .section .note.GNU-stack, "", @progbits
