/* SPDX-License-Identifier: MIT */
#include "mark.h"

#include "libc.h"
#include "report.h"

#define PORT_COM1 0x3F8

static uint8_t wanted[MARK_BYTES];
static uint8_t last[MARK_BYTES]; /* the bytes written last, the newest at the end of wanted_bytes */
static size_t wanted_bytes;      /* 0: nothing is waited for, or no longer */

static bool digit(char c, uint8_t *value)
{
    if (c >= '0' && c <= '9')
        *value = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *value = (uint8_t)(c - 'a' + 10);
    else
        return false;
    return true;
}

bool mark_set(const char *hex)
{
    size_t digits = strlen(hex);
    uint8_t high, low;

    if (digits == 0 || digits % 2 != 0 || digits / 2 > sizeof(wanted))
        return false;
    for (size_t i = 0; i < digits / 2; i++) {
        if (!digit(hex[2 * i], &high) || !digit(hex[2 * i + 1], &low))
            return false;
        wanted[i] = (uint8_t)(high << 4 | low);
    }
    wanted_bytes = digits / 2;
    return true;
}

void mark_note_out(uint16_t port, unsigned size, uint32_t value)
{
    if (wanted_bytes == 0 || port != PORT_COM1 || size != 1)
        return;
    memmove(last, last + 1, wanted_bytes - 1);
    last[wanted_bytes - 1] = (uint8_t)value;
    if (memcmp(last, wanted, wanted_bytes) != 0)
        return;
    wanted_bytes = 0;
    report_mark();
}
