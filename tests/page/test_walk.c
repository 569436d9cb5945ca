/* SPDX-License-Identifier: MIT */
/* sevc_walk(), case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "access.h"
#include "physical.h"

/* An address whose index differs at each level, and in whose upper half nothing is extended. */
#define VA 0x00001A2B3C4D5678ull

static const unsigned char untouched = 0xAB;

/* Nothing is mapped at VA, and the caller's structure is as it was. */
static void assert_no_walk(const struct sevc_paging *paging, uint64_t va)
{
    struct sevc_mapping mapping;
    struct sevc_mapping before;

    memset(&mapping, untouched, sizeof(mapping));
    memcpy(&before, &mapping, sizeof(before));
    assert_false(sevc_walk(paging, va, &mapping));
    assert_memory_equal(&mapping, &before, sizeof(before));
}

static struct sevc_mapping walk(const struct physical *memory, uint64_t va)
{
    struct sevc_mapping mapping;

    assert_true(sevc_walk(&memory->paging, va, &mapping));
    return mapping;
}

static const uint8_t c_bits[] = { 32, 40, 47, 51, 52, 62, 63 };

static uint64_t span(unsigned level)
{
    return 4096ull << (9 * (level - 1));
}

/* Each page size, with 4 and 5 levels, with the C-bit at each position, set and clear. */
static void finds_every_page_size(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(c_bits) * 2 * 2 * 3; i++) {
        unsigned level = 1 + i % 3;
        bool encrypted = i / 3 % 2 != 0;
        struct physical memory;
        struct sevc_mapping mapping;
        uint64_t base;

        physical_open(&memory, c_bits[i / 12], i / 6 % 2 != 0);
        base = 0x000BCDEF40000000ull & ~physical_c(&memory); /* 1 GiB aligned */
        physical_map(&memory, VA, level, base | (encrypted ? physical_c(&memory) : 0));
        mapping = walk(&memory, VA);
        assert_int_equal(mapping.gpa, base + VA % span(level));
        assert_int_equal(mapping.page_bytes, span(level));
        assert_int_equal(mapping.encrypted, encrypted);
        assert_no_walk(&memory.paging, VA + span(level));
        assert_no_walk(&memory.paging, VA - span(level));
        physical_close(&memory);
    }
}

/* The C-bit in CR3 and in table entries means nothing: walks are always private. */
static void ignores_the_c_bit_of_tables(void **state)
{
    struct physical memory;

    (void)state;
    physical_open(&memory, 47, false);
    physical_map(&memory, VA, 1, 0x7000);
    for (unsigned level = 2; level <= 4; level++) {
        *physical_slot(&memory, VA, level) &= ~physical_c(&memory);
    }
    assert_int_equal(walk(&memory, VA).gpa, 0x7678);
    memory.paging.cr3 |= physical_c(&memory) | 0xFFF;
    assert_int_equal(walk(&memory, VA).gpa, 0x7678);
    physical_close(&memory);
}

/* The highest entry of every table, and the upper half, with both depths. */
static void walks_at_the_edges(void **state)
{
    static const uint64_t edges[2][4] = {
        { 0, 0x00007FFFFFFFFFFF, 0xFFFF800000000000, UINT64_MAX },
        { 0, 0x00FFFFFFFFFFFFFF, 0xFF00000000000000, UINT64_MAX },
    };
    static const uint64_t beyond[2][2] = {
        { 0x0000800000000000, 0xFFFF7FFFFFFFFFFF },
        { 0x0100000000000000, 0xFEFFFFFFFFFFFFFF },
    };

    (void)state;
    for (unsigned la57 = 0; la57 < 2; la57++) {
        struct physical memory;

        physical_open(&memory, 51, la57 != 0);
        for (unsigned i = 0; i < 4; i++) {
            physical_map(&memory, edges[la57][i], 1, 0x123456000);
            assert_int_equal(walk(&memory, edges[la57][i]).gpa,
                             0x123456000 + (edges[la57][i] & 0xFFF));
        }
        /* The same indices as mapped pages have, but for the sign extension. */
        assert_no_walk(&memory.paging, beyond[la57][0]);
        assert_no_walk(&memory.paging, beyond[la57][1]);
        assert_no_walk(&memory.paging, beyond[la57][0] | 0x4000000000000000);
        physical_close(&memory);
    }
}

/* P = 0 at each level, whatever the other bits are. */
static void stops_where_nothing_is_present(void **state)
{
    (void)state;
    for (unsigned level = 1; level <= 5; level++) {
        struct physical memory;

        physical_open(&memory, 47, true);
        physical_map(&memory, VA, 1, 0x5000 | RW | US);
        walk(&memory, VA);
        *physical_slot(&memory, VA, level) &= ~P;
        assert_no_walk(&memory.paging, VA);
        physical_close(&memory);
    }
}

/* A right counts if every level gives it; NX at any level denies execution. */
static void ands_rights_over_levels(void **state)
{
    (void)state;
    for (unsigned leaf = 1; leaf <= 3; leaf++) {
        for (unsigned level = leaf; level <= 5; level++) {
            struct physical memory;
            uint64_t *entry;

            physical_open(&memory, 47, true);
            physical_map(&memory, VA, leaf, RW | US);
            assert_true(walk(&memory, VA).writable);
            assert_true(walk(&memory, VA).user);
            assert_true(walk(&memory, VA).executable);
            entry = physical_slot(&memory, VA, level);
            *entry ^= RW;
            assert_false(walk(&memory, VA).writable);
            assert_true(walk(&memory, VA).user);
            *entry ^= RW | US;
            assert_true(walk(&memory, VA).writable);
            assert_false(walk(&memory, VA).user);
            *entry ^= US | NX;
            assert_true(walk(&memory, VA).user);
            assert_false(walk(&memory, VA).executable);
            physical_close(&memory);
        }
    }
}

/* With the C-bit at 63 there is no NX: the bit says encrypted, and nothing else. */
static void takes_bit_63_for_the_c_bit(void **state)
{
    struct physical memory;

    (void)state;
    physical_open(&memory, 63, false);
    physical_map(&memory, VA, 1, 0x5000 | NX);
    assert_true(walk(&memory, VA).encrypted);
    assert_true(walk(&memory, VA).executable);
    physical_close(&memory);
}

/* Bits of an entry at LEVEL that must be zero, with 40 address bits and the C-bit at 47. */
static uint64_t reserved(unsigned level, bool leaf)
{
    uint64_t mask = 0x000F7F0000000000ull;

    if (level >= 4) {
        return mask | 0x180;
    }
    if (!leaf || level == 1) {
        return mask;
    }
    return mask | (level == 3 ? 0x3FFFE000ull : 0x1FE000ull);
}

/* Every bit of every entry on the way, set alone: the walk ends exactly at the reserved ones. */
static void refuses_reserved_bits(void **state)
{
    (void)state;
    for (unsigned leaf = 1; leaf <= 3; leaf++) {
        for (unsigned level = leaf; level <= 5; level++) {
            struct physical memory;
            uint64_t *entry;

            physical_open(&memory, 47, true);
            memory.paging.phys_bits = 40;
            physical_map(&memory, VA, leaf, 0x40000000);
            entry = physical_slot(&memory, VA, level);
            for (unsigned bit = 1; bit < 64; bit++) {
                uint64_t old = *entry;
                bool is_address = bit >= 12 && bit < 40;

                if ((level != leaf && is_address) || (level <= 3 && level > 1 && bit == 7)) {
                    continue; /* leads to another table, or makes one a page */
                }
                *entry |= 1ull << bit;
                if ((reserved(level, level == leaf) >> bit & 1) != 0) {
                    assert_no_walk(&memory.paging, VA);
                } else {
                    walk(&memory, VA);
                }
                *entry = old;
            }
            physical_close(&memory);
        }
    }
}

/* Without a known width, no address bit is reserved; with any, those above it are. */
static void knows_the_width_of_addresses(void **state)
{
    struct physical memory;

    (void)state;
    physical_open(&memory, 51, false);
    physical_map(&memory, VA, 1, 0x0007FFFFFFFFF000ull);
    assert_int_equal(walk(&memory, VA).gpa, 0x0007FFFFFFFFF678ull);
    for (uint8_t width = 36; width <= 60; width++) {
        memory.paging.phys_bits = width;
        if (width < 51) { /* the C-bit itself is never reserved */
            assert_no_walk(&memory.paging, VA);
        } else {
            walk(&memory, VA);
        }
    }
    physical_close(&memory);
    physical_open(&memory, 47, false);
    physical_map(&memory, VA, 1, 0x0008000000005000ull); /* bit 51, the last there can be */
    memory.paging.phys_bits = 51;
    assert_no_walk(&memory.paging, VA);
    memory.paging.phys_bits = 52;
    assert_int_equal(walk(&memory, VA).gpa, 0x0008000000005678ull);
    physical_close(&memory);
}

/* PAT of a large page is bit 12: neither reserved nor part of the address. */
static void keeps_pat_out_of_the_address(void **state)
{
    struct physical memory;

    (void)state;
    physical_open(&memory, 47, false);
    physical_map(&memory, VA, 2, 0x40200000 | 0x1000);
    assert_int_equal(walk(&memory, VA).gpa, 0x40200000 + VA % MIB(2));
    physical_map(&memory, VA + GIB(1), 3, 0x80000000 | 0x1000);
    assert_int_equal(walk(&memory, VA + GIB(1)).gpa, 0x80000000 + VA % GIB(1));
    physical_map(&memory, VA + GIB(2), 1, 0x9000 | PS); /* here bit 7 is PAT */
    assert_int_equal(walk(&memory, VA + GIB(2)).gpa, 0x9678);
    physical_close(&memory);
}

static void refuses_impossible_c_bits(void **state)
{
    static const uint8_t impossible[] = { 0, 1, 12, 31, 64, 96, 255 };
    struct physical memory;

    (void)state;
    physical_open(&memory, 47, false);
    physical_map(&memory, VA, 1, 0x5000);
    for (unsigned i = 0; i < sizeof(impossible); i++) {
        memory.paging.c_bit = impossible[i];
        assert_no_walk(&memory.paging, VA);
    }
    memory.paging.c_bit = 47;
    walk(&memory, VA);
    physical_close(&memory);
}

/* As many accesses as there are levels, all of them reads, at the entries of VA. */
static void reads_each_entry_once(void **state)
{
    (void)state;
    for (unsigned leaf = 1; leaf <= 3; leaf++) {
        struct physical memory;
        struct sevc_mapping mapping;
        const struct access *list;
        size_t count;

        physical_open(&memory, 47, true);
        physical_map(&memory, VA, leaf, RW);
        access_start(&memory);
        sevc_walk(&memory.paging, VA, &mapping);
        count = access_stop(&list);
        assert_int_equal(count, 5 - leaf + 1);
        for (unsigned i = 0; i < count; i++) {
            uint8_t *entry = (uint8_t *)physical_slot(&memory, VA, 5 - i);

            assert_int_equal(list[i].gpa, (uint64_t)(entry - memory.bytes));
            assert_false(list[i].write);
        }
        physical_close(&memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_page_size),
        cmocka_unit_test(ignores_the_c_bit_of_tables),
        cmocka_unit_test(walks_at_the_edges),
        cmocka_unit_test(stops_where_nothing_is_present),
        cmocka_unit_test(ands_rights_over_levels),
        cmocka_unit_test(takes_bit_63_for_the_c_bit),
        cmocka_unit_test(refuses_reserved_bits),
        cmocka_unit_test(knows_the_width_of_addresses),
        cmocka_unit_test(keeps_pat_out_of_the_address),
        cmocka_unit_test(refuses_impossible_c_bits),
        cmocka_unit_test(reads_each_entry_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
