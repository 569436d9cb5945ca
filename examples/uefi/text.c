/* SPDX-License-Identifier: MIT */
/* Lines of text: formatted here, printed by the firmware or by the serial port. */
#include <stdarg.h>

#include "app.h"

#define LINE_BYTES 160
#define UART       0x3F8
#define UART_LSR   (UART + 5)
#define LSR_EMPTY  0x20u

void (*put_text)(const char *text) = serial_text;

struct line {
    char text[LINE_BYTES];
    size_t length;
};

static void put_char(struct line *line, char c)
{
    if (line->length + 1 < LINE_BYTES)
        line->text[line->length++] = c;
}

static void put_string(struct line *line, const char *s)
{
    while (*s != '\0')
        put_char(line, *s++);
}

static void put_number(struct line *line, uint64_t value, unsigned base)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n > 0)
        put_char(line, digits[--n]);
}

/* One conversion, from behind its %; returns what stands behind it. */
static const char *put_argument(struct line *line, const char *format, va_list *arguments)
{
    bool is_long = *format == 'l';
    char kind = *(format += is_long);

    if (kind == 's')
        put_string(line, va_arg(*arguments, const char *));
    else if (kind == 'u' || kind == 'x')
        put_number(line, is_long ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned),
                   kind == 'x' ? 16 : 10);
    else
        put_char(line, kind);
    return kind == '\0' ? format : format + 1;
}

void put_line(const char *format, ...)
{
    struct line line = { .length = 0 };
    va_list arguments;

    va_start(arguments, format);
    while (*format != '\0') {
        if (*format == '%')
            format = put_argument(&line, format + 1, &arguments);
        else
            put_char(&line, *format++);
    }
    va_end(arguments);
    line.text[line.length] = '\0';
    put_text(line.text);
    put_text("\r\n");
}

/* doc: explicit */
void serial_text(const char *text)
{
    uint8_t status;

    for (; *text != '\0'; text++) {
        do {
            if (sevc_in8(&uefi.cpu, UART_LSR, &status) != SEVC_OK)
                return;
        } while ((status & LSR_EMPTY) == 0);
        sevc_out8(&uefi.cpu, UART, (uint8_t)*text);
    }
}
/* doc: end */
