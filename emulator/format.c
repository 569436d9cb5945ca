/* SPDX-License-Identifier: MIT */
#include "format.h"

#include <stdbool.h>
#include <stdint.h>

struct sink {
    char *at, *end; /* end: the last byte, kept for the terminating zero */
};

struct conversion {
    unsigned width;
    bool zero, wide; /* wide: 64 bits */
    char kind;
};

static void put(struct sink *sink, char c)
{
    if (sink->at < sink->end)
        *sink->at++ = c;
}

static void put_number(struct sink *sink, uint64_t value, unsigned base, struct conversion how)
{
    char digits[24];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (unsigned i = count; i < how.width; i++)
        put(sink, how.zero ? '0' : ' ');
    while (count > 0)
        put(sink, digits[--count]);
}

static struct conversion parse_conversion(const char **format)
{
    struct conversion how = { 0 };

    if (**format == '0') {
        how.zero = true;
        ++*format;
    }
    for (; **format >= '0' && **format <= '9'; ++*format)
        how.width = how.width * 10 + (unsigned)(**format - '0');
    for (; **format == 'l' || **format == 'z'; ++*format)
        how.wide = true;
    how.kind = **format;
    if (how.kind != 0)
        ++*format;
    return how;
}

static void put_text(struct sink *sink, const char *text)
{
    while (*text != 0)
        put(sink, *text++);
}

size_t format_text_va(char *buffer, size_t bytes, const char *format, va_list args)
{
    struct sink sink = { buffer, buffer + bytes - 1 };

    while (*format != 0) {
        if (*format != '%') {
            put(&sink, *format++);
            continue;
        }
        format++;
        struct conversion how = parse_conversion(&format);
        if (how.kind == 's') {
            put_text(&sink, va_arg(args, const char *));
        } else if (how.kind == 'c') {
            put(&sink, (char)va_arg(args, int));
        } else if (how.kind == 'd') {
            int64_t value = how.wide ? va_arg(args, int64_t) : va_arg(args, int);
            if (value < 0)
                put(&sink, '-');
            put_number(&sink, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, how);
        } else if (how.kind == 'u' || how.kind == 'x') {
            uint64_t value = how.wide ? va_arg(args, uint64_t) : va_arg(args, unsigned);
            put_number(&sink, value, how.kind == 'x' ? 16 : 10, how);
        } else {
            put(&sink, '%');
        }
    }
    *sink.at = 0;
    return (size_t)(sink.at - buffer);
}

size_t format_text(char *buffer, size_t bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t length = format_text_va(buffer, bytes, format, args);
    va_end(args);
    return length;
}
