/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stddef.h>

#include "fwcfg.h"
#include "ghcb_server.h"
#include "hostile.h"
#include "mark.h"
#include "report.h"
#include "libc.h"

struct config config = { .log = REPORT_EVENTS, .irq_vector = 0xE0, .seed = 1 };

/* A choice: the key, one of its values, and the effect of that value. */
struct choice {
    const char *key, *value;
    enum {
        SET_LOG,
        SET_STOP_NEVER,
        SET_RDTSC_NATIVE,
        SET_VIEWS_OFF,
        SET_TRACE,
        SET_TRACE_NO_MEMORY,
        SET_NMI_WINDOW_IRET,
        SET_NMI_IMMEDIATE,
    } field;
    unsigned setting;
};

static const struct choice choices[] = {
    { "log", "0", SET_LOG, 0 },
    { "log", "1", SET_LOG, 1 },
    { "log", "2", SET_LOG, 2 },
    { "log", "3", SET_LOG, 3 },
    { "stop", "first", SET_STOP_NEVER, 0 },
    { "stop", "never", SET_STOP_NEVER, 1 },
    { "rdtsc", "intercept", SET_RDTSC_NATIVE, 0 },
    { "rdtsc", "native", SET_RDTSC_NATIVE, 1 },
    { "views", "exact", SET_VIEWS_OFF, 0 },
    { "views", "off", SET_VIEWS_OFF, 1 },
    { "trace", "off", SET_TRACE, 0 },
    { "trace", "on", SET_TRACE, 1 },
    { "trace-memory", "guest", SET_TRACE_NO_MEMORY, 0 },
    { "trace-memory", "none", SET_TRACE_NO_MEMORY, 1 },
    { "nmi-window", "complete", SET_NMI_WINDOW_IRET, 0 },
    { "nmi-window", "iret", SET_NMI_WINDOW_IRET, 1 },
    { "nmi-storm", "immediate", SET_NMI_IMMEDIATE, 1 },
};

/* A decimal number, with its limits. */
enum number_field {
    NUMBER_NMI_STORM,
    NUMBER_IRQ_STORM,
    NUMBER_IRQ_VECTOR,
    NUMBER_SEED,
    NUMBER_FLASH
};

static const struct {
    const char *key;
    uint64_t low, high;
    enum number_field field;
} numbers[] = {
    { "nmi-storm", 1, 1000000, NUMBER_NMI_STORM }, { "irq-storm", 1, 1000000, NUMBER_IRQ_STORM },
    { "irq-vector", 32, 255, NUMBER_IRQ_VECTOR },  { "seed", 0, ~0ull, NUMBER_SEED },
    { "flash", 0, 0x1000000, NUMBER_FLASH },
};

static void apply(const struct choice *choice)
{
    switch (choice->field) {
    case SET_LOG:
        config.log = choice->setting;
        break;
    case SET_STOP_NEVER:
        config.stop_never = choice->setting != 0;
        break;
    case SET_RDTSC_NATIVE:
        config.rdtsc_native = choice->setting != 0;
        break;
    case SET_VIEWS_OFF:
        config.views_off = choice->setting != 0;
        break;
    case SET_TRACE:
        config.trace = choice->setting != 0;
        break;
    case SET_TRACE_NO_MEMORY:
        config.trace_no_memory = choice->setting != 0;
        break;
    case SET_NMI_WINDOW_IRET:
        config.nmi_window_iret = choice->setting != 0;
        break;
    case SET_NMI_IMMEDIATE:
        config.nmi_immediate = choice->setting != 0;
        break;
    }
}

static void apply_number(enum number_field field, uint64_t value)
{
    switch (field) {
    case NUMBER_NMI_STORM:
        config.nmi_storm_us = value;
        break;
    case NUMBER_IRQ_STORM:
        config.irq_storm_us = value;
        break;
    case NUMBER_IRQ_VECTOR:
        config.irq_vector = (uint8_t)value;
        break;
    case NUMBER_FLASH:
        config.flash_bytes = value;
        break;
    case NUMBER_SEED:
        config.seed = value;
        break;
    }
}

/* Result: false if it is no number. */
static bool decimal(const char *text, uint64_t *value)
{
    *value = 0;
    if (*text == 0)
        return false;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *value = *value * 10 + (unsigned)(*text - '0');
    }
    return true;
}

static bool parse_number_option(const char *key, const char *text)
{
    uint64_t value;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!string_equal(key, numbers[i].key))
            continue;
        if (!decimal(text, &value) || value < numbers[i].low || value > numbers[i].high)
            return false;
        apply_number(numbers[i].field, value);
        return true;
    }
    return false;
}

/* A comma-separated list of the GHCB server's allowances. */
static bool parse_allowances(const char *list)
{
    while (*list != 0) {
        size_t length = 0;
        while (list[length] != 0 && list[length] != ',')
            length++;
        uint32_t bit = ghcb_allowance_by_name(list, length);
        if (bit == 0)
            return false;
        config.allow |= bit;
        list += length;
        if (*list == ',')
            list++;
    }
    return true;
}

static bool parse_option(const char *key, const char *value)
{
    if (string_equal(key, "allow"))
        return parse_allowances(value);
    if (string_equal(key, "mark"))
        return mark_set(value);
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (string_equal(key, choices[i].key) && string_equal(value, choices[i].value)) {
            apply(&choices[i]);
            return true;
        }
    }
    bool mine = parse_number_option(key, value);
    return hostile_option(key, value) || mine; /* both want the seed */
}

void config_read(void)
{
    static char text[1024];
    struct fwcfg_file file;

    if (!fwcfg_find("opt/sevc/config", &file))
        return;
    if (file.bytes >= sizeof(text))
        report_end(VERDICT_ERROR, "opt/sevc/config is longer than %zu bytes", sizeof(text) - 1);
    fwcfg_read(&file, 0, text, file.bytes);

    for (char *at = text; *at != 0;) {
        char *key = at, *value = NULL;
        while (*at != 0 && *at != ' ' && *at != '\n') {
            if (*at == '=' && value == NULL) {
                *at = 0;
                value = at + 1;
            }
            at++;
        }
        if (*at != 0)
            *at++ = 0;
        if (*key == 0)
            continue;
        if (value == NULL || !parse_option(key, value))
            report_end(VERDICT_ERROR, "unknown option %s=%s in opt/sevc/config", key,
                       value == NULL ? "" : value);
    }
}
