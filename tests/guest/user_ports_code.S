/* SPDX-License-Identifier: MIT */
/* Programs for CPL 3 with string I/O; see user_ports.c. */
#include "layout.h"
#include "user_ports.h"

    .section .rodata
/* Five bytes through the UART's loop-back, out and in again; then two by single instructions. */
    .globl ports_granted_code, ports_granted_end
ports_granted_code:
    cld
    movl $UART_FCR, %edx
    movl $0x07, %eax
    outb %al, %dx
    movl $UART_MCR, %edx
    movl $0x10, %eax
    outb %al, %dx
    movl $PORT_UART, %edx
    leaq text(%rip), %rsi
    movl $5, %ecx
    rep outsb
    leaq text(%rip), %r12
    subq %rsi, %r12             /* R12: minus what OUTS has advanced */
    movq %rcx, %r13
    leaq -32(%rsp), %rdi
    movl $5, %ecx
    rep insb
    leaq -32(%rsp), %r14
    subq %rdi, %r14             /* R14: the same of INS */
    movq %rcx, %r15
    movq $0, -24(%rsp)
    leaq -24(%rsp), %rdi
    outsb
    outsb
    insb
    insb
    movq -32(%rsp), %r8         /* what has come back */
    movq -24(%rsp), %r9
    movl $UART_MCR, %edx
    xorl %eax, %eax
    outb %al, %dx
    int $VECTOR_USER_EXIT
text:
    .ascii "HelloYe"
ports_granted_end:

/* A port that the bitmap refuses. */
    .globl ports_refused_code, ports_refused_end
ports_refused_code:
    movl $PORT_FW_CFG + 1, %edx
    leaq -32(%rsp), %rdi
    movl $3, %ecx
    rep insb
    int $VECTOR_USER_EXIT
ports_refused_end:

/* Two ports, of which the bitmap grants the first. */
    .globl ports_border_code, ports_border_end
ports_border_code:
    movl $PORTS_LAST, %edx
    leaq -32(%rsp), %rsi
    movl $3, %ecx
    rep outsw
    int $VECTOR_USER_EXIT
ports_border_end:

/* A port that the bitmap grants. */
    .globl ports_last_code, ports_last_end
ports_last_code:
    movl $PORTS_LAST, %edx
    leaq -32(%rsp), %rsi
    movl $3, %ecx
    rep outsb
    int $VECTOR_USER_EXIT
ports_last_end:

/* Two of them, by one access. */
    .globl ports_pair_code, ports_pair_end
ports_pair_code:
    movl $PORTS_LAST - 1, %edx
    leaq -32(%rsp), %rsi
    movl $3, %ecx
    rep outsw
    int $VECTOR_USER_EXIT
ports_pair_end:

    .section .note.GNU-stack, "", @progbits
