/* SPDX-License-Identifier: MIT */
/* Integer arithmetic as the processor does it, flags included. Pure. */
#ifndef SEVC_VC_ALU_H
#define SEVC_VC_ALU_H

#include <stdint.h>

#include <sevc/insn.h>

/* What an operation gives: the value for its destination, and RFLAGS. */
struct sevc_alu_result {
    uint64_t value; /* zero-extended; of CMP, TEST and BT the destination, unchanged */
    uint64_t rflags;
};

/*
 * Executes OPERATION on DESTINATION and SOURCE, of BYTES (1, 2, 4, 8) each; higher bits are
 * ignored. SOURCE is unused by NOT, NEG, INC and DEC; of BT and its kin it is the bit's number,
 * modulo the operand's width. rflags: in force before. Flags that the APM leaves undefined get
 * the values that AMD's processors give: AF is cleared by logic instructions, and kept by BT and
 * its kin, as are OF, SF, ZF, PF there (APM vol. 3, the instructions' pages).
 */
struct sevc_alu_result sevc_alu(enum sevc_alu_operation operation, unsigned bytes,
                                uint64_t destination, uint64_t source, uint64_t rflags);

#endif
