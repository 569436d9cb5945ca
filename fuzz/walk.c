/* SPDX-License-Identifier: MIT */
/*
 * The page-table walker: tables with anything in them, against the reference of tests/page, which
 * is written from the manual's figures. Wrong, absent and cyclic tables included.
 */
#include "env/finding.h"
#include "env/tables.h"

static void check_walk(const struct physical *memory, uint64_t va, const struct ref_walk *right)
{
    struct sevc_mapping mapping;
    bool mapped;

    memset(&mapping, 0xA5, sizeof(mapping));
    mapping.gpa = 1;
    mapped = sevc_walk(&memory->paging, va, &mapping);
    FUZZ_CHECK(mapped == (right->end == REF_MAPPED), "walk", "0x%lx: mapped %d, reference %d", va,
               mapped, (int)right->end);
    if (!mapped) {
        FUZZ_CHECK(mapping.gpa == 1, "walk", "0x%lx: written though not mapped", va);
        return;
    }
    FUZZ_CHECK(mapping.gpa == right->mapping.gpa && mapping.page_bytes == right->mapping.page_bytes,
               "walk", "0x%lx is at 0x%lx, not at 0x%lx", va, mapping.gpa, right->mapping.gpa);
    FUZZ_CHECK(mapping.encrypted == right->mapping.encrypted &&
                   mapping.writable == right->mapping.writable &&
                   mapping.user == right->mapping.user &&
                   mapping.executable == right->mapping.executable,
               "walk", "0x%lx: rights", va);
}

static void check_probe(const struct physical *memory, uint64_t va, const struct ref_walk *right,
                        uint8_t how)
{
    bool write = (how & 1) != 0;
    bool user = (how & 2) != 0;
    struct sevc_copy copy = {
        .va = va,
        .bytes = 1,
        .access = write ? SEVC_ACCESS_PROBE_WRITE : SEVC_ACCESS_PROBE_READ,
        .user = user,
        .done = 99,
    };
    bool good = right->end == REF_MAPPED && (right->mapping.writable || !write) &&
                (right->mapping.user || !user);
    bool done = sevc_walk_copy(&memory->paging, &copy);

    FUZZ_CHECK(done == good && copy.done == good, "copy", "0x%lx: %d, must be %d", va, done, good);
    if (!good) {
        bool canonical = right->end != REF_NOT_CANONICAL;
        uint32_t code = (uint32_t)((right->end != REF_NOT_PRESENT) + 2 * write + 4 * user +
                                   8 * (right->end == REF_RESERVED));

        FUZZ_CHECK(copy.fault.vector == (canonical ? 14 : 13) && copy.fault.has_error_code, "copy",
                   "0x%lx: vector %u", va, copy.fault.vector);
        FUZZ_CHECK(!canonical || (copy.fault.cr2 == va && copy.fault.error_code == code), "copy",
                   "0x%lx: error code %u, must be %u", va, copy.fault.error_code, code);
    }
}

static void look_up(const struct physical *memory, uint64_t va, uint8_t how)
{
    struct ref_walk right = ref_walk(memory, va);

    check_walk(memory, va, &right);
    check_probe(memory, va, &right, how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    static struct physical memory;
    uint64_t va[FUZZ_MAPS];

    fuzz_tables_open(&memory, &input, true);
    for (unsigned i = 0; i < FUZZ_MAPS; i++) {
        va[i] = fuzz_tables_map(&memory, &input, true);
    }
    for (unsigned i = 0; i < FUZZ_MAPS; i++) {
        look_up(&memory, va[i], fuzz_take_u8(&input));
        look_up(&memory, va[i] ^ 1ull << (i * 5 + 3), (uint8_t)i);
    }
    look_up(&memory, fuzz_take_u64(&input), 0);
    return 0;
}
