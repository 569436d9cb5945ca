/* SPDX-License-Identifier: MIT */
/*
 * Executing single instructions on the processor that runs the tests, in 64-bit mode, at CPL 3.
 *
 * An instruction whose bytes end where the mapped page ends is executed with all registers
 * non-canonical, so that whatever it does faults. If the fault is one of fetching the
 * next page, with RIP at the instruction, the processor wanted more bytes.
 */
#ifndef TESTS_DECODE_PROCESSOR_H
#define TESTS_DECODE_PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

#define CODE         0x100000000000ull /* nothing else within 2 GiB: RIP-relative operands fault */
#define PAGE         4096ull
#define NONCANONICAL 0x8765432112345678ull

enum outcome { WANTS_MORE, COMPLETE, UNDEFINED };

/* Runs a test in a forked child, because what it executes may do anything to the process. */
void processor_in_child(void (*test)(void));

/* In a child: executes the first COUNT bytes of an instruction. */
enum outcome processor_execute(const uint8_t *bytes, size_t count);

/* In a child: executes LEA RDX, [...], placed at CODE, with these registers. */
uint64_t processor_lea(const uint8_t *bytes, size_t count, const uint64_t registers[16]);

#endif
