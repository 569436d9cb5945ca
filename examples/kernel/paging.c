/* SPDX-License-Identifier: MIT */
/*
 * The address space: the image where it is linked, all RAM in a linear map, devices in a map of
 * their own. RAM is mapped with the C-bit, which is what makes it private; devices are without.
 */
#include "io.h"
#include "kernel.h"

#define MSR_EFER 0xC0000080
#define EFER_NXE (1u << 11)
#define CR0_WP   (1u << 16)

#define LARGE_PAGE_BYTES 0x200000ull
#define PTE_ADDRESS      0x000FFFFFFFFFF000ull

struct sevc_paging paging;

/* Section borders, from kernel.lds. */
extern char kernel_text[], kernel_rodata[], kernel_data[], kernel_end[], heap_end[];

typedef uint64_t table[512] __attribute__((aligned(4096)));

static table pml4;
static table linear_pdpt, linear_pd[4];
static table image_pdpt, image_pd, image_pt;

static uint64_t heap_next; /* physical */

static uint64_t c_mask(void)
{
    return 1ull << paging.c_bit;
}

static unsigned slot(uint64_t va, unsigned level)
{
    return va >> (3 + 9 * level) & 511;
}

/* An entry for a table of the image. Page tables are always read as private memory. */
static uint64_t table_entry(const uint64_t *t)
{
    return ((uint64_t)t - KERNEL_OFFSET) | c_mask() | PTE_PRESENT | PTE_WRITABLE;
}

static uint64_t large_page(uint64_t gpa)
{
    return gpa | c_mask() | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE;
}

/* Every 2 MiB below 4 GiB that holds RAM. */
static void map_ram(const struct start_info *info)
{
    const struct memmap_entry *map = (const void *)info->memmap_gpa;

    pml4[slot(LINEAR_MAP, 4)] = table_entry(linear_pdpt) | PTE_NX;
    for (unsigned i = 0; i < 4; i++)
        linear_pdpt[i] = table_entry(linear_pd[i]);
    linear_pd[0][slot(KERNEL_GPA, 2)] = large_page(KERNEL_GPA); /* the heap's */
    for (uint32_t i = 0; i < info->memmap_entries; i++) {
        uint64_t gpa = map[i].gpa & ~(LARGE_PAGE_BYTES - 1);
        uint64_t end = map[i].gpa + map[i].bytes;
        if (map[i].type != MEMMAP_RAM) /* in use, or no memory at all */
            continue;
        for (; gpa < end && gpa < 4ull << 30; gpa += LARGE_PAGE_BYTES)
            linear_pd[gpa >> 30][slot(gpa, 2)] = large_page(gpa);
    }
}

/* Page by page: code cannot be written, data cannot be executed. */
static void map_image(void)
{
    uint64_t va = (uint64_t)kernel_text;

    pml4[slot(va, 4)] = table_entry(image_pdpt);
    image_pdpt[slot(va, 3)] = table_entry(image_pd);
    image_pd[slot(va, 2)] = table_entry(image_pt);
    for (; va < (uint64_t)kernel_end; va += PAGE_BYTES) {
        uint64_t flags = va < (uint64_t)kernel_rodata ? 0
                         : va < (uint64_t)kernel_data ? PTE_NX
                                                      : PTE_NX | PTE_WRITABLE;
        image_pt[slot(va, 1)] = (va - KERNEL_OFFSET) | c_mask() | flags | PTE_PRESENT;
    }
}

void paging_init(const struct start_info *info, uint8_t c_bit)
{
    paging.c_bit = c_bit;
    paging.linear_map = LINEAR_MAP;
    paging.cr3 = ((uint64_t)pml4 - KERNEL_OFFSET) | c_mask();
    heap_next = (uint64_t)kernel_end - KERNEL_OFFSET;

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE); /* neither EFER nor CR0 raises #VC */
    write_cr0(read_cr0() | CR0_WP);
    map_ram(info);
    map_image();
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

static uint64_t *table_at(uint64_t entry)
{
    return (uint64_t *)(LINEAR_MAP + (entry & PTE_ADDRESS & ~c_mask()));
}

/* doc: page-map */
void page_map(uint64_t va, uint64_t gpa, uint64_t flags, bool encrypted)
{
    uint64_t *entry = &table_at(paging.cr3)[slot(va, 4)];

    for (unsigned level = 3; level >= 1; level--) {
        if ((*entry & PTE_PRESENT) == 0)
            *entry = gpa_of(page_alloc()) | c_mask() | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
        entry = &table_at(*entry)[slot(va, level)];
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
