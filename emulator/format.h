/* SPDX-License-Identifier: MIT */
/*
 * A small printf: %s %c %u %d %x %% with l, ll, z, zero padding and width. Output beyond the
 * buffer is cut; the result is always terminated.
 */
#ifndef EMULATOR_FORMAT_H
#define EMULATOR_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Result: the length of the text in the buffer, without the terminating zero. */
size_t format_text_va(char *buffer, size_t bytes, const char *format, va_list args);
size_t format_text(char *buffer, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
