/* SPDX-License-Identifier: MIT */
/*
 * Random tables, every entry of which leads on to another table, at random: src/page and the
 * reference must say the same of every address. SEVC_TEST_SEED gives another run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reference.h"

#define TREES            50
#define LOOKUPS_PER_TREE 4000
#define TABLES_PER_LEVEL 6

/* How often each thing happened: a test in which nothing is mapped would prove nothing. */
struct tally {
    unsigned mapped_4k, mapped_2m, mapped_1g;
    unsigned end[4];
    unsigned encrypted;
    unsigned denied; /* mapped, but the access is not allowed */
};

/* BITS, but once in N calls none of them. */
static uint64_t mostly(struct random *random, unsigned n, uint64_t bits)
{
    return random_one_in(random, n) ? 0 : bits;
}

/* No bits, but once in N calls BITS. */
static uint64_t rarely(struct random *random, unsigned n, uint64_t bits)
{
    return random_one_in(random, n) ? bits : 0;
}

/* Present and permissive mostly, so that walks come far. */
static uint64_t random_attributes(struct random *random)
{
    uint64_t available = random_next(random) & 0x7FF0000000000E78ull;

    return available | mostly(random, 24, P) | mostly(random, 8, RW) | mostly(random, 8, US) |
           rarely(random, 8, NX) | rarely(random, 24, G);
}

/* An address at the border of what is allowed: the highest bit, or one that is too high. */
static uint64_t random_high_bit(struct random *random, uint64_t width)
{
    return 1ull << (width - 1 + random_below(random, 53 - width));
}

static uint64_t random_leaf(struct random *random, unsigned level, uint64_t width)
{
    uint64_t in_page = (4096ull << (9 * (level - 1))) - 1;
    uint64_t address = random_next(random) & 0x000FFFFFFFFFF000ull & ((1ull << width) - 1);
    uint64_t entry = random_attributes(random) | rarely(random, 32, random_high_bit(random, width));

    if (level == 1) {
        return entry | address | rarely(random, 2, PS); /* here PAT */
    }
    entry |= PS | (address & ~in_page) | rarely(random, 2, 0x1000); /* PAT */
    return entry | rarely(random, 24, address & in_page);           /* reserved */
}

static uint64_t random_entry(struct random *random, const struct physical *memory, unsigned level,
                             const uint64_t *tables_below)
{
    uint64_t width = memory->paging.phys_bits != 0 ? memory->paging.phys_bits : 52;
    uint64_t c = physical_c(memory);
    uint64_t entry;

    if (level == 1 || (level <= 3 && random_one_in(random, 4))) {
        entry = random_leaf(random, level, width);
    } else {
        entry = random_attributes(random) | tables_below[random_below(random, TABLES_PER_LEVEL)];
        entry |= level > 3 ? rarely(random, 32, PS) : 0;
        if (width < 52) { /* else it would lead out of the simulated memory */
            entry |= rarely(random, 32, 1ull << (width + random_below(random, 52 - width)));
        }
    }
    return (entry & ~c) | rarely(random, 2, c);
}

static void grow_tree(struct random *random, struct physical *memory)
{
    static const uint8_t usual[] = { 32, 47, 51, 63 };
    uint64_t below[TABLES_PER_LEVEL] = { 0 };
    unsigned levels;
    uint8_t c_bit = random_one_in(random, 2) ? usual[random_below(random, 4)]
                                             : (uint8_t)(32 + random_below(random, 32));

    physical_open(memory, c_bit, random_one_in(random, 2));
    memory->paging.phys_bits =
        random_one_in(random, 2) ? 0 : (uint8_t)(36 + random_below(random, 17));
    levels = memory->paging.la57 ? 5 : 4;
    for (unsigned level = 1; level <= levels; level++) {
        uint64_t here[TABLES_PER_LEVEL];

        for (unsigned t = 0; t < TABLES_PER_LEVEL; t++) {
            here[t] = level == levels ? memory->paging.cr3 : physical_alloc(memory);
            for (unsigned i = 0; i < 512; i++) {
                *physical_entry(memory, here[t], i) = random_entry(random, memory, level, below);
            }
        }
        memcpy(below, here, sizeof(below));
    }
    memory->paging.cr3 |= random_next(random) & 0xFFF;
    memory->paging.cr3 |= random_one_in(random, 2) ? physical_c(memory) : 0;
}

static uint64_t random_va(struct random *random, const struct physical *memory)
{
    unsigned unused = memory->paging.la57 ? 7 : 16;
    uint64_t va = random_next(random);

    if (random_one_in(random, 16)) {
        return va;
    }
    return (uint64_t)((int64_t)(va << unused) >> unused);
}

/* What the processor would say to an access, by the reference alone. */
static bool expected_fault(const struct ref_walk *walk, const struct sevc_copy *copy,
                           struct sevc_fault *fault)
{
    bool write = copy->access == SEVC_ACCESS_PROBE_WRITE;

    memset(fault, 0, sizeof(*fault));
    if (walk->end == REF_NOT_CANONICAL) {
        fault->vector = 13;
        return true;
    }
    if (walk->end == REF_MAPPED && (walk->mapping.writable || !write) &&
        (walk->mapping.user || !copy->user)) {
        return false;
    }
    fault->vector = 14;
    fault->cr2 = copy->va;
    fault->error_code = (uint32_t)((walk->end != REF_NOT_PRESENT) + 2 * write +
                                   (copy->user ? 4 : 0) + 8 * (walk->end == REF_RESERVED));
    return true;
}

static void compare_probe(struct random *random, const struct physical *memory, uint64_t va,
                          const struct ref_walk *expected, struct tally *tally)
{
    struct sevc_fault fault;
    struct sevc_copy copy = {
        .va = va,
        .bytes = 1,
        .access = random_one_in(random, 2) ? SEVC_ACCESS_PROBE_READ : SEVC_ACCESS_PROBE_WRITE,
        .user = random_one_in(random, 2),
        .done = 99,
    };

    if (!expected_fault(expected, &copy, &fault)) {
        assert_true(sevc_walk_copy(&memory->paging, &copy));
        assert_int_equal(copy.done, 1);
        return;
    }
    assert_false(sevc_walk_copy(&memory->paging, &copy));
    assert_int_equal(copy.done, 0);
    assert_int_equal(copy.fault.vector, fault.vector);
    assert_int_equal(copy.fault.cr2, fault.cr2);
    assert_int_equal(copy.fault.error_code, fault.error_code);
    assert_true(copy.fault.has_error_code);
    tally->denied += expected->end == REF_MAPPED;
}

static void compare_walk(const struct physical *memory, uint64_t va,
                         const struct ref_walk *expected, struct tally *tally)
{
    struct sevc_mapping mapping = { .gpa = 1 };

    tally->end[expected->end]++;
    if (expected->end != REF_MAPPED) {
        assert_false(sevc_walk(&memory->paging, va, &mapping));
        assert_int_equal(mapping.gpa, 1);
        return;
    }
    assert_true(sevc_walk(&memory->paging, va, &mapping));
    assert_int_equal(mapping.gpa, expected->mapping.gpa);
    assert_int_equal(mapping.page_bytes, expected->mapping.page_bytes);
    assert_int_equal(mapping.encrypted, expected->mapping.encrypted);
    assert_int_equal(mapping.writable, expected->mapping.writable);
    assert_int_equal(mapping.user, expected->mapping.user);
    assert_int_equal(mapping.executable, expected->mapping.executable);
    tally->mapped_4k += mapping.page_bytes == KIB(4);
    tally->mapped_2m += mapping.page_bytes == MIB(2);
    tally->mapped_1g += mapping.page_bytes == GIB(1);
    tally->encrypted += mapping.encrypted;
}

static void agrees_with_the_reference(void **state)
{
    struct random random = random_open("page.walk_random");
    struct tally tally = { 0 };

    (void)state;
    for (unsigned tree = 0; tree < TREES; tree++) {
        struct physical memory;

        grow_tree(&random, &memory);
        for (unsigned i = 0; i < LOOKUPS_PER_TREE; i++) {
            uint64_t va = random_va(&random, &memory);
            struct ref_walk expected = ref_walk(&memory, va);

            compare_walk(&memory, va, &expected, &tally);
            compare_probe(&random, &memory, va, &expected, &tally);
        }
        physical_close(&memory);
    }
    printf("mapped: 4K %u, 2M %u, 1G %u (%u encrypted, %u denied); not: %u canonical, %u present, "
           "%u reserved\n",
           tally.mapped_4k, tally.mapped_2m, tally.mapped_1g, tally.encrypted, tally.denied,
           tally.end[REF_NOT_CANONICAL], tally.end[REF_NOT_PRESENT], tally.end[REF_RESERVED]);
    assert_true(tally.mapped_4k > 10000 && tally.mapped_2m > 10000 && tally.mapped_1g > 10000);
    assert_true(tally.encrypted > 10000 && tally.denied > 10000);
    assert_true(tally.end[REF_NOT_CANONICAL] > 1000);
    assert_true(tally.end[REF_NOT_PRESENT] > 10000 && tally.end[REF_RESERVED] > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(agrees_with_the_reference) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
