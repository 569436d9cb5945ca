/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include "config.h"
#include "cpu.h"
#include "firmware.h"
#include "fwcfg.h"
#include "report.h"
#include "trace.h"
#include "libc.h"

#define E820_RAM     1
#define LEGACY_START 0xA0000ull
#define LEGACY_END   0x100000ull
#define ROM_SHADOW   0xE0000ull /* where QEMU shows the end of the ROM again */

/* Pages of the pool besides those that grow with RAM: upper nested tables, VMCBs. */
#define POOL_SPARE_PAGES 256

struct e820_entry {
    uint64_t start, bytes;
    uint32_t type;
} __attribute__((packed));

struct memory_range memory_guest[8];
size_t memory_guest_count;
uint64_t memory_private_distance[2];

#define FOUR_GIB   0x100000000ull
#define GIB_MASK   0x3FFFFFFFull
#define HALF_ALIGN 0x200000ull

/*
 * A page's two places do not lie a round number of bytes apart: QEMU's TLB would have one entry
 * for both, and each word of a transformation would take its slow path.
 */
#define PRIVATE_SKEW (21 * PAGE_BYTES)

static uint64_t image_base;
static struct memory_range monitor; /* private pages, pool and image, up to the end of low RAM */
static struct memory_range monitor_high; /* private pages above 4 GiB */
static uint64_t pool_next;

uint64_t memory_pa(const void *pointer)
{
    uint64_t address = (uint64_t)pointer;

    if (address >= LAYOUT_IMAGE_BASE)
        return address - LAYOUT_IMAGE_BASE + image_base;
    return address - LAYOUT_DIRECT_BASE;
}

static void add_range(uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    if (memory_guest_count == sizeof(memory_guest) / sizeof(memory_guest[0]))
        report_end(VERDICT_ERROR, "QEMU's memory map has too many pieces");
    memory_guest[memory_guest_count++] = (struct memory_range){ start, end };
}

/* How much of [start, end) is the guest's; as much again, or more, lies above it. */
static uint64_t share(uint64_t start, uint64_t end)
{
    if (config.views_off)
        return end - start;
    return (end - start - PRIVATE_SKEW) / 2 & ~(HALF_ALIGN - 1);
}

/* The piece of QEMU's RAM that holds the image. pool: where the monitor's pages begin. */
static void add_low_ram(uint64_t end, uint64_t pool)
{
    uint64_t bytes = share(0, pool);

    memory_private_distance[0] = config.views_off ? 0 : bytes + PRIVATE_SKEW;
    monitor = (struct memory_range){ bytes, end };
    add_range(0, bytes < LEGACY_START ? bytes : LEGACY_START);
    add_range(LEGACY_END, bytes);
}

static void add_high_ram(uint64_t start, uint64_t end)
{
    uint64_t bytes = share(start, end);

    if (end > LAYOUT_DIRECT_BYTES)
        report_end(VERDICT_ERROR, "RAM above 512 GiB is not supported: use a smaller -m");
    if (monitor_high.end != 0)
        report_end(VERDICT_ERROR, "QEMU's memory map has too many pieces");
    memory_private_distance[1] = config.views_off ? 0 : bytes + PRIVATE_SKEW;
    monitor_high = (struct memory_range){ start + bytes, end };
    add_range(start, start + bytes);
}

/*
 * For each 4 KiB page the nested tables take two entries (two aliases) and the view state takes
 * a byte; rounded up for gaps and partly filled tables.
 */
static uint64_t pool_bytes(uint64_t ram_bytes, uint64_t ram_end)
{
    uint64_t tables = 2 * (ram_bytes / 512 + 8 * PAGE_BYTES);
    uint64_t states = ram_end / PAGE_BYTES + PAGE_BYTES;
    return (tables + states + POOL_SPARE_PAGES * PAGE_BYTES + trace_pool_bytes()) & ~PAGE_MASK;
}

void memory_locate(uint64_t image_pa)
{
    image_base = image_pa;
    fwcfg_init();
}

void memory_init(void)
{
    static struct e820_entry map[32];
    struct fwcfg_file file;
    uint64_t ram_bytes = 0, ram_end = 0;

    if (!fwcfg_find("etc/e820", &file) || file.bytes > sizeof(map))
        report_end(VERDICT_ERROR, "no usable etc/e820 in fw_cfg: use machine pc or q35");
    fwcfg_read(&file, 0, map, file.bytes);
    size_t count = file.bytes / sizeof(map[0]);

    for (size_t i = 0; i < count; i++) {
        if (map[i].type != E820_RAM)
            continue;
        ram_bytes += map[i].bytes;
        if (map[i].start + map[i].bytes > ram_end)
            ram_end = map[i].start + map[i].bytes;
    }
    if (!config.views_off)
        ram_bytes /= 2;
    uint64_t pool = pool_bytes(ram_bytes, ram_end) + firmware_find();
    if (pool > image_base || share(0, image_base - pool) < 0x1000000)
        report_end(VERDICT_ERROR,
                   "too little memory below 4 GiB: give more (sevc-run --memory, QEMU -m)");
    pool_next = image_base - pool;
    for (size_t i = 0; i < count; i++) {
        if (map[i].type != E820_RAM)
            continue;
        if (map[i].start >= FOUR_GIB)
            add_high_ram(map[i].start, map[i].start + map[i].bytes);
        else if (map[i].start == 0)
            add_low_ram(map[i].bytes, pool_next);
        else
            report_end(VERDICT_ERROR, "QEMU's memory map has too many pieces");
    }
}

void *memory_alloc_pages(size_t count)
{
    void *pages = memory_direct(pool_next);

    if (pool_next + count * PAGE_BYTES > image_base)
        report_end(VERDICT_ERROR, "the monitor's pool of pages is exhausted (a bug)");
    pool_next += count * PAGE_BYTES;
    return memset(pages, 0, count * PAGE_BYTES);
}

/*
 * No other processor has a stale translation: it has touched nothing here since its last exit, at
 * which QEMU has forgotten all of them.
 */
void *memory_far(uint64_t pa)
{
    static uint64_t *table;
    uint64_t first = pa & ~GIB_MASK;

    if (table == NULL) {
        uint64_t *pml4 = memory_direct(cpu_read_cr3() & PTE_ADDRESS);
        table = memory_alloc_pages(1);
        pml4[LAYOUT_FAR_BASE >> 39 & 511] = memory_pa(table) | PTE_P | PTE_W | PTE_A;
    }
    for (uint64_t i = 0; i < 2; i++)
        table[i] = (first + i * (GIB_MASK + 1)) | PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS;
    cpu_write_cr3(cpu_read_cr3());
    return (void *)(LAYOUT_FAR_BASE + (pa & GIB_MASK));
}

bool memory_is_guest_ram(uint64_t gpa)
{
    for (size_t i = 0; i < memory_guest_count; i++) {
        if (gpa >= memory_guest[i].start && gpa < memory_guest[i].end)
            return true;
    }
    return false;
}

bool memory_is_monitor(uint64_t gpa)
{
    return (gpa >= monitor.start && gpa < monitor.end) ||
           (gpa >= monitor_high.start && gpa < monitor_high.end);
}

bool memory_is_rom(uint64_t gpa)
{
    return (gpa >= LAYOUT_ROM_BASE && gpa < LAYOUT_ROM_BASE + LAYOUT_ROM_BYTES) ||
           (gpa >= ROM_SHADOW && gpa < LEGACY_END);
}

struct memory_range memory_monitor(void)
{
    return monitor;
}

uint64_t memory_guest_end(void)
{
    return memory_guest[memory_guest_count - 1].end;
}
