/* SPDX-License-Identifier: MIT */
/* What every test file here needs. cmocka.h wants the first four in front of it. */
#ifndef GHCB_TEST_COMMON_H
#define GHCB_TEST_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scripted_host.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
