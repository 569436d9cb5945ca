/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sevc/os.h>

enum { MAX_SHOWN = 20, MAX_REASONS = 32, WINDOW = 16 };

static struct {
    const char *name;
    size_t cases, failures;
    struct {
        const char *text;
        size_t cases;
    } excluded[MAX_REASONS];
    time_t shown;
} test;

static bool any_failed;

struct test_registers test_registers = { .code_bits = 64 };

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    switch (which) {
    case SEVC_OS_FS_BASE:
        return test_registers.fs_base;
    case SEVC_OS_GS_BASE:
        return test_registers.gs_base;
    case SEVC_OS_CODE_BITS:
        return test_registers.code_bits;
    default:
        abort();
    }
}

void test_begin(const char *name)
{
    memset(&test, 0, sizeof(test));
    test.name = name;
    test.shown = time(NULL);
    printf("[ RUN  ] %s\n", name);
    fflush(stdout);
}

void test_count(void)
{
    test.cases++;
}

void test_fail(const uint8_t *bytes, size_t count, const char *format, ...)
{
    va_list arguments;

    test.cases++;
    if (++test.failures > MAX_SHOWN)
        return;
    printf("         ");
    for (size_t i = 0; i < count; i++)
        printf("%02x ", bytes[i]);
    printf(": ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void test_exclude(const char *reason)
{
    size_t i = 0;

    while (test.excluded[i].text && test.excluded[i].text != reason)
        i++;
    if (i == MAX_REASONS - 1)
        abort();
    test.excluded[i].text = reason;
    test.excluded[i].cases++;
}

void test_progress(size_t done, size_t all)
{
    time_t now = time(NULL);

    if (now < test.shown + 2)
        return;
    test.shown = now;
    printf("         %zu of %zu, %zu cases\n", done, all, test.cases);
    fflush(stdout);
}

void test_end(size_t at_least)
{
    bool failed = test.failures != 0 || test.cases < at_least;

    for (size_t i = 0; test.excluded[i].text; i++)
        printf("         not compared, %zu cases: %s\n", test.excluded[i].cases,
               test.excluded[i].text);
    if (test.cases < at_least)
        printf("         only %zu cases, at least %zu expected\n", test.cases, at_least);
    printf("[%s] %s: %zu cases, %zu wrong\n", failed ? "FAILED" : "  OK  ", test.name, test.cases,
           test.failures);
    any_failed |= failed;
}

int test_status(void)
{
    return any_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

const uint8_t *test_window(const uint8_t *bytes, size_t count)
{
    static uint8_t *memory;

    if (!memory) {
        memory = malloc(WINDOW);
        if (!memory)
            abort();
    }
    return memcpy(memory + WINDOW - count, bytes, count);
}
