/* SPDX-License-Identifier: MIT */
/* The address space, once the kernel runs at its virtual address. */
#include "io.h"
#include "kernel.h"

#define CR3_ADDRESS 0x000FFFFFFFFFF000ull

struct sevc_paging paging;

extern char kernel_end[], heap_end[];

static uint64_t heap_next; /* physical */

static uint64_t c_mask(void)
{
    return 1ull << paging.c_bit;
}

static uint64_t *table_at(uint64_t entry)
{
    return (uint64_t *)(LINEAR_MAP + (entry & CR3_ADDRESS & ~c_mask()));
}

void paging_init(void)
{
    paging = (struct sevc_paging){
        .cr3 = read_cr3(),
        .linear_map = LINEAR_MAP,
        .c_bit = boot.c_bit,
    };
    heap_next = (uint64_t)kernel_end - KERNEL_OFFSET;
    table_at(paging.cr3)[0] = 0; /* the identity map, which only entry.S needed */
    write_cr3(paging.cr3);
}

void *page_alloc(void)
{
    uint64_t gpa = heap_next;

    if (gpa >= (uint64_t)heap_end - KERNEL_OFFSET)
        panic("out of memory");
    heap_next += PAGE_BYTES;
    return memset((void *)(LINEAR_MAP + gpa), 0, PAGE_BYTES);
}

uint64_t gpa_of(const void *p)
{
    return (uint64_t)p - LINEAR_MAP;
}

/* doc: page-map */
void page_map(uint64_t va, uint64_t gpa, uint64_t flags, bool encrypted)
{
    uint64_t *entry = &table_at(paging.cr3)[va >> 39 & 511];

    for (unsigned shift = 30; shift >= 12; shift -= 9) {
        if ((*entry & PTE_PRESENT) == 0) /* page tables are private, whatever they map */
            *entry = gpa_of(page_alloc()) | c_mask() | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
        entry = &table_at(*entry)[va >> shift & 511];
    }
    *entry = gpa | flags | PTE_PRESENT | (encrypted ? c_mask() : 0);
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

volatile void *mmio_map(uint64_t gpa, uint64_t bytes)
{
    for (uint64_t page = gpa & ~(PAGE_BYTES - 1); page < gpa + bytes; page += PAGE_BYTES)
        page_map(MMIO_MAP + page, page, PTE_WRITABLE | PTE_UNCACHED | PTE_NX, false);
    return (volatile void *)(MMIO_MAP + gpa);
}
/* doc: end */
