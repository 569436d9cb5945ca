/* SPDX-License-Identifier: MIT */
/*
 * The splitter: share and unshare of any range in any tables that are in order. What is mapped
 * differs afterwards in the C-bits of the range and in nothing else, and the processor has been
 * told in order; or nothing has changed at all.
 */
#include "../tests/page/arch_log.h"
#include "env/finding.h"
#include "env/tables.h"

#define CALLS     4
#define MOST      (2 * MIB(1) + KIB(64)) /* bytes of a range: each line of it is flushed */
#define NO_SPLITS 5

static struct ref_runs before, after;
static uint8_t bytes_before[PHYSICAL_BYTES];

static bool is_canonical(const struct physical *memory, uint64_t va)
{
    unsigned unused = memory->paging.la57 ? 7 : 16;

    return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

static bool is_mapped(uint64_t va, uint64_t last)
{
    for (size_t i = 0; i < before.count; i++) {
        uint64_t run_last = before.run[i].va + before.run[i].bytes - 1;

        if (before.run[i].va <= va && run_last >= va) {
            if (run_last >= last) {
                return true;
            }
            va = run_last + 1;
        }
    }
    return false;
}

static void check_refused(const struct physical *memory, enum sevc_result result, uint64_t va,
                          uint64_t bytes, const struct sevc_table_pages *tables, size_t given)
{
    bool mapped = is_mapped(va, va + bytes - 1);

    FUZZ_CHECK(arch_log.count == 0 && tables->count == given, "refused", "something was done");
    FUZZ_CHECK(memcmp(memory->bytes, bytes_before, memory->next) == 0, "refused",
               "the tables are changed, result %d", (int)result);
    if (result == SEVC_FORBIDDEN) {
        FUZZ_CHECK(mapped ? tables->needed > given && tables->needed <= 4 : tables->needed == 0,
                   "refused", "mapped %d, %zu of %zu pages needed", mapped, tables->needed, given);
    } else {
        FUZZ_CHECK(result == SEVC_INVALID &&
                       ((va | bytes) % 4096 != 0 || va + bytes - 1 < va ||
                        !is_canonical(memory, va) || !is_canonical(memory, va + bytes - 1)),
                   "refused", "result %d", (int)result);
    }
}

static void call(struct physical *memory, struct fuzz_input *input, uint64_t va)
{
    uint8_t how = fuzz_take_u8(input);
    uint64_t bytes = fuzz_take_u32(input) % MOST;
    uint64_t pool[NO_SPLITS];
    struct sevc_table_pages tables = { .gpa = pool, .count = (how >> 1) % (NO_SPLITS + 1u) };
    size_t given = tables.count;
    bool encrypted = (how & 1) != 0;
    enum sevc_result result;
    size_t splits;

    if ((how & 0x80) == 0) { /* usually aligned */
        va &= ~0xFFFull;
        bytes = (bytes & ~0xFFFull) + 4096;
    }
    for (size_t i = 0; i < given; i++) {
        pool[i] = physical_alloc(memory);
        memset(memory->bytes + pool[i], 0xA5, 4096);
    }
    ref_runs_list(&before, memory);
    memcpy(bytes_before, memory->bytes, memory->next);
    arch_log_open(memory);
    result = (encrypted ? sevc_page_unshare : sevc_page_share)(&memory->paging, va, bytes, &tables);
    if (result != SEVC_OK) {
        check_refused(memory, result, va, bytes, &tables, given);
        return;
    }
    if (bytes == 0) {
        FUZZ_CHECK(arch_log.count == 0, "refused", "nothing to do, but something was done");
        return;
    }
    ref_runs_list(&after, memory);
    splits = after.tables - before.tables;
    FUZZ_CHECK(is_mapped(va, va + bytes - 1), "share", "0x%lx is not mapped", va);
    arch_log_check(&before, va, va + bytes - 1, encrypted, splits);
    ref_runs_set(&before, va, va + bytes - 1, encrypted);
    ref_runs_assert_equal(&after, &before);
    FUZZ_CHECK(after.tables_shared == 0, "share", "a table is shared");
    FUZZ_CHECK(tables.needed == splits && tables.count == given - splits, "share",
               "%zu splits, %zu pages taken", splits, given - tables.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    static struct physical memory;
    uint64_t va[FUZZ_MAPS];

    fuzz_tables_open(&memory, &input, false);
    for (unsigned i = 0; i < FUZZ_MAPS; i++) {
        va[i] = fuzz_tables_map(&memory, &input, false);
    }
    for (unsigned i = 0; i < CALLS; i++) {
        call(&memory, &input,
             va[fuzz_take_u8(&input) % FUZZ_MAPS] + fuzz_take_u16(&input) * 4096ull);
    }
    return 0;
}
