/* SPDX-License-Identifier: MIT */
/*
 * Exceptions that real guests had, and what they were answered: a table that recorded_table.c makes of
 * the traces in tests/trace/corpus while the targets are built.
 */
#ifndef FUZZ_RECORDED_H
#define FUZZ_RECORDED_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_recorded {
    uint64_t exit_code, rip, cs, rflags, rsp;
    uint64_t gpr[16];
    uint64_t cr4, xcr0, xss, fs_base, gs_base;
    uint8_t insn[15];
    uint8_t code_bits;
    /* The first reply, if there was one. */
    uint64_t reply_info1, reply_info2;
    uint64_t reply_bitmap[2];
    uint64_t reply_gpr[16];
    uint8_t has_reply;
};

extern const struct fuzz_recorded fuzz_recorded[];
extern const size_t fuzz_recorded_count;

#endif
