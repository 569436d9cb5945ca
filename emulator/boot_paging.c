/* SPDX-License-Identifier: MIT */
#include "boot_paging.h"

#include <stddef.h>

#include "boot_area.h"
#include "cpu.h"
#include "memory.h"
#include "npt.h"
#include "report.h"

#define LARGE      0x200000ull
#define TABLE_BITS (PTE_P | PTE_W | NPT_C_BIT)
#define LEAF_BITS  (PTE_P | PTE_W)

static uint64_t root;

/* The entry for va at a level; the levels: 1 for 4 KiB pages, 2 for 2 MiB pages. */
static uint64_t *entry_for(uint64_t va, unsigned level)
{
    uint64_t *table = memory_direct(root);

    for (unsigned at = 4; at > level; at--) {
        uint64_t *entry = &table[va >> (3 + 9 * at) & 511];
        if ((*entry & PTE_P) == 0)
            *entry = boot_take(PAGE_BYTES) | TABLE_BITS;
        else if ((*entry & PTE_PS) != 0)
            report_end(VERDICT_ERROR,
                       "the kernel's p_vaddr 0x%llx lies in the identity map, but p_paddr differs: "
                       "link it at p_vaddr = p_paddr or above 512 GiB",
                       (unsigned long long)va);
        table = memory_direct(*entry & PTE_ADDRESS & ~NPT_C_BIT);
    }
    return &table[va >> (3 + 9 * level) & 511];
}

static uint64_t leaf(uint64_t pa)
{
    return pa | LEAF_BITS | (memory_is_guest_ram(pa) ? NPT_C_BIT : 0);
}

/* How much of [start, start + LARGE) is guest RAM. */
static uint64_t ram_in(uint64_t start)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < memory_guest_count; i++) {
        uint64_t from = memory_guest[i].start, to = memory_guest[i].end;
        if (from < start)
            from = start;
        if (to > start + LARGE)
            to = start + LARGE;
        if (from < to)
            bytes += to - from;
    }
    return bytes;
}

static void map_identity(uint64_t end)
{
    for (uint64_t pa = 0; pa < end; pa += LARGE) {
        uint64_t ram = ram_in(pa);
        if (ram == 0 || ram == LARGE) {
            *entry_for(pa, 2) = leaf(pa) | PTE_PS;
            continue;
        }
        for (uint64_t at = pa; at < pa + LARGE; at += PAGE_BYTES)
            *entry_for(at, 1) = leaf(at);
    }
}

static void map_segment(const struct loader_segment *s)
{
    if (s->va == s->pa)
        return;
    if ((s->va & PAGE_MASK) != (s->pa & PAGE_MASK))
        report_end(VERDICT_ERROR, "p_vaddr 0x%llx and p_paddr 0x%llx differ within a page",
                   (unsigned long long)s->va, (unsigned long long)s->pa);
    uint64_t va = s->va & ~PAGE_MASK, pa = s->pa & ~PAGE_MASK;
    for (; pa < s->pa + s->bytes; va += PAGE_BYTES, pa += PAGE_BYTES)
        *entry_for(va, 1) = leaf(pa);
}

uint64_t boot_paging_build(const struct loader_kernel *kernel)
{
    uint64_t end = memory_guest_end();

    root = boot_take(PAGE_BYTES);
    map_identity(end > 0x100000000 ? end : 0x100000000);
    for (size_t i = 0; kernel != NULL && i < kernel->count; i++)
        map_segment(&kernel->segments[i]);
    return root | NPT_C_BIT;
}
