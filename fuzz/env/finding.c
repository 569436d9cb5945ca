/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "finding.h"

void fuzz_finding(const char *validator, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "fuzz: finding: %s: ", validator);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}
