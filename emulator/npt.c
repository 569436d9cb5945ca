/* SPDX-License-Identifier: MIT */
#include "npt.h"

#include <stddef.h>

#include "cpu.h"
#include "memory.h"

/* Nested walks are user accesses; QEMU's own walks of guest tables count as writes. */
#define NPT_TABLE (PTE_P | PTE_W | PTE_U | PTE_A)
#define NPT_LEAF  (NPT_TABLE | PTE_D)

static uint64_t *root, *root_all_private;

static uint64_t *table_below(uint64_t *entry)
{
    if ((*entry & PTE_P) == 0)
        *entry = memory_pa(memory_alloc_pages(1)) | NPT_TABLE;
    return memory_direct(*entry & PTE_ADDRESS);
}

static uint64_t *leaf_of(uint64_t gpa)
{
    uint64_t *table = root;

    for (unsigned shift = 39; shift > 12; shift -= 9)
        table = table_below(&table[gpa >> shift & 511]);
    return &table[gpa >> 12 & 511];
}

void npt_init(void)
{
    root = memory_alloc_pages(1);
    root_all_private = memory_alloc_pages(1);
    for (size_t i = 0; i < memory_guest_count; i++) {
        for (uint64_t gpa = memory_guest[i].start & ~0x1FFFFFull; gpa < memory_guest[i].end;
             gpa += 0x200000) {
            leaf_of(gpa);
            leaf_of(gpa | NPT_C_BIT);
        }
    }
    /* One table of 512 GiB holds all RAM (memory.c refuses more), so one entry is enough. */
    root_all_private[0] = root[NPT_C_BIT >> 39];
}

void npt_set(uint64_t gpa, uint64_t page, enum npt_access access)
{
    uint64_t nx = access == NPT_FULL || access == NPT_ROM ? 0 : PTE_NX;
    uint64_t leaf = access == NPT_READ || access == NPT_ROM ? NPT_LEAF & ~PTE_W : NPT_LEAF;

    *leaf_of(gpa) = access == NPT_NONE ? 0 : page | leaf | nx;
}

void npt_set_garbage(uint64_t gpa, const void *page)
{
    *leaf_of(gpa | NPT_C_BIT) = memory_pa(page) | ((NPT_LEAF | PTE_NX) & ~(uint64_t)PTE_W);
}

uint64_t npt_root(bool guest_has_c_bit)
{
    return memory_pa(guest_has_c_bit ? root : root_all_private);
}
