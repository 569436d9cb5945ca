/* SPDX-License-Identifier: MIT */
/*
 * Records each access that a piece of code makes to the simulated memory: the pages are protected,
 * the fault notes address and direction, one instruction is stepped with the pages open. Linux,
 * x86-64.
 */
#ifndef SEVC_TESTS_PAGE_ACCESS_H
#define SEVC_TESTS_PAGE_ACCESS_H

#include "physical.h"

struct access {
    uint64_t gpa;
    bool write;
};

#define ACCESS_MAX 1024

/* Between start and stop nothing but the code under test may touch the memory. */
void access_start(const struct physical *memory);

/* Returns how many accesses there were, at most ACCESS_MAX of which are in *LIST. */
size_t access_stop(const struct access **list);

#endif
