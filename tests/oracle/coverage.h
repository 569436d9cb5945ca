/* SPDX-License-Identifier: MIT */
/* Which encodings have occurred: every ModRM byte, every SIB byte, every register. */
#ifndef ORACLE_COVERAGE_H
#define ORACLE_COVERAGE_H

#include "generate.h"

struct oracle_coverage {
    uint64_t traits[ORACLE_TRAIT_COUNT];
    bool modrm[2][2][3][8]; /* 67, REX.B, mod, rm */
    bool sib[2][4][3][256]; /* 67, REX.XB, mod, SIB */
    bool operands[4][20];   /* log2 of bytes; register number, 16 to 19: AH, CH, DH, BH */
};

void oracle_cover(struct oracle_coverage *coverage, const struct oracle_case *c);

/*
 * Prints what occurred, and returns how much is missing. COMPLETE: the run was long enough for
 * every byte to have occurred.
 */
unsigned oracle_judge_coverage(const struct oracle_coverage *coverage, enum oracle_group group,
                               bool complete);

#endif
