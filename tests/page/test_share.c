/* SPDX-License-Identifier: MIT */
/* sevc_page_share() and sevc_page_unshare(), case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch_log.h"

/* 1 GiB aligned, in the upper half. */
#define BASE 0xFFFF90C000000000ull

#define POOL_PAGES 6

/* Bits that a split must carry over: everything but P, PS, the address and the C-bit. */
#define ALL_BUT_PAT (RW | US | PWT | PCD | A | D | G | 0xE00 | 0x7FF0000000000000ull | NX)

static struct fixture {
    struct physical memory;
    uint64_t pool[POOL_PAGES];
    struct sevc_table_pages tables;
    struct ref_runs before, after;
    uint8_t bytes_before[PHYSICAL_BYTES];
} f;

/* A root, and a pool of pages with something in them: their contents must not matter. */
static int open_fixture(void **state)
{
    (void)state;
    physical_open(&f.memory, 47, false);
    for (unsigned i = 0; i < POOL_PAGES; i++) {
        f.pool[i] = physical_alloc(&f.memory);
        memset(f.memory.bytes + f.pool[i], 0xFF, 4096);
    }
    f.tables = (struct sevc_table_pages){ .gpa = f.pool, .count = POOL_PAGES, .needed = 99 };
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    physical_close(&f.memory);
    return 0;
}

static uint64_t c(void)
{
    return physical_c(&f.memory);
}

static enum sevc_result change(uint64_t va, uint64_t bytes, bool encrypted,
                               struct sevc_table_pages *tables)
{
    arch_log_open(&f.memory);
    ref_runs_list(&f.before, &f.memory);
    memcpy(f.bytes_before, f.memory.bytes, PHYSICAL_BYTES);
    return (encrypted ? sevc_page_unshare : sevc_page_share)(&f.memory.paging, va, bytes, tables);
}

/* The call works: pages, order of operations, use of the pool. */
static void assert_changes(uint64_t va, uint64_t bytes, bool encrypted, size_t splits)
{
    uint64_t last = va + bytes - 1;
    size_t pool = f.tables.count;

    assert_int_equal(change(va, bytes, encrypted, &f.tables), SEVC_OK);
    ref_runs_list(&f.after, &f.memory);
    arch_log_check(&f.before, va, last, encrypted, splits);
    ref_runs_set(&f.before, va, last, encrypted);
    ref_runs_assert_equal(&f.after, &f.before);
    assert_int_equal(f.after.tables, f.before.tables + splits);
    assert_int_equal(f.after.tables_shared, 0);
    assert_int_equal(f.tables.needed, splits);
    assert_int_equal(f.tables.count, pool - splits);
}

/* The call is refused, and has not touched a byte, nor the processor, nor the pool. */
static void assert_refused_with(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                struct sevc_table_pages *tables, enum sevc_result expected)
{
    size_t pool = tables != NULL ? tables->count : 0;

    for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
        arch_log_open(&f.memory);
        memcpy(f.bytes_before, f.memory.bytes, PHYSICAL_BYTES);
        assert_int_equal(
            (encrypted ? sevc_page_unshare : sevc_page_share)(paging, va, bytes, tables), expected);
        assert_memory_equal(f.memory.bytes, f.bytes_before, PHYSICAL_BYTES);
        assert_int_equal(arch_log.count, 0);
        assert_int_equal(tables != NULL ? tables->count : 0, pool);
    }
}

static void assert_refused(uint64_t va, uint64_t bytes, enum sevc_result expected)
{
    assert_refused_with(&f.memory.paging, va, bytes, &f.tables, expected);
}

static void changes_one_bit_of_one_entry(void **state)
{
    const uint64_t entry = 0x0000012345678000ull | ALL_BUT_PAT | 0x80;

    (void)state;
    physical_map(&f.memory, BASE, 1, entry | c());
    physical_map(&f.memory, BASE + KIB(4), 1, entry | c());
    assert_changes(BASE, KIB(4), false, 0);
    assert_int_equal(*physical_slot(&f.memory, BASE, 1), entry | P);
    assert_int_equal(*physical_slot(&f.memory, BASE + KIB(4), 1), entry | P | c());
    assert_changes(BASE, KIB(4), true, 0);
    assert_int_equal(*physical_slot(&f.memory, BASE, 1), entry | P | c());
}

/* The sequence once in full, in words of its own. */
static void keeps_the_order_of_the_architecture(void **state)
{
    static const struct arch_event expected[] = {
        { ARCH_INVLPG, BASE + KIB(12), 0, KIB(4), true }, /* split, still private */
        { ARCH_SHOOTDOWN, BASE + KIB(12), KIB(4), KIB(4), true },
        { ARCH_FENCE, 0, 0, 0, false },
        { ARCH_CLFLUSH, BASE + KIB(12), KIB(4), KIB(4), true },
        { ARCH_FENCE, BASE + KIB(12), 0, KIB(4), true },
        { ARCH_INVLPG, BASE + KIB(12), 0, KIB(4), false }, /* now shared */
        { ARCH_SHOOTDOWN, BASE + KIB(12), KIB(4), KIB(4), false },
    };

    (void)state;
    physical_map(&f.memory, BASE, 2, c());
    assert_int_equal(change(BASE + KIB(12), KIB(4), false, &f.tables), SEVC_OK);
    assert_int_equal(arch_log.count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < arch_log.count; i++) {
        const struct arch_event *event = &arch_log.event[i];

        assert_int_equal(event->call, expected[i].call);
        assert_int_equal(event->va, expected[i].va);
        assert_int_equal(event->bytes, expected[i].bytes);
        if (i != 2) {
            assert_int_equal(event->page_bytes, expected[i].page_bytes);
            assert_int_equal(event->encrypted, expected[i].encrypted);
        }
    }
}

/* A large page that lies in the range as a whole stays one. */
static void changes_whole_large_pages_in_place(void **state)
{
    const uint64_t huge = GIB(5) | ALL_BUT_PAT | 0x1000;
    const uint64_t large = MIB(6) | ALL_BUT_PAT | 0x1000;

    (void)state;
    physical_map(&f.memory, BASE, 3, huge | c());
    physical_map(&f.memory, BASE + GIB(1), 2, large | c());
    physical_map(&f.memory, BASE + GIB(1) + MIB(2), 1, KIB(8) | c());
    assert_changes(BASE, GIB(1) + MIB(2) + KIB(4), false, 0);
    assert_int_equal(*physical_slot(&f.memory, BASE, 3), huge | P | PS);
    assert_int_equal(*physical_slot(&f.memory, BASE + GIB(1), 2), large | P | PS);
    assert_int_equal(change(BASE, GIB(1) + MIB(2), true, NULL), SEVC_OK);
    assert_int_equal(*physical_slot(&f.memory, BASE, 3), huge | P | PS | c());
}

/* Every attribute of a 2 MiB page is found in each of its parts, PAT in its other place. */
static void splits_2m_with_all_attributes(void **state)
{
    (void)state;
    for (unsigned pat = 0; pat < 2; pat++) {
        for (unsigned attributes = 0; attributes < 64; attributes++) {
            uint64_t va = BASE + MIB(2) * (attributes + 64 * pat);
            uint64_t bit = 1ull << attributes & ALL_BUT_PAT;
            uint64_t table;

            f.tables = (struct sevc_table_pages){ .gpa = f.pool, .count = 1 };
            f.pool[0] = physical_alloc(&f.memory);
            physical_map(&f.memory, va, 2, MIB(2) * 77 | (pat ? 0x1000 : 0) | bit | c());
            assert_changes(va + KIB(4) * 3, KIB(4), false, 1);
            table = *physical_slot(&f.memory, va, 2);
            assert_int_equal(table, f.pool[0] | P | RW | US | c());
            for (unsigned i = 0; i < 512; i++) {
                assert_int_equal(*physical_entry(&f.memory, f.pool[0], i),
                                 (MIB(2) * 77 + KIB(4) * i) | (pat ? 0x80 : 0) | bit | P |
                                     (i == 3 ? 0 : c()));
            }
        }
    }
}

/* A 1 GiB page becomes 2 MiB pages, with PAT where it was, and one of them 4 KiB pages. */
static void splits_1g_with_all_attributes(void **state)
{
    const uint64_t attributes = ALL_BUT_PAT & ~D;
    const uint64_t va = BASE + MIB(2) * 9 + KIB(4) * 5;
    uint64_t pd, pt;

    (void)state;
    for (unsigned pat = 0; pat < 2; pat++) {
        uint64_t at = va + GIB(1) * pat;

        physical_map(&f.memory, at, 3, GIB(3) | attributes | (pat ? 0x1000 : 0));
        assert_changes(at, KIB(4), true, 2);
        pd = f.pool[f.tables.count + 1]; /* used from the end */
        pt = f.pool[f.tables.count];
        assert_int_equal(*physical_slot(&f.memory, at, 3), pd | P | RW | US | c());
        assert_int_equal(*physical_slot(&f.memory, at, 2), pt | P | RW | US | c());
        for (unsigned i = 0; i < 512; i++) {
            if (i != 9) {
                assert_int_equal(*physical_entry(&f.memory, pd, i),
                                 (GIB(3) + MIB(2) * i) | attributes | (pat ? 0x1000 : 0) | P | PS);
            }
            assert_int_equal(*physical_entry(&f.memory, pt, i), (GIB(3) + MIB(2) * 9 + KIB(4) * i) |
                                                                    attributes | (pat ? 0x80 : 0) |
                                                                    P | (i == 5 ? c() : 0));
        }
    }
}

struct split_case {
    uint64_t start, end; /* from BASE on, in two 1 GiB pages, or in 2 MiB pages */
    size_t tables_1g;    /* how many tables the change takes where 1 GiB pages map it */
    size_t tables_2m;    /* where 2 MiB pages do */
};

static const struct split_case split_cases[] = {
    { 0, GIB(1), 0, 0 },
    { 0, GIB(2), 0, 0 },
    { 0, KIB(4), 2, 1 },
    { KIB(4), KIB(8), 2, 1 },
    { 0, MIB(2), 1, 0 },
    { MIB(2), MIB(6), 1, 0 },
    { 0, MIB(2) + KIB(4), 2, 1 },
    { KIB(4), MIB(2), 2, 1 },
    { KIB(4), MIB(4), 2, 1 },
    { KIB(4), MIB(2) + KIB(4), 3, 2 },          /* two ends in neighbours */
    { KIB(4), GIB(1) - KIB(4), 3, 2 },          /* two ends in one 1 GiB page */
    { GIB(1) - KIB(4), GIB(1) + KIB(4), 4, 2 }, /* in two */
    { KIB(4), GIB(2) - KIB(4), 4, 2 },
    { MIB(2), GIB(2) - MIB(2), 2, 0 },
    { MIB(2), GIB(1), 1, 0 },
    { GIB(1) - MIB(2), GIB(1) + KIB(4), 3, 1 },
};

static void takes_as_many_tables_as_it_must(void **state)
{
    for (size_t i = 0; i < sizeof(split_cases) / sizeof(split_cases[0]); i++) {
        const struct split_case *s = &split_cases[i];

        for (unsigned level = 2; level <= 3; level++) {
            size_t splits = level == 3 ? s->tables_1g : s->tables_2m;
            uint64_t span = level == 3 ? GIB(1) : MIB(2);

            open_fixture(state);
            for (uint64_t at = 0; at < GIB(2); at += span) {
                physical_map(&f.memory, BASE + at, level, (GIB(4) + at) | RW | c());
            }
            /* One page too few: refused, and told how many. */
            if (splits != 0) {
                f.tables.count = splits - 1;
                assert_int_equal(change(BASE + s->start, s->end - s->start, false, &f.tables),
                                 SEVC_FORBIDDEN);
                assert_int_equal(f.tables.needed, splits);
                assert_int_equal(f.tables.count, splits - 1);
                assert_int_equal(arch_log.count, 0);
                assert_memory_equal(f.memory.bytes, f.bytes_before, PHYSICAL_BYTES);
            }
            f.tables.count = splits;
            assert_changes(BASE + s->start, s->end - s->start, false, splits);
            assert_changes(BASE + s->start, s->end - s->start, true, 0);
            close_fixture(state);
        }
    }
    open_fixture(state);
}

static void leaves_pages_in_the_wanted_state_alone(void **state)
{
    (void)state;
    physical_map(&f.memory, BASE, 3, GIB(1));
    physical_map(&f.memory, BASE + GIB(1), 2, MIB(2));
    physical_map(&f.memory, BASE + GIB(1) + MIB(2), 1, KIB(4));
    for (uint64_t bytes = KIB(4); bytes <= GIB(1) + MIB(2); bytes *= 4) {
        assert_int_equal(change(BASE + GIB(1) + MIB(2) + KIB(4) - bytes, bytes, false, NULL),
                         SEVC_OK);
        assert_int_equal(arch_log.count, 0);
        assert_memory_equal(f.memory.bytes, f.bytes_before, PHYSICAL_BYTES);
    }
    assert_int_equal(change(BASE + KIB(4), KIB(4), false, &f.tables), SEVC_OK);
    assert_int_equal(f.tables.needed, 0);
    assert_int_equal(arch_log.count, 0);
    /* Between pages that differ, too; and only those are flushed. */
    physical_map(&f.memory, BASE + GIB(1) + MIB(2) + KIB(4), 1, KIB(8) | c());
    assert_changes(BASE + MIB(2) + KIB(4), GIB(1) + KIB(4), false, 0);
}

static void refuses_what_is_not_mapped_and_changes_nothing(void **state)
{
    const uint64_t bytes = KIB(4) * 9;

    (void)state;
    for (uint64_t at = 0; at < bytes; at += KIB(4)) {
        physical_map(&f.memory, BASE + at, 1, at | (at % KIB(8) == 0 ? c() : 0));
    }
    for (uint64_t at = 0; at < bytes; at += KIB(4)) {
        *physical_slot(&f.memory, BASE + at, 1) &= ~P;
        assert_refused(BASE, bytes, SEVC_FORBIDDEN);
        assert_int_equal(f.tables.needed, 0);
        *physical_slot(&f.memory, BASE + at, 1) |= P;
    }
    assert_refused(BASE, bytes + KIB(4), SEVC_FORBIDDEN);
    assert_refused(BASE - KIB(4), bytes, SEVC_FORBIDDEN);
    /* Nor is an entry with reserved bits touched. */
    physical_map(&f.memory, BASE + MIB(2), 2, KIB(8) | c());
    assert_refused(BASE + MIB(2), MIB(2), SEVC_FORBIDDEN);
    assert_changes(BASE, bytes, false, 0);
}

static void refuses_invalid_arguments(void **state)
{
    struct sevc_paging paging = f.memory.paging;

    (void)state;
    physical_map(&f.memory, BASE, 1, KIB(4));
    physical_map(&f.memory, BASE + KIB(4), 1, c());
    physical_map(&f.memory, 0x00007FFFFFFFF000ull, 1, c());
    physical_map(&f.memory, 0xFFFF800000000000ull, 1, c());
    physical_map(&f.memory, 0xFFFFFFFFFFFFF000ull, 1, c());
    physical_map(&f.memory, 0, 1, c());
    assert_refused(BASE + 1, KIB(4), SEVC_INVALID);
    assert_refused(BASE + 2048, KIB(4), SEVC_INVALID);
    assert_refused(BASE, KIB(4) + 1, SEVC_INVALID);
    assert_refused(BASE, 2048, SEVC_INVALID);
    assert_refused(0x0000800000000000ull, KIB(4), SEVC_INVALID);
    assert_refused(0x00007FFFFFFFF000ull, KIB(8), SEVC_INVALID);
    assert_refused(0xFFFF7FFFFFFFF000ull, KIB(8), SEVC_INVALID);
    assert_refused(0x00007FFFFFFFF000ull, 0xFFFF000000002000ull, SEVC_INVALID); /* over the hole */
    assert_refused(0xFFFFFFFFFFFFF000ull, KIB(8), SEVC_INVALID);                /* wraps */
    assert_refused(BASE, 0 - KIB(4), SEVC_INVALID); /* likewise, to just below where it began */
    assert_refused(BASE + 1, 0, SEVC_INVALID);
    paging.c_bit = 31;
    assert_refused_with(&paging, BASE, KIB(8), &f.tables, SEVC_INVALID);
    paging.c_bit = 64;
    assert_refused_with(&paging, BASE, KIB(8), &f.tables, SEVC_INVALID);
}

static void refuses_bad_table_pages(void **state)
{
    const uint64_t bad[] = { 1, KIB(4) + 2048, c(), c() | KIB(8), 0x0010000000000000ull };

    (void)state;
    physical_map(&f.memory, BASE, 3, c());
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (unsigned which = 1; which <= 2; which++) {
            uint64_t good = f.pool[POOL_PAGES - which];

            f.pool[POOL_PAGES - which] = bad[i];
            arch_log_open(&f.memory);
            memcpy(f.bytes_before, f.memory.bytes, PHYSICAL_BYTES);
            assert_int_equal(change(BASE, KIB(4), false, &f.tables), SEVC_INVALID);
            assert_memory_equal(f.memory.bytes, f.bytes_before, PHYSICAL_BYTES);
            assert_int_equal(arch_log.count, 0);
            f.pool[POOL_PAGES - which] = good;
        }
    }
    f.pool[POOL_PAGES - 3] = 1; /* not looked at: two are enough */
    assert_changes(BASE, KIB(4), false, 2);
}

static void splits_only_with_table_pages(void **state)
{
    (void)state;
    physical_map(&f.memory, BASE, 2, c());
    assert_int_equal(change(BASE, KIB(4), false, NULL), SEVC_FORBIDDEN);
    assert_memory_equal(f.memory.bytes, f.bytes_before, PHYSICAL_BYTES);
    assert_int_equal(arch_log.count, 0);
}

static void does_nothing_for_no_bytes(void **state)
{
    (void)state;
    assert_int_equal(change(BASE, 0, false, &f.tables), SEVC_OK);
    assert_int_equal(change(0, 0, true, NULL), SEVC_OK);
    assert_int_equal(f.tables.needed, 0);
    assert_int_equal(arch_log.count, 0);
}

static void reaches_both_ends_of_the_address_space(void **state)
{
    (void)state;
    physical_map(&f.memory, 0, 2, c());
    physical_map(&f.memory, UINT64_MAX, 2, MIB(2) | c());
    physical_map(&f.memory, 0x00007FFFFFFFFFFFull, 1, MIB(4) | c());
    assert_changes(0, KIB(4), false, 1);
    assert_changes(0xFFFFFFFFFFFFF000ull, KIB(4), false, 1);
    assert_changes(0x00007FFFFFFFF000ull, KIB(4), false, 0);
    assert_changes(0xFFFFFFFFFFE00000ull, MIB(2), true, 0);
}

/* The C-bit wherever it can be: inside the address, above it, in the place of NX. */
static void works_with_every_c_bit(void **state)
{
    for (unsigned i = 0; i < 32 * 2; i++) {
        uint64_t base = 0x0005555400000000ull;
        uint64_t va = i % 2 != 0 ? 0x0055555540000000ull : BASE;

        close_fixture(state);
        open_fixture(state);
        physical_close(&f.memory);
        physical_open(&f.memory, (uint8_t)(32 + i / 2), i % 2 != 0);
        for (unsigned t = 0; t < POOL_PAGES; t++) {
            f.pool[t] = physical_alloc(&f.memory);
        }
        physical_map(&f.memory, va, 3, (base & ~c() & ~(GIB(1) - 1)) | RW | c());
        assert_changes(va + MIB(2) - KIB(4), KIB(8), false, 3);
        assert_changes(va + MIB(2), KIB(4), true, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
        TEST(changes_one_bit_of_one_entry),
        TEST(keeps_the_order_of_the_architecture),
        TEST(changes_whole_large_pages_in_place),
        TEST(splits_2m_with_all_attributes),
        TEST(splits_1g_with_all_attributes),
        TEST(takes_as_many_tables_as_it_must),
        TEST(leaves_pages_in_the_wanted_state_alone),
        TEST(refuses_what_is_not_mapped_and_changes_nothing),
        TEST(refuses_invalid_arguments),
        TEST(refuses_bad_table_pages),
        TEST(splits_only_with_table_pages),
        TEST(does_nothing_for_no_bytes),
        TEST(reaches_both_ends_of_the_address_space),
        TEST(works_with_every_c_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
