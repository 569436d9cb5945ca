/* SPDX-License-Identifier: MIT */
/*
 * Before the kernel has relocated itself. This file runs at the image's physical address, on the
 * loader's page tables: it may use no pointer that the linker has put into data, and the address
 * of anything in the image is at the same time its physical address.
 */
#include "io.h"
#include "kernel.h"

#define MSR_EFER 0xC0000080
#define EFER_NXE (1u << 11)
#define CR0_WP   (1u << 16)

#define LARGE_PAGE_BYTES 0x200000ull
#define ENTRIES          512

struct boot boot;

/* Section borders, from kernel.lds. */
extern const char kernel_text[], kernel_rodata[], kernel_data[],
    kernel_end[] __attribute__((visibility("hidden")));

typedef uint64_t table[ENTRIES] __attribute__((aligned(4096)));

static table pml4;
static table linear_pdpt, linear_pd[4];
static table image_pdpt, image_pd, image_pt;

/* doc: early-cpuid */
static struct cpuid early_cpuid(uint32_t leaf)
{
    boot.early_cpuids++;
    return cpuid(leaf, 0);
}

/* Where is the C-bit? The early handler has made sure that the host does not deny SEV. */
static uint8_t find_c_bit(void)
{
    if (early_cpuid(0x80000000).eax < SEVC_CPUID_MEMORY_ENCRYPTION ||
        (early_cpuid(SEVC_CPUID_MEMORY_ENCRYPTION).eax & SEVC_CPUID_EAX_SEV_ES) == 0)
        sevc_terminate(SEVC_TERM_GENERAL); /* no SEV-ES guest: this kernel has no other life */
    return early_cpuid(SEVC_CPUID_MEMORY_ENCRYPTION).ebx & SEVC_CPUID_EBX_C_BIT_MASK;
}
/* doc: end */

static unsigned slot(uint64_t va, unsigned level)
{
    return va >> (3 + 9 * level) & (ENTRIES - 1);
}

/*
 * The linear map: every 2 MiB that holds RAM, below 4 GiB. It is mapped a second time at address
 * 0, executable, for the few instructions between loading CR3 and the jump; see paging_init().
 */
static void map_ram(const struct start_info *info, uint64_t c)
{
    const struct memmap_entry *map = (const void *)info->memmap_gpa;

    pml4[slot(LINEAR_MAP, 4)] = (uint64_t)linear_pdpt | c | PTE_PRESENT | PTE_WRITABLE | PTE_NX;
    pml4[0] = (uint64_t)linear_pdpt | c | PTE_PRESENT | PTE_WRITABLE;
    for (unsigned i = 0; i < 4; i++)
        linear_pdpt[i] = (uint64_t)linear_pd[i] | c | PTE_PRESENT | PTE_WRITABLE;

    for (uint32_t i = 0; i < info->memmap_entries; i++) {
        uint64_t gpa = map[i].gpa & ~(LARGE_PAGE_BYTES - 1);
        uint64_t end = map[i].gpa + map[i].bytes;
        if (map[i].type != MEMMAP_RAM)
            continue;
        for (; gpa < end && gpa < 4ull << 30; gpa += LARGE_PAGE_BYTES)
            linear_pd[gpa >> 30][slot(gpa, 2)] = gpa | c | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE;
    }
}

/* The image, page by page: code cannot be written, data cannot be executed. */
static void map_image(uint64_t c)
{
    uint64_t va = KERNEL_OFFSET + KERNEL_GPA;

    pml4[slot(va, 4)] = (uint64_t)image_pdpt | c | PTE_PRESENT | PTE_WRITABLE;
    image_pdpt[slot(va, 3)] = (uint64_t)image_pd | c | PTE_PRESENT | PTE_WRITABLE;
    image_pd[slot(va, 2)] = (uint64_t)image_pt | c | PTE_PRESENT | PTE_WRITABLE;
    for (uint64_t gpa = (uint64_t)kernel_text; gpa < (uint64_t)kernel_end; gpa += PAGE_BYTES) {
        uint64_t flags = gpa < (uint64_t)kernel_rodata ? 0
                         : gpa < (uint64_t)kernel_data ? PTE_NX
                                                       : PTE_NX | PTE_WRITABLE;
        image_pt[slot(gpa, 1)] = gpa | c | flags | PTE_PRESENT;
    }
}

/* doc: boot-early */
uint64_t boot_early(const struct start_info *info)
{
    static struct sevc_idt_gate early_idt[SEVC_EARLY_IDT_GATES];
    uint64_t c;

    sevc_early_install(early_idt, KERNEL_CS); /* before the first CPUID */
    boot.c_bit = find_c_bit();
    c = 1ull << boot.c_bit;
    /* doc: end */

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE); /* EFER and CR0 never raise #VC */
    write_cr0(read_cr0() | CR0_WP);
    map_ram(info, c);
    map_image(c);
    return (uint64_t)pml4 | c;
}
