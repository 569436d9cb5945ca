/* SPDX-License-Identifier: MIT */
/* The few functions of the C library that the monitor needs, which has none. */
#ifndef EMULATOR_LIBC_H
#define EMULATOR_LIBC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);
bool string_equal(const char *a, const char *b);

#endif
