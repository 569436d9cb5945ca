/* SPDX-License-Identifier: MIT */
/* Single instructions, for the unit tests of the decoder. */
#ifndef TESTS_DECODE_UNIT_H
#define TESTS_DECODE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sevc/svm.h>

#include "harness.h"

struct bytes {
    uint8_t count;
    uint8_t at[SEVC_INSN_MAX_BYTES + 1];
};

#define B(...)                                                                                     \
    {                                                                                              \
        sizeof((uint8_t[]){ __VA_ARGS__ }),                                                        \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* Decodes from a heap block of exactly that size: reading further ends the test. */
static inline enum sevc_result decode_prefix(const struct bytes *bytes, size_t count,
                                             unsigned code_bits, struct sevc_insn *insn)
{
    uint8_t *exact = malloc(count ? count : 1);
    enum sevc_result result;

    assert_non_null(exact);
    memcpy(exact, bytes->at, count);
    /* With no bytes at all, not even the pointer may be followed. */
    result = sevc_decode(count ? exact : exact + 1, count, code_bits, insn);
    free(exact);
    return result;
}

static inline struct sevc_insn decode(const struct bytes *bytes, unsigned code_bits)
{
    struct sevc_insn insn;

    assert_int_equal(decode_prefix(bytes, bytes->count, code_bits, &insn), SEVC_OK);
    assert_int_equal(insn.length, bytes->count);
    return insn;
}

#define DECODE(...) decode(&(const struct bytes)B(__VA_ARGS__), 64)

#endif
