/* SPDX-License-Identifier: MIT */
/* What the malicious host has been asked for: opt/sevc/config, docs/hostile.md. */
#include "hostile_internal.h"

#include "libc.h"

struct hostile_options hostile_options = {
    .every = 4,
    .rip = { 0, ~0ull },
    .avoid = { 1, 0 },
};

static const struct {
    const struct hostile_mode *rows;
    const unsigned *count;
} tables[] = {
    { hostile_reply_modes, &hostile_reply_mode_count },
    { hostile_cpuid_modes, &hostile_cpuid_mode_count },
    { hostile_response_modes, &hostile_response_mode_count },
    { hostile_inject_modes, &hostile_inject_mode_count },
};

static bool parse_number(const char *text, uint64_t *value, char end)
{
    unsigned base = text[0] == '0' && text[1] == 'x' ? 16 : 10;

    if (base == 16)
        text += 2;
    *value = 0;
    if (*text == end)
        return false;
    for (; *text != end; text++) {
        char c = *text;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;
        if (digit >= base)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

/* "FIRST-BEHIND" */
static bool parse_range(const char *text, uint64_t range[2])
{
    const char *dash = text;

    while (*dash != 0 && *dash != '-')
        dash++;
    return *dash == '-' && parse_number(text, &range[0], '-') &&
           parse_number(dash + 1, &range[1], 0);
}

static bool name_is(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

/* Gathers the rows of a mode. Result: false if there is none of that name. */
static bool add_mode(const char *text, size_t length)
{
    struct hostile_active *mode = &hostile_options.modes[hostile_options.count];

    if (hostile_options.count == HOSTILE_MAX_MODES)
        return false;
    for (unsigned t = 0; t < COUNT(tables); t++) {
        for (unsigned i = 0; i < *tables[t].count; i++) {
            const struct hostile_mode *row = &tables[t].rows[i];
            if (!name_is(row->name, text, length) || mode->row_count == HOSTILE_MAX_ROWS)
                continue;
            mode->name = row->name;
            mode->rows[mode->row_count++] = row;
            hostile_options.kinds |= 1u << row->kind;
        }
    }
    hostile_options.count += mode->name != NULL;
    return mode->name != NULL;
}

static bool parse_modes(const char *list)
{
    while (*list != 0) {
        size_t length = 0;
        while (list[length] != 0 && list[length] != ',')
            length++;
        if (!add_mode(list, length))
            return false;
        list += length;
        if (*list == ',')
            list++;
    }
    return true;
}

static bool parse_seed(const char *value)
{
    if (!parse_number(value, &hostile_options.seed, 0))
        return false;
    hostile_options.random = (hostile_options.seed + 1) * 0x9E3779B97F4A7C15ull; /* not 0 */
    return true;
}

bool hostile_option(const char *key, const char *value)
{
    if (string_equal(key, "hostile"))
        return parse_modes(value);
    if (string_equal(key, "seed"))
        return parse_seed(value);
    if (string_equal(key, "at"))
        return parse_number(value, &hostile_options.at, 0);
    if (string_equal(key, "every"))
        return parse_number(value, &hostile_options.every, 0) && hostile_options.every != 0;
    if (string_equal(key, "lies"))
        return parse_number(value, &hostile_options.limit, 0);
    if (string_equal(key, "again"))
        return parse_number(value, &hostile_options.again, 0);
    if (string_equal(key, "after"))
        return parse_number(value, &hostile_options.after, 0);
    if (string_equal(key, "rip"))
        return parse_range(value, hostile_options.rip);
    if (string_equal(key, "avoid"))
        return parse_range(value, hostile_options.avoid);
    if (!string_equal(key, "arm"))
        return false;
    hostile_options.by_guest = string_equal(value, "guest");
    return hostile_options.by_guest || string_equal(value, "start");
}

uint64_t hostile_random(void)
{
    if (hostile_options.random == 0)
        hostile_options.random = 1;
    hostile_options.random ^= hostile_options.random << 13;
    hostile_options.random ^= hostile_options.random >> 7;
    hostile_options.random ^= hostile_options.random << 17;
    return hostile_options.random;
}
