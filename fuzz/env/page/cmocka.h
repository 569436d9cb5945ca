/* SPDX-License-Identifier: MIT */
/* In place of cmocka, so that the references of tests/page serve here: an assertion is a finding. */
#ifndef FUZZ_PAGE_CMOCKA_H
#define FUZZ_PAGE_CMOCKA_H

#include "../finding.h"

#define assert_true(condition) FUZZ_CHECK(condition, "page", "%s", #condition)
#define assert_int_equal(a, b) FUZZ_CHECK((a) == (b), "page", "%s == %s", #a, #b)
#define assert_non_null(p)     FUZZ_CHECK((p) != 0, "page", "%s", #p)
#define fail_msg(...)          fuzz_finding("page", __VA_ARGS__)

#endif
