/* SPDX-License-Identifier: MIT */
/*
 * Each load and store of the code under test, before it happens: clang compiles calls into it
 * (-fsanitize-coverage=trace-loads,trace-stores); other compilers do not.
 */
#ifndef FUZZ_TRACED_H
#define FUZZ_TRACED_H

#include <stdbool.h>
#include <stddef.h>

/* A target's own. Weak default: nothing. */
void fuzz_traced(const volatile void *address, size_t bytes, bool store);

#endif
