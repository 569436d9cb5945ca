/* SPDX-License-Identifier: MIT */
/* Whose is a page? Nothing but arithmetic, so that a test on the host can run it. */
#include "bootinfo.h"

#define PAGE_BYTES 4096ull

/* Without sums, which could wrap around. */
static bool holds_page(uint64_t start, uint64_t bytes, uint64_t gpa)
{
    return gpa >= start && gpa - start < bytes && bytes - (gpa - start) >= PAGE_BYTES;
}

static bool touches_page(uint64_t start, uint64_t bytes, uint64_t gpa)
{
    return gpa >= start ? gpa - start < bytes : start - gpa < PAGE_BYTES && bytes != 0;
}

bool memmap_is_firmwares(const struct memmap_entry *map, size_t entries,
                         const struct memory_range *own, size_t owns, uint64_t gpa)
{
    bool reserved = false;

    if (gpa % PAGE_BYTES != 0)
        return false;
    for (size_t i = 0; i < entries; i++) {
        if (map[i].type == MEMMAP_RESERVED)
            reserved = reserved || holds_page(map[i].gpa, map[i].bytes, gpa);
        else if (touches_page(map[i].gpa, map[i].bytes, gpa))
            return false;
    }
    for (size_t i = 0; i < owns; i++) {
        if (touches_page(own[i].gpa, own[i].bytes, gpa))
            return false;
    }
    return reserved;
}
