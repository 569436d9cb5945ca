/* SPDX-License-Identifier: MIT */
/* Inside the generator: an instruction on its way (generate.c). */
#ifndef ORACLE_DRAFT_H
#define ORACLE_DRAFT_H

#include "generate.h"

/* Numbers of registers in encodings. */
#define RAX 0
#define RCX 1
#define RSP 4
#define RSI 6
#define RDI 7
#define R12 12
#define R13 13

#define NO_REGISTER 0xFF

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

#define RFLAGS_TF 0x100u
#define RFLAGS_DF 0x400u
#define RFLAGS_RF 0x10000u

/* Room at both ends of a window for what the instruction should not touch. */
#define MARGIN 256u

/* An instruction on its way. */
struct oracle_draft {
    struct oracle_case *c;
    struct oracle_random *random;
    uint8_t prefixes[8];
    unsigned prefix_count;
    bool operand_66, address_67;
    uint8_t rex;         /* 0: none */
    uint8_t base, index; /* register numbers, or NO_REGISTER */
    uint8_t scale;
    bool rip_relative;
    uint8_t displacement_bytes; /* 0, 1, 4, and 8 for A0 to A3 */
    uint64_t displacement;      /* sign-extended */
    uint8_t immediate_bytes;
    uint64_t immediate;
    enum oracle_window window;
    uint64_t address; /* linear, of the operand that the addressing form names */
};

static inline void oracle_note(struct oracle_draft *d, enum oracle_trait which)
{
    d->c->traits |= 1ull << which;
}

/* ---- encode.c ---- */

/* Prefixes, REX, operand and immediate sizes. */
void oracle_choose_prefixes(struct oracle_draft *d);
void oracle_choose_sizes(struct oracle_draft *d);

/* Puts the instruction together; returns where its displacement stands. The length may be > 15. */
unsigned oracle_emit(struct oracle_draft *d);

/* The displacement is known only when the length is. */
void oracle_patch_displacement(struct oracle_draft *d, unsigned place);

/* Chooses where the instruction stands. */
void oracle_place_code(struct oracle_draft *d);

/* ---- solve.c: from the operand's address back to registers; false: the form cannot reach it ---- */

/* Sets a register of the address; with 67 only its lower half matters. */
void oracle_set_register(struct oracle_draft *d, unsigned number, uint64_t value);

/* Chooses a base for FS or GS where one is used, and makes the linear address an offset. */
bool oracle_leave_segment(struct oracle_draft *d, uint64_t *address);

/* Registers, displacement and segment base with which the operand lies at d->address. */
bool oracle_solve(struct oracle_draft *d);

/* ---- one instruction; false: another try ---- */

bool oracle_draft_memory(struct oracle_draft *d); /* operand.c */
bool oracle_draft_string(struct oracle_draft *d); /* strings.c */

#endif
