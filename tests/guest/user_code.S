/* SPDX-License-Identifier: MIT */
/* Programs for CPL 3; see user.c. */
#include "layout.h"

    .section .rodata
    .globl user_io_code, user_io_end
user_io_code:
    movl $PORT_DEBUG, %edx
    movl $'!', %eax
    outb %al, %dx
    int $VECTOR_USER_EXIT
user_io_end:

    .globl user_int29_code, user_int29_end
user_int29_code:
    movl $0x72, %eax
    pushq $0x72
    int $29
    int $VECTOR_USER_EXIT
user_int29_end:

    .globl user_mmio_code, user_mmio_end
user_mmio_code:
    movl 0xC00000, %eax
    int $VECTOR_USER_EXIT
user_mmio_end:

    .section .note.GNU-stack, "", @progbits
