/* SPDX-License-Identifier: MIT */
/* A serial console. Every character costs two #VC exceptions: one IN, one OUT. */
#include <stdarg.h>

#include "io.h"
#include "kernel.h"

#define UART_DATA    (PORT_UART + 0)
#define UART_IER     (PORT_UART + 1)
#define UART_FCR     (PORT_UART + 2)
#define UART_LCR     (PORT_UART + 3)
#define UART_LSR     (PORT_UART + 5)
#define LCR_8N1      0x03
#define LSR_TX_EMPTY 0x20

void console_init(void)
{
    out8(UART_IER, 0); /* polled */
    out8(UART_LCR, LCR_8N1);
    out8(UART_FCR, 0);
}

static void put(char c)
{
    while ((in8(UART_LSR) & LSR_TX_EMPTY) == 0)
        ;
    out8(UART_DATA, (uint8_t)c);
}

/* ---- a small printf ---- */

struct output {
    char *to;
    size_t bytes, length;
};

static void emit(struct output *out, char c)
{
    if (out->length + 1 < out->bytes)
        out->to[out->length++] = c;
}

static void emit_padded(struct output *out, const char *text, size_t length, size_t width, char pad)
{
    for (size_t i = length; i < width; i++)
        emit(out, pad);
    for (size_t i = 0; i < length; i++)
        emit(out, text[i]);
}

static void emit_text(struct output *out, const char *text, size_t width)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++)
        emit(out, text[i]);
    for (size_t i = length; i < width; i++) /* text is flush left, numbers are flush right */
        emit(out, ' ');
}

static void emit_number(struct output *out, uint64_t value, unsigned base, size_t width, char pad)
{
    char digits[20];
    size_t n = sizeof(digits);

    do {
        digits[--n] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    emit_padded(out, digits + n, sizeof(digits) - n, width, pad);
}

static size_t format_va(char *to, size_t bytes, const char *format, va_list args)
{
    struct output out = { to, bytes, 0 };

    for (const char *p = format; *p != 0; p++) {
        size_t width = 0;
        char pad = ' ';
        bool is_long = false;

        if (*p != '%') {
            emit(&out, *p);
            continue;
        }
        p++;
        if (*p == '-')
            p++; /* text is flush left anyway */
        if (*p == '0')
            pad = '0';
        for (; *p >= '0' && *p <= '9'; p++)
            width = width * 10 + (size_t)(*p - '0');
        for (; *p == 'l'; p++)
            is_long = true;
        if (*p == 's')
            emit_text(&out, va_arg(args, const char *), width);
        else if (*p == 'c')
            emit(&out, (char)va_arg(args, int));
        else if (*p == 'u' || *p == 'x')
            emit_number(&out, is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned),
                        *p == 'u' ? 10 : 16, width, pad);
        else
            emit(&out, *p);
    }
    if (bytes != 0)
        to[out.length] = 0;
    return out.length;
}

size_t ksnprintf(char *to, size_t bytes, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = format_va(to, bytes, format, args);
    va_end(args);
    return length;
}

void kprintf(const char *format, ...)
{
    char text[256];
    va_list args;
    size_t length;

    va_start(args, format);
    length = format_va(text, sizeof(text), format, args);
    va_end(args);
    for (size_t i = 0; i < length; i++)
        put(text[i]);
}
