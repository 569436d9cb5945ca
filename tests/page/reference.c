/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bits HIGH:LOW of VALUE. */
static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
    return (value >> low) & ((2ull << (high - low)) - 1);
}

/* The address field of an entry, bits 51:LOW, the C-bit taken out. */
static uint64_t address(const struct physical *memory, uint64_t entry, unsigned low)
{
    return (bits(entry, 51, low) << low) & ~physical_c(memory);
}

/* Is any of the bits HIGH:LOW set, not counting the C-bit? */
static bool any(const struct physical *memory, uint64_t entry, unsigned high, unsigned low)
{
    return bits(entry & ~physical_c(memory), high, low) != 0;
}

static bool nx(const struct physical *memory, uint64_t entry)
{
    return any(memory, entry, 63, 63);
}

/* One level: the entry, its P, addresses beyond the processor's, the rights so far. */
static bool step(const struct physical *memory, uint64_t table, uint64_t index, uint64_t *entry,
                 struct ref_walk *walk)
{
    unsigned width = memory->paging.phys_bits;

    *entry = *physical_entry(memory, table, (unsigned)index);
    if (bits(*entry, 0, 0) == 0) {
        walk->end = REF_NOT_PRESENT;
        return false;
    }
    if (width != 0 && width <= 51 && any(memory, *entry, 51, width)) {
        walk->end = REF_RESERVED;
        return false;
    }
    walk->mapping.writable = walk->mapping.writable && bits(*entry, 1, 1) == 1;
    walk->mapping.user = walk->mapping.user && bits(*entry, 2, 2) == 1;
    walk->mapping.executable = walk->mapping.executable && !nx(memory, *entry);
    return true;
}

static struct ref_walk mapped(const struct physical *memory, struct ref_walk walk, uint64_t entry,
                              uint64_t va, unsigned low)
{
    walk.end = REF_MAPPED;
    walk.mapping.page_bytes = 1ull << low;
    walk.mapping.gpa = address(memory, entry, low) + bits(va, low - 1, 0);
    walk.mapping.encrypted = bits(entry, memory->paging.c_bit, memory->paging.c_bit) == 1;
    return walk;
}

struct ref_walk ref_walk(const struct physical *memory, uint64_t va)
{
    struct ref_walk walk = { .mapping = { .writable = true, .user = true, .executable = true } };
    unsigned top = memory->paging.la57 ? 56 : 47;
    int64_t extended = (int64_t)(va << (63 - top)) >> (63 - top);
    uint64_t entry = memory->paging.cr3;

    walk.end = (uint64_t)extended == va ? REF_RESERVED : REF_NOT_CANONICAL;
    if (walk.end == REF_NOT_CANONICAL) {
        return walk;
    }
    if (memory->paging.la57) {
        if (!step(memory, address(memory, entry, 12), bits(va, 56, 48), &entry, &walk)) {
            return walk;
        }
        if (any(memory, entry, 8, 7)) {
            walk.end = REF_RESERVED;
            return walk;
        }
    }
    /* PML4E: bits 8:7 must be zero. */
    if (!step(memory, address(memory, entry, 12), bits(va, 47, 39), &entry, &walk)) {
        return walk;
    }
    walk.end = REF_RESERVED;
    if (any(memory, entry, 8, 7)) {
        return walk;
    }
    /* PDPE: of a 1 GiB page, bits 29:13 must be zero. */
    if (!step(memory, address(memory, entry, 12), bits(va, 38, 30), &entry, &walk)) {
        return walk;
    }
    if (bits(entry, 7, 7) == 1) {
        walk.end = REF_RESERVED;
        return any(memory, entry, 29, 13) ? walk : mapped(memory, walk, entry, va, 30);
    }
    /* PDE: of a 2 MiB page, bits 20:13 must be zero. */
    if (!step(memory, address(memory, entry, 12), bits(va, 29, 21), &entry, &walk)) {
        return walk;
    }
    if (bits(entry, 7, 7) == 1) {
        walk.end = REF_RESERVED;
        return any(memory, entry, 20, 13) ? walk : mapped(memory, walk, entry, va, 21);
    }
    if (!step(memory, address(memory, entry, 12), bits(va, 20, 12), &entry, &walk)) {
        return walk;
    }
    return mapped(memory, walk, entry, va, 12);
}

/* Could B be the end of A? */
static bool continues(const struct ref_run *a, const struct ref_run *b)
{
    return a->va + a->bytes == b->va && a->gpa + a->bytes == b->gpa &&
           a->attributes == b->attributes && a->encrypted == b->encrypted &&
           a->writable == b->writable && a->user == b->user && a->executable == b->executable;
}

static void append(struct ref_runs *runs, const struct ref_run *run)
{
    if (runs->count != 0 && continues(&runs->run[runs->count - 1], run)) {
        runs->run[runs->count - 1].bytes += run->bytes;
        return;
    }
    if (runs->count == REF_RUNS_MAX) {
        fail_msg("too many runs for this test");
    }
    runs->run[runs->count++] = *run;
}

/* The attributes of a leaf at LEVEL in one form for all sizes: PAT in bit 7, as a PTE has it. */
static uint64_t attributes(const struct physical *memory, uint64_t entry, unsigned level)
{
    uint64_t pat = bits(entry, level == 1 ? 7 : 12, level == 1 ? 7 : 12) << 7;

    return (entry & ~physical_c(memory) & (0xFFF0000000000F7Full)) | pat;
}

static void list_table(struct ref_runs *runs, const struct physical *memory, uint64_t table,
                       unsigned level, struct ref_run above)
{
    unsigned low = 12 + 9 * (level - 1);
    unsigned top = memory->paging.la57 ? 56 : 47;

    for (unsigned index = 0; index < 512; index++) {
        uint64_t entry = *physical_entry(memory, table, index);
        struct ref_run run = above;

        if (bits(entry, 0, 0) == 0) {
            continue;
        }
        run.va =
            (uint64_t)((int64_t)((above.va | (uint64_t)index << low) << (63 - top)) >> (63 - top));
        run.writable = above.writable && bits(entry, 1, 1) == 1;
        run.user = above.user && bits(entry, 2, 2) == 1;
        run.executable = above.executable && !nx(memory, entry);
        run.encrypted = (entry & physical_c(memory)) != 0;
        if (level != 1 && (level > 3 || bits(entry, 7, 7) == 0)) {
            runs->tables++;
            runs->tables_shared += run.encrypted ? 0 : 1;
            list_table(runs, memory, address(memory, entry, 12), level - 1, run);
            continue;
        }
        runs->leaves++;
        run.bytes = 1ull << low;
        run.gpa = address(memory, entry, low);
        run.attributes = attributes(memory, entry, level);
        append(runs, &run);
    }
}

void ref_runs_list(struct ref_runs *runs, const struct physical *memory)
{
    const struct ref_run all = { .writable = true, .user = true, .executable = true };

    runs->count = 0;
    runs->tables = 0;
    runs->tables_shared = 0;
    runs->leaves = 0;
    list_table(runs, memory, address(memory, memory->paging.cr3, 12), memory->paging.la57 ? 5 : 4,
               all);
}

/* Appends the bytes FROM to LAST of RUN, if any, in the state ENCRYPTED. */
static void append_part(struct ref_runs *runs, const struct ref_run *run, uint64_t from,
                        uint64_t last, bool encrypted)
{
    struct ref_run part = *run;
    uint64_t run_last = run->va + run->bytes - 1;

    part.va = from > run->va ? from : run->va;
    last = last < run_last ? last : run_last;
    if (part.va > last) {
        return;
    }
    part.bytes = last - part.va + 1;
    part.gpa = run->gpa + (part.va - run->va);
    part.encrypted = encrypted;
    append(runs, &part);
}

void ref_runs_set(struct ref_runs *runs, uint64_t va, uint64_t last, bool encrypted)
{
    struct ref_runs *old = malloc(sizeof(*old));

    assert_non_null(old);
    *old = *runs;
    runs->count = 0;
    for (size_t i = 0; i < old->count; i++) {
        const struct ref_run *run = &old->run[i];

        if (va != 0) {
            append_part(runs, run, 0, va - 1, run->encrypted);
        }
        append_part(runs, run, va, last, encrypted);
        if (last != UINT64_MAX) {
            append_part(runs, run, last + 1, UINT64_MAX, run->encrypted);
        }
    }
    free(old);
}

void ref_runs_assert_equal(const struct ref_runs *a, const struct ref_runs *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        const struct ref_run *x = &a->run[i];
        const struct ref_run *y = &b->run[i];

        assert_int_equal(x->va, y->va);
        assert_int_equal(x->bytes, y->bytes);
        assert_int_equal(x->gpa, y->gpa);
        assert_int_equal(x->attributes, y->attributes);
        assert_int_equal(x->encrypted, y->encrypted);
        assert_int_equal(x->writable, y->writable);
        assert_int_equal(x->user, y->user);
        assert_int_equal(x->executable, y->executable);
    }
    assert_int_equal(a->count, b->count);
}
