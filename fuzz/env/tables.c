/* SPDX-License-Identifier: MIT */
#include "tables.h"

#define ADDRESS 0x000FFFFFFFFFF000ull
#define TABLES  200 /* that the simulated memory is let to hold */

void fuzz_tables_open(struct physical *memory, struct fuzz_input *input, bool may_be_wrong)
{
    static const uint8_t c_bits[] = { 51, 47, 63, 32, 52, 40, 60, 36 };
    uint8_t how = fuzz_take_u8(input);
    uint8_t width = fuzz_take_u8(input);

    if (memory->bytes == NULL) {
        physical_open(memory, 51, false);
    }
    memset(memory->bytes, 0, memory->next); /* cheaper than new memory for each input */
    memory->next = 4096;
    memory->paging.c_bit = c_bits[how % 8];
    memory->paging.la57 = (how & 8) != 0;
    memory->paging.phys_bits = 0;
    memory->paging.cr3 = physical_alloc(memory);
    if (may_be_wrong && width != 0) {
        memory->paging.phys_bits = (uint8_t)(36 + width % 17);
    }
}

static uint64_t canonical(const struct physical *memory, uint64_t va)
{
    unsigned unused = memory->paging.la57 ? 7 : 16;

    return (uint64_t)((int64_t)(va << unused) >> unused);
}

/* A leaf's address may be anything; what is reserved only in trees that may be wrong. */
static uint64_t leaf(const struct physical *memory, unsigned level, uint64_t entry, bool wrong)
{
    uint64_t in_page = (4096ull << (9 * (level - 1))) - 1;

    if (!wrong) {
        entry &= ~(in_page & ADDRESS & (level > 1 ? ~0x1000ull : 0)); /* bit 12 is PAT */
        entry |= P;
    }
    if (level == 1) {
        return entry; /* bit 7 is PAT */
    }
    return (entry | PS) & ~(memory->paging.c_bit == 7 ? PS : 0);
}

/* An entry that leads to a table of ours, or to none. */
static uint64_t table(struct physical *memory, struct fuzz_input *input, unsigned level, bool wrong)
{
    uint64_t entry = P | RW | US | physical_c(memory);
    uint16_t how = wrong ? fuzz_take_u16(input) : 0;
    uint64_t gpa;

    if (memory->next / 4096 >= TABLES) {
        return 0;
    }
    /* Some lead back to the root: then tables are read as if of a lower level, which is harmless. */
    gpa = (how & 0xE000) == 0xE000 ? memory->paging.cr3 : physical_alloc(memory);
    entry ^= how & (P | RW | US | A | D | G | 0xE00 | PWT | PCD);
    entry |= (how & 0x1000) != 0 && level > 3 ? PS : 0; /* reserved there */
    entry ^= (how & 0x2000) != 0 ? NX & ~physical_c(memory) : 0;
    return entry | gpa;
}

uint64_t fuzz_tables_map(struct physical *memory, struct fuzz_input *input, bool may_be_wrong)
{
    uint64_t va = canonical(memory, fuzz_take_u64(input));
    uint64_t value = fuzz_take_u64(input);
    unsigned level = 1 + fuzz_take_u8(input) % 3u;
    unsigned top = memory->paging.la57 ? 5 : 4;
    uint64_t at = memory->paging.cr3;

    for (unsigned l = top;; l--) {
        uint64_t *entry;

        if (l < top && at == memory->paging.cr3) {
            return va; /* led back: a leaf here would be a table's entry elsewhere */
        }
        entry = physical_entry(memory, at, (unsigned)(va >> (12 + 9 * (l - 1))) & 511);

        if (l == level) {
            *entry = *entry == 0 ? leaf(memory, l, value, may_be_wrong) : *entry;
            return va;
        }
        if (*entry == 0) {
            *entry = table(memory, input, l, may_be_wrong);
        }
        at = *entry & ADDRESS & ~physical_c(memory);
        if (*entry == 0 || (l <= 3 && (*entry & PS) != 0) || at == 0 || at >= memory->next) {
            return va; /* a leaf, or full: it stays as it is */
        }
    }
}
