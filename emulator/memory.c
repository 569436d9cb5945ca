/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include "cpu.h"
#include "fwcfg.h"
#include "report.h"
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

static uint64_t image_base;
static struct memory_range monitor; /* pool and image, up to the end of low RAM */
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

/* One piece of QEMU's RAM, less what the guest must not have. */
static void add_ram(uint64_t start, uint64_t end)
{
    if (end > LAYOUT_DIRECT_BYTES)
        report_end(VERDICT_ERROR, "RAM above 512 GiB is not supported: use a smaller -m");
    if (start < LEGACY_END) {
        add_range(start, LEGACY_START);
        start = LEGACY_END;
    }
    if (start < monitor.start && end > monitor.start) {
        monitor.end = end;
        end = monitor.start;
    }
    add_range(start, end);
}

/*
 * For each 4 KiB page the nested tables take two entries (two aliases) and the view state takes
 * a byte; rounded up for gaps and partly filled tables.
 */
static uint64_t pool_bytes(uint64_t ram_bytes, uint64_t ram_end)
{
    uint64_t tables = 2 * (ram_bytes / 512 + 8 * PAGE_BYTES);
    uint64_t states = ram_end / PAGE_BYTES + PAGE_BYTES;
    return (tables + states + POOL_SPARE_PAGES * PAGE_BYTES) & ~PAGE_MASK;
}

void memory_init(uint64_t image_pa)
{
    static struct e820_entry map[32];
    struct fwcfg_file file;
    uint64_t ram_bytes = 0, ram_end = 0;

    image_base = image_pa;
    fwcfg_init();
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
    uint64_t pool = pool_bytes(ram_bytes, ram_end);
    if (pool + 0x1000000 > image_base)
        report_end(VERDICT_ERROR, "too little memory below 4 GiB: give QEMU a larger -m");
    monitor = (struct memory_range){ image_base - pool, image_base + LAYOUT_IMAGE_BYTES };
    pool_next = monitor.start;
    for (size_t i = 0; i < count; i++) {
        if (map[i].type == E820_RAM)
            add_ram(map[i].start, map[i].start + map[i].bytes);
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
    return gpa >= monitor.start && gpa < monitor.end;
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
