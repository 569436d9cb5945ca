/* SPDX-License-Identifier: MIT */
/*
 * Random address spaces of 4 KiB, 2 MiB and 1 GiB pages, shared and unshared over random ranges.
 * After each call, the list of everything that is mapped must differ from the one before in the
 * C-bits of the range and in nothing else, and the processor must have been told in order.
 * SEVC_TEST_SEED gives another run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch_log.h"

#define TREES          30
#define CALLS_PER_TREE 40
#define HUGE_SLOTS     3
#define TABLES_PER_PD  6

struct tally {
    unsigned changed, splits, not_mapped, no_tables, untouched;
};

static struct ref_runs before, after;
static uint8_t bytes_before[PHYSICAL_BYTES];

/* A generator of leaf entries that often continue the one before. */
struct filler {
    struct random *random;
    struct physical *memory;
    uint64_t entry; /* attributes, C-bit, and the next address */
};

static uint64_t next_leaf(struct filler *filler, unsigned level)
{
    uint64_t span = 4096ull << (9 * (level - 1));
    uint64_t c = physical_c(filler->memory);
    uint64_t address;

    if (random_one_in(filler->random, 6)) {
        uint64_t keep = RW | US | PWT | PCD | A | D | G | 0xE00 | 0xFFF0000000000000ull;

        filler->entry = random_next(filler->random) & ((keep & ~c) | 0x0000000FFFFFF000ull);
        filler->entry &= ~c;
        filler->entry |= random_one_in(filler->random, 2) ? c : 0;
    }
    address = filler->entry & 0x0000001FFFFFF000ull & ~c & ~(span - 1);
    filler->entry = (filler->entry & ~(0x0000001FFFFFF000ull & ~c)) | address;
    address = filler->entry;
    filler->entry += span;
    if (random_one_in(filler->random, 8)) {
        address |= level == 1 ? 0x80 : 0x1000; /* PAT */
    }
    return address | P | (level > 1 ? PS : 0);
}

static void fill_table(struct filler *filler, uint64_t va, unsigned level, unsigned hole_in)
{
    uint64_t span = 4096ull << (9 * (level - 1));

    for (unsigned i = 0; i < 512; i++) {
        if (hole_in == 0 || !random_one_in(filler->random, hole_in)) {
            *physical_slot(filler->memory, va + i * span, level) = next_leaf(filler, level);
        }
    }
}

/* HUGE_SLOTS times 1 GiB from VA on. */
static void grow_tree(struct filler *filler, uint64_t va)
{
    unsigned hole_in = random_one_in(filler->random, 2) ? 0 : 700;

    for (unsigned slot = 0; slot < HUGE_SLOTS; slot++, va += GIB(1)) {
        if (random_one_in(filler->random, 3)) {
            *physical_slot(filler->memory, va, 3) = next_leaf(filler, 3);
            continue;
        }
        fill_table(filler, va, 2, hole_in);
        for (unsigned i = 0; i < TABLES_PER_PD; i++) {
            uint64_t at = va + MIB(2) * random_below(filler->random, 512);

            *physical_slot(filler->memory, at, 2) = 0;
            fill_table(filler, at, 1, hole_in);
        }
    }
}

static bool is_mapped(uint64_t va, uint64_t last)
{
    for (size_t i = 0; i < before.count && before.run[i].va <= va; i++) {
        uint64_t run_last = before.run[i].va + before.run[i].bytes - 1;

        if (run_last >= last) {
            return true;
        }
        if (run_last >= va) {
            va = run_last + 1;
        }
    }
    return false;
}

static void call_once(struct random *random, struct physical *memory, uint64_t va, uint64_t bytes,
                      struct tally *tally)
{
    uint64_t pool[5];
    struct sevc_table_pages tables = { .gpa = pool, .count = random_below(random, 6) };
    size_t given = tables.count;
    bool encrypted = random_one_in(random, 2);
    enum sevc_result result;
    size_t splits;

    for (size_t i = 0; i < given; i++) {
        pool[i] = physical_alloc(memory);
        memset(memory->bytes + pool[i], 0xA5, 4096);
    }
    ref_runs_list(&before, memory);
    memcpy(bytes_before, memory->bytes, PHYSICAL_BYTES);
    arch_log_open(memory);
    result = (encrypted ? sevc_page_unshare : sevc_page_share)(&memory->paging, va, bytes, &tables);
    ref_runs_list(&after, memory);
    splits = after.tables - before.tables;
    if (result != SEVC_OK) {
        bool mapped = is_mapped(va, va + bytes - 1);

        assert_int_equal(result, SEVC_FORBIDDEN);
        assert_true(mapped ? tables.needed > given && tables.needed <= 4 : tables.needed == 0);
        assert_int_equal(tables.count, given);
        assert_int_equal(arch_log.count, 0);
        assert_memory_equal(memory->bytes, bytes_before, PHYSICAL_BYTES);
        tally->not_mapped += !mapped;
        tally->no_tables += mapped;
        return;
    }
    assert_true(is_mapped(va, va + bytes - 1));
    arch_log_check(&before, va, va + bytes - 1, encrypted, splits);
    ref_runs_set(&before, va, va + bytes - 1, encrypted);
    ref_runs_assert_equal(&after, &before);
    assert_int_equal(after.tables_shared, 0);
    assert_int_equal(tables.needed, splits);
    assert_int_equal(tables.count, given - splits);
    tally->changed += arch_log.count != 0;
    tally->untouched += arch_log.count == 0;
    tally->splits += (unsigned)splits;
}

/* A range in the slots from BASE on, small more often than large. */
static void random_range(struct random *random, uint64_t base, uint64_t *va, uint64_t *bytes)
{
    static const uint64_t grains[] = { KIB(4), KIB(4), MIB(2), MIB(2), GIB(1) };
    uint64_t total = GIB(1) * HUGE_SLOTS;
    uint64_t start = random_below(random, total / KIB(4)) * KIB(4);
    uint64_t grain = grains[random_below(random, 5)];
    uint64_t length = (1 + random_below(random, grain == GIB(1) ? 1 : 6)) * grain;

    if (random_one_in(random, 2)) {
        start -= start % grain;
    }
    if (random_one_in(random, 3)) {
        length += random_below(random, 600) * KIB(4);
    }
    *va = base + start;
    *bytes = start + length <= total ? length : total - start;
}

static void changes_the_range_and_nothing_else(void **state)
{
    static const uint8_t c_bits[] = { 32, 47, 51, 52, 63 };
    struct random random = random_open("page.share_random");
    struct tally tally = { 0 };

    (void)state;
    for (unsigned tree = 0; tree < TREES; tree++) {
        struct physical memory;
        struct filler filler = { .random = &random, .memory = &memory };
        uint64_t base = random_one_in(&random, 2) ? 0xFFFF923400000000ull : 0xFFFFFFFF40000000ull;

        physical_open(&memory, c_bits[random_below(&random, 5)], random_one_in(&random, 2));
        grow_tree(&filler, base);
        for (unsigned call = 0; call < CALLS_PER_TREE; call++) {
            uint64_t va, bytes;

            random_range(&random, base, &va, &bytes);
            call_once(&random, &memory, va, bytes, &tally);
        }
        physical_close(&memory);
    }
    printf("%u calls changed something (%u splits), %u had nothing to do; refused: %u not mapped, "
           "%u without tables\n",
           tally.changed, tally.splits, tally.untouched, tally.not_mapped, tally.no_tables);
    assert_true(tally.changed > 200 && tally.splits > 100 && tally.untouched > 50);
    assert_true(tally.not_mapped > 50 && tally.no_tables > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(changes_the_range_and_nothing_else) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
