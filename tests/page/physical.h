/* SPDX-License-Identifier: MIT */
/*
 * Simulated physical memory for the tests of src/page: a piece of the host's own, which the linear
 * map of a struct sevc_paging points to. Addresses in it are physical: they start at 0.
 */
#ifndef SEVC_TESTS_PAGE_PHYSICAL_H
#define SEVC_TESTS_PAGE_PHYSICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/page.h>

#define KIB(n) ((n)*1024ull)
#define MIB(n) ((n)*1024ull * 1024)
#define GIB(n) ((n)*1024ull * 1024 * 1024)

/* Bits of an entry, by the manual's names; not taken from the code under test. */
#define P   0x001ull
#define RW  0x002ull
#define US  0x004ull
#define PWT 0x008ull
#define PCD 0x010ull
#define A   0x020ull
#define D   0x040ull
#define PS  0x080ull
#define G   0x100ull
#define NX  0x8000000000000000ull

#define PHYSICAL_BYTES MIB(4)

struct physical {
    uint8_t *bytes;
    uint64_t next; /* the next free page; 0 is never handed out */
    struct sevc_paging paging;
};

/* Zeroed memory with an empty root table. End the test if there is none. */
void physical_open(struct physical *memory, uint8_t c_bit, bool la57);
void physical_close(struct physical *memory);

uint64_t physical_alloc(struct physical *memory);
uint64_t physical_c(const struct physical *memory); /* the C-bit */

/* Entry INDEX of the table at GPA. */
uint64_t *physical_entry(const struct physical *memory, uint64_t table, unsigned index);

/*
 * The entry for VA at LEVEL (1: page table, to 5), with tables made on the way. These are
 * present, writable, user, and private.
 */
uint64_t *physical_slot(struct physical *memory, uint64_t va, unsigned level);

/*
 * Maps VA at LEVEL to ENTRY, an address and attributes; P, and PS of large pages, are added.
 * The C-bit is ENTRY's own.
 */
void physical_map(struct physical *memory, uint64_t va, unsigned level, uint64_t entry);

/* A generator of numbers, the same on each run: xorshift64*. */
struct random {
    uint64_t state;
};

/* Seeds from SEVC_TEST_SEED or, without it, from a constant, and prints which. */
struct random random_open(const char *test);
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t limit);
bool random_one_in(struct random *random, unsigned n);

#endif
