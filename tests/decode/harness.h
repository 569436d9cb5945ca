/* SPDX-License-Identifier: MIT */
/* Counting cases, showing the first failures, and where a long test stands. */
#ifndef TESTS_DECODE_HARNESS_H
#define TESTS_DECODE_HARNESS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/insn.h>

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* A test's name, when it starts. Resets its counters. */
void test_begin(const char *name);
/* One case was right. */
void test_count(void);
/* One case was wrong: what, with the bytes. The first twenty are printed. */
__attribute__((format(printf, 3, 4))) void test_fail(const uint8_t *bytes, size_t count,
                                                     const char *format, ...);
/* One case was left out because of REASON, which must be a constant: its address is its key. */
void test_exclude(const char *reason);
/* Prints a line of progress, at most once in two seconds. */
void test_progress(size_t done, size_t all);
/* Prints counters and exclusions; AT_LEAST guards against a test that tests nothing. */
void test_end(size_t at_least);
/* Exit status of the program. */
int test_status(void);

/*
 * COUNT bytes that end where readable memory ends: under the address sanitizer, reading beyond
 * them stops the program. Each call overwrites the last one's.
 */
const uint8_t *test_window(const uint8_t *bytes, size_t count);

/* The linker wants it: the oracle tests use no segment with a base. */
struct test_registers {
    uint64_t fs_base, gs_base, code_bits;
};
extern struct test_registers test_registers;

#endif
