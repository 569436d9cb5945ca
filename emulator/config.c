/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stddef.h>

#include "fwcfg.h"
#include "ghcb_server.h"
#include "hostile.h"
#include "report.h"
#include "libc.h"

struct config config = { .log = REPORT_EVENTS };

/* A choice: the key, one of its values, and the effect of that value. */
struct choice {
    const char *key, *value;
    enum { SET_LOG, SET_STOP_NEVER, SET_RDTSC_NATIVE } field;
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
    }
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
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (string_equal(key, choices[i].key) && string_equal(value, choices[i].value)) {
            apply(&choices[i]);
            return true;
        }
    }
    return hostile_option(key, value);
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
