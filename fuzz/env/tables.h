/* SPDX-License-Identifier: MIT */
/* Page tables from an input's bytes, in the simulated memory of tests/page. */
#ifndef FUZZ_TABLES_H
#define FUZZ_TABLES_H

#include "../../tests/page/reference.h"
#include "input.h"

#define FUZZ_MAPS 12

/* Empties MEMORY, zero before the first time: C-bit, number of levels, width of addresses. */
void fuzz_tables_open(struct physical *memory, struct fuzz_input *input, bool may_be_wrong);

/*
 * Maps an address of the input's with an entry of its own. may_be_wrong: entries on the way may lack rights, be absent,
 * have reserved bits set, or lead back up; else they are in order. Result: the address.
 */
uint64_t fuzz_tables_map(struct physical *memory, struct fuzz_input *input, bool may_be_wrong);

#endif
