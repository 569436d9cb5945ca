/* SPDX-License-Identifier: MIT */
/* Page-table walks in long mode with the C-bit (APM vol. 2, 5.3 and 15.34.6). */
#include "walk.h"

/*
 * A level is named by the lowest bit of an address that its index is taken from: an entry of it spans
 * 1 << that bytes. PT is the page table; with five levels, PML5 is above PML4.
 */
#define PT         12u
#define PDP        30u
#define PML4       39u
#define INDEX_BITS 9u

/* Bits 8:7 of a PML4E and a PML5E must be zero (APM vol. 2, 5.3.3, figures of the entries). */
#define TOP_LEVEL_MBZ (3ull << 7)

/* Address bits beyond the processor's: zero in any present entry (5.4.1). */
static uint64_t beyond_processor(const struct sevc_paging *paging)
{
    return paging->phys_bits != 0 && paging->phys_bits < 52
               ? PTE_ADDRESS_MASK & -(1ull << paging->phys_bits)
               : 0;
}

bool sevc_page_is_canonical(const struct sevc_paging *paging, uint64_t va)
{
    /* The bits from the highest one in use on are all equal (APM vol. 2, 5.3.1). */
    unsigned unused_bits = paging->la57 ? 64 - 57 : 64 - 48;

    return (uint64_t)((int64_t)(va << unused_bits) >> unused_bits) == va;
}

enum sevc_walk_end sevc_page_walk(const struct sevc_paging *paging, uint64_t va,
                                  struct sevc_leaf *leaf)
{
    uint64_t no_c_bit = ~sevc_page_c_mask(paging);
    uint64_t entry = paging->cr3 & no_c_bit;
    uint64_t granted = RIGHT_WRITE | RIGHT_USER;
    uint64_t denied = 0;
    uint64_t in_page;
    unsigned level = paging->la57 ? PML4 + INDEX_BITS : PML4;
    bool is_leaf;

    if (!sevc_page_c_bit_valid(paging)) {
        return SEVC_WALK_NOT_PRESENT;
    }
    if (!sevc_page_is_canonical(paging, va)) {
        return SEVC_WALK_NOT_CANONICAL;
    }
    do {
        uint64_t reserved = beyond_processor(paging);

        leaf->entry =
            sevc_page_pointer(paging, entry & PTE_ADDRESS_MASK) + (va >> level) % TABLE_ENTRIES;
        leaf->value = *leaf->entry;
        entry = leaf->value & no_c_bit;
        in_page = (1ull << level) - 1;
        is_leaf = level == PT || (level <= PDP && (entry & PTE_PS) != 0);
        if (level >= PML4) {
            reserved |= TOP_LEVEL_MBZ;
        } else if (is_leaf) { /* the low address bits of a large page but for PAT; of a PTE none */
            reserved |= in_page & PTE_ADDRESS_MASK & ~PTE_PAT_LARGE;
        }
        if ((entry & PTE_P) == 0) {
            return SEVC_WALK_NOT_PRESENT;
        }
        if ((entry & reserved) != 0) {
            return SEVC_WALK_RESERVED;
        }
        /* A right must be given at every level; NX denies it from any (5.6.4 and 5.6.1). */
        granted &= entry;
        denied |= entry;
        level -= INDEX_BITS;
    } while (!is_leaf);
    leaf->page_bytes = in_page + 1;
    leaf->gpa = (entry & PTE_ADDRESS_MASK & ~in_page) | (va & in_page);
    leaf->rights = granted | ((denied & PTE_NX) == 0 ? RIGHT_FETCH : 0);
    return SEVC_WALK_MAPPED;
}

bool sevc_walk(const struct sevc_paging *paging, uint64_t va, struct sevc_mapping *mapping)
{
    struct sevc_leaf leaf;

    if (sevc_page_walk(paging, va, &leaf) != SEVC_WALK_MAPPED) {
        return false;
    }
    mapping->gpa = leaf.gpa;
    mapping->page_bytes = leaf.page_bytes;
    mapping->encrypted = (leaf.value & sevc_page_c_mask(paging)) != 0;
    mapping->writable = (leaf.rights & RIGHT_WRITE) != 0;
    mapping->user = (leaf.rights & RIGHT_USER) != 0;
    mapping->executable = (leaf.rights & RIGHT_FETCH) != 0;
    return true;
}
