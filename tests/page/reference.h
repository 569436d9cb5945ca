/* SPDX-License-Identifier: MIT */
/*
 * What the tables in simulated memory say, found out in another way than src/page does: a walker
 * written out level by level from the manual's figures, and a list of everything that is mapped.
 */
#ifndef SEVC_TESTS_PAGE_REFERENCE_H
#define SEVC_TESTS_PAGE_REFERENCE_H

#include "physical.h"

enum ref_end {
    REF_MAPPED,
    REF_NOT_CANONICAL,
    REF_NOT_PRESENT,
    REF_RESERVED,
};

struct ref_walk {
    enum ref_end end;
    struct sevc_mapping mapping;
};

struct ref_walk ref_walk(const struct physical *memory, uint64_t va);

/*
 * A run of addresses that are mapped alike to memory in one piece, whatever the pages' sizes.
 * Attributes: the bits of the leaf entries without address, C-bit and PS, PAT as bit 7. The rights
 * are those of all levels together.
 */
struct ref_run {
    uint64_t va;
    uint64_t bytes;
    uint64_t gpa;
    uint64_t attributes;
    bool encrypted, writable, user, executable;
};

#ifndef REF_RUNS_MAX /* fuzz/split.c has small trees */
#define REF_RUNS_MAX 16384
#endif

struct ref_runs {
    struct ref_run run[REF_RUNS_MAX];
    size_t count;
    size_t tables;        /* table entries that are in use */
    size_t tables_shared; /* those of them without the C-bit */
    size_t leaves;
};

/* Lists what MEMORY maps. Entries must have no reserved bits set. */
void ref_runs_list(struct ref_runs *runs, const struct physical *memory);

/* Changes the list as share (or unshare) should: [va, last] gets the state ENCRYPTED. */
void ref_runs_set(struct ref_runs *runs, uint64_t va, uint64_t last, bool encrypted);

/* Ends the test unless both say the same. */
void ref_runs_assert_equal(const struct ref_runs *a, const struct ref_runs *b);

#endif
