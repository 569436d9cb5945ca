/* SPDX-License-Identifier: MIT */
/* Page-table walks in long mode with the C-bit (APM vol. 2, 5.3 and 15.34.6). */
#include <sevc/svm.h>

#include "walk.h"

/* Levels count as in the manual's figures: 1 is the page table, 4 PML4, 5 PML5. */
#define LEVEL_PT   1u
#define LEVEL_PD   2u
#define LEVEL_PDP  3u
#define LEVEL_PML4 4u

/* Bits 8:7 of a PML4E and a PML5E must be zero (APM vol. 2, 5.3.3, figures of the entries). */
#define TOP_LEVEL_MBZ (3ull << 7)

/* Bytes that one entry of a level spans. */
static uint64_t span(unsigned level)
{
    return PAGE_BYTES_4K << (9 * (level - 1));
}

static bool is_leaf(unsigned level, uint64_t entry)
{
    return level == LEVEL_PT || (level <= LEVEL_PDP && (entry & PTE_PS) != 0);
}

/*
 * The bits that must be zero in a present entry: addresses beyond the processor's (5.4.1), the low
 * address bits of a large page but for PAT in bit 12, and PS where no page can be.
 */
static uint64_t reserved_bits(const struct sevc_paging *paging, unsigned level, uint64_t entry)
{
    uint64_t reserved = 0;

    if (paging->phys_bits != 0 && paging->phys_bits < 52) {
        reserved = PTE_ADDRESS_MASK & ~((1ull << paging->phys_bits) - 1);
    }
    if (level >= LEVEL_PML4) {
        reserved |= TOP_LEVEL_MBZ;
    } else if (level != LEVEL_PT && is_leaf(level, entry)) {
        reserved |= (span(level) - 1) & PTE_ADDRESS_MASK & ~PTE_PAT_LARGE;
    }
    return reserved & ~sevc_page_c_mask(paging);
}

bool sevc_page_c_bit_valid(const struct sevc_paging *paging)
{
    return paging->c_bit >= SEVC_C_BIT_MIN && paging->c_bit <= SEVC_C_BIT_MAX;
}

bool sevc_page_is_canonical(const struct sevc_paging *paging, uint64_t va)
{
    uint64_t upper = va >> (paging->la57 ? 56 : 47);

    /* The bits from the highest one in use on are all equal (APM vol. 2, 5.3.1). */
    return upper == 0 || upper == (paging->la57 ? 0xFFull : 0x1FFFFull);
}

enum sevc_walk_end sevc_page_walk(const struct sevc_paging *paging, uint64_t va,
                                  struct sevc_leaf *leaf)
{
    uint64_t address_mask = PTE_ADDRESS_MASK & ~sevc_page_c_mask(paging);
    uint64_t nx_mask = PTE_NX & ~sevc_page_c_mask(paging);
    uint64_t table = paging->cr3;
    uint64_t granted = PTE_RW | PTE_US;
    uint64_t denied = 0;
    unsigned level = paging->la57 ? LEVEL_PML4 + 1 : LEVEL_PML4;

    if (!sevc_page_is_canonical(paging, va)) {
        return SEVC_WALK_NOT_CANONICAL;
    }
    for (;; level--) {
        leaf->entry =
            sevc_page_pointer(paging, table & address_mask) + (va / span(level)) % TABLE_ENTRIES;
        leaf->value = *leaf->entry;
        if ((leaf->value & PTE_P) == 0) {
            return SEVC_WALK_NOT_PRESENT;
        }
        if ((leaf->value & reserved_bits(paging, level, leaf->value)) != 0) {
            return SEVC_WALK_RESERVED;
        }
        /* A right must be given at every level; NX denies it from any (5.6.4 and 5.6.1). */
        granted &= leaf->value;
        denied |= leaf->value & nx_mask;
        if (is_leaf(level, leaf->value)) {
            break;
        }
        table = leaf->value;
    }
    leaf->page_bytes = span(level);
    leaf->writable = (granted & PTE_RW) != 0;
    leaf->user = (granted & PTE_US) != 0;
    leaf->executable = denied == 0;
    return SEVC_WALK_MAPPED;
}

uint64_t sevc_page_gpa(const struct sevc_paging *paging, const struct sevc_leaf *leaf, uint64_t va)
{
    uint64_t offset_mask = leaf->page_bytes - 1;
    uint64_t base_mask = PTE_ADDRESS_MASK & ~sevc_page_c_mask(paging) & ~offset_mask;

    return (leaf->value & base_mask) | (va & offset_mask);
}

bool sevc_walk(const struct sevc_paging *paging, uint64_t va, struct sevc_mapping *mapping)
{
    struct sevc_leaf leaf;

    if (!sevc_page_c_bit_valid(paging) || sevc_page_walk(paging, va, &leaf) != SEVC_WALK_MAPPED) {
        return false;
    }
    mapping->gpa = sevc_page_gpa(paging, &leaf, va);
    mapping->page_bytes = leaf.page_bytes;
    mapping->encrypted = (leaf.value & sevc_page_c_mask(paging)) != 0;
    mapping->writable = leaf.writable;
    mapping->user = leaf.user;
    mapping->executable = leaf.executable;
    return true;
}
