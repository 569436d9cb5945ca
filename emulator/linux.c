/* SPDX-License-Identifier: MIT */
#include "linux.h"

#include <stddef.h>

#include "acpi.h"
#include "boot_ap.h"
#include "boot_area.h"
#include "boot_paging.h"
#include "chipset.h"
#include "cpu.h"
#include "fwcfg.h"
#include "libc.h"
#include "memory.h"
#include "report.h"
#include "view.h"

/* The setup header as the boot protocol has it, from offset 0x1F1 of the file on. */
#define HEADER_OFFSET 0x1F1

struct setup_header {
    uint8_t setup_sectors;
    uint16_t root_flags;
    uint32_t system_size; /* of the protected-mode part, in 16 bytes */
    uint16_t ram_size, video_mode, root_device, boot_flag;
    uint8_t jump[2]; /* the second byte tells where the header ends */
    uint32_t magic;
    uint16_t version;
    uint8_t before_loader[8];
    uint8_t loader_type, load_flags;
    uint8_t before_ramdisk[6];
    uint32_t ramdisk, ramdisk_bytes;
    uint8_t before_command_line[8];
    uint32_t command_line, initrd_address_max;
    uint32_t alignment;
    uint8_t relocatable, minimum_alignment;
    uint16_t xload_flags;
    uint32_t command_line_bytes; /* the longest that the kernel takes */
    uint8_t before_preferred[28];
    uint64_t preferred_address;
    uint32_t init_bytes; /* what the kernel needs there until it can read the memory map */
    uint8_t rest[16];
} __attribute__((packed));

#define HEADER_AT(field) (HEADER_OFFSET + offsetof(struct setup_header, field))
_Static_assert(HEADER_AT(magic) == 0x202 && HEADER_AT(loader_type) == 0x210 &&
                   HEADER_AT(ramdisk) == 0x218 && HEADER_AT(command_line) == 0x228 &&
                   HEADER_AT(xload_flags) == 0x236 && HEADER_AT(preferred_address) == 0x258 &&
                   HEADER_AT(init_bytes) == 0x260,
               "the setup header's layout");

#define HEADER_MAGIC       0x53726448 /* "HdrS" */
#define PROTOCOL_WITH_RSDP 0x020E     /* 2.14: boot_params.acpi_rsdp_addr */
#define LOADER_UNDEFINED   0xFF
#define XLOAD_64_BIT_ENTRY (1u << 0)
#define XLOAD_ABOVE_4G     (1u << 1) /* the RAM disk may lie anywhere */
#define ENTRY_64_OFFSET    0x200
#define SECTOR_BYTES       512

enum map_type { MAP_RAM = 1, MAP_RESERVED, MAP_ACPI };

struct map_entry {
    uint64_t start, bytes;
    uint32_t type;
} __attribute__((packed));

#define MAX_MAP 128

/* The "zero page": what of it has a use here. */
struct boot_params {
    uint8_t before_rsdp[0x70];
    uint64_t rsdp;
    uint8_t before_map_count[0x1E8 - 0x78];
    uint8_t map_count;
    uint8_t before_header[8];
    struct setup_header header;
    uint8_t before_map[0x2D0 - HEADER_OFFSET - sizeof(struct setup_header)];
    struct map_entry map[MAX_MAP];
    uint8_t rest[4096 - 0x2D0 - sizeof(struct map_entry) * MAX_MAP];
} __attribute__((packed));

_Static_assert(sizeof(struct boot_params) == 4096 && offsetof(struct boot_params, map) == 0x2D0 &&
                   offsetof(struct boot_params, header) == HEADER_OFFSET &&
                   offsetof(struct boot_params, map_count) == 0x1E8,
               "the zero page's layout");

struct boot_page {
    struct boot_params params;
    uint64_t gdt[4];
    char command_line[2048];
};

/* Selectors 0x10 and 0x18, as the protocol wants them. */
static const uint64_t flat_gdt[4] = { 0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF };

#define STACK_BYTES      (4 * PAGE_BYTES)
#define CONVENTIONAL_END 0xA0000ull
#define BIOS_START       0xE0000ull
#define BIOS_END         0x100000ull

static struct boot_page *page;

bool linux_is_wanted(void)
{
    struct fwcfg_file file;

    return fwcfg_find("opt/sevc/linux", &file);
}

/* ---- The kernel's file ---- */

static void check_header(const struct setup_header *h)
{
    if (h->magic != HEADER_MAGIC)
        report_end(VERDICT_ERROR, "opt/sevc/linux is no bzImage");
    if (h->version < PROTOCOL_WITH_RSDP || (h->xload_flags & XLOAD_64_BIT_ENTRY) == 0)
        report_end(VERDICT_ERROR,
                   "this Linux has no 64-bit entry point, or boot protocol %x.%02x: "
                   "2.14 (Linux 5.0) is needed",
                   h->version >> 8, h->version & 0xFFu);
}

static void read_header(struct fwcfg_file *file)
{
    struct setup_header *h = &page->params.header;

    if (!fwcfg_find("opt/sevc/linux", file) || file->bytes < sizeof(struct boot_params))
        report_end(VERDICT_ERROR, "opt/sevc/linux is too short for a kernel");
    fwcfg_read(file, HEADER_OFFSET, h, sizeof(*h));
    check_header(h);
    /* The header ends where the jump in front of its magic leads; the rest is code. */
    size_t used = HEADER_AT(magic) - HEADER_OFFSET + h->jump[1];
    if (used < sizeof(*h))
        memset((uint8_t *)h + used, 0, sizeof(*h) - used);
}

/*
 * Where the kernel likes to be; it moves away from there by itself. After everything that takes
 * from the boot area, which must not reach down into the kernel. Result: the address.
 */
static uint64_t load_kernel(const struct fwcfg_file *file)
{
    const struct setup_header *h = &page->params.header;
    uint32_t setup = (h->setup_sectors == 0 ? 4u : h->setup_sectors) + 1u;
    uint64_t at = h->preferred_address;
    if (setup * SECTOR_BYTES >= file->bytes)
        report_end(VERDICT_ERROR, "opt/sevc/linux is cut short");
    uint32_t bytes = file->bytes - setup * SECTOR_BYTES;
    uint64_t needed = h->init_bytes > bytes ? h->init_bytes : bytes;
    if (!memory_is_guest_ram(at) || at + needed > boot_area().start)
        report_end(VERDICT_ERROR,
                   "no RAM for the kernel at 0x%llx (0x%llx bytes): give "
                   "more (sevc-run --memory, QEMU -m)",
                   (unsigned long long)at, (unsigned long long)needed);
    fwcfg_read(file, setup * SECTOR_BYTES, memory_direct(at), bytes);
    view_adopt_private(at, at + bytes);
    return at;
}

static void load_ramdisk(void)
{
    struct setup_header *h = &page->params.header;
    struct fwcfg_file file;

    if (!fwcfg_find("opt/sevc/initrd", &file))
        return;
    uint64_t at = boot_take(file.bytes);
    if (at + file.bytes - 1 > h->initrd_address_max && (h->xload_flags & XLOAD_ABOVE_4G) == 0)
        report_end(VERDICT_ERROR, "this Linux takes no RAM disk at 0x%llx: give QEMU a smaller -m",
                   (unsigned long long)at);
    fwcfg_read(&file, 0, memory_direct(at), file.bytes);
    h->ramdisk = (uint32_t)at;
    h->ramdisk_bytes = file.bytes;
}

static void read_command_line(void)
{
    struct setup_header *h = &page->params.header;
    struct fwcfg_file file;

    h->command_line = (uint32_t)memory_pa(page->command_line);
    if (!fwcfg_find("opt/sevc/cmdline", &file))
        return;
    if (file.bytes >= sizeof(page->command_line) || file.bytes > h->command_line_bytes)
        report_end(VERDICT_ERROR, "the command line has %u bytes; this Linux takes %u", file.bytes,
                   h->command_line_bytes);
    fwcfg_read(&file, 0, page->command_line, file.bytes);
}

/* ---- The memory map ---- */

static void add_map(uint64_t start, uint64_t end, enum map_type type)
{
    if (start >= end)
        return;
    if (page->params.map_count == MAX_MAP)
        report_end(VERDICT_ERROR, "the guest's memory map has too many pieces");
    page->params.map[page->params.map_count++] =
        (struct map_entry){ start, end - start, (uint32_t)type };
}

/*
 * Linux maps what is "reserved" without the C-bit, and ACPI tables with it. So the tables, which
 * are private, must be called what they are, and the hole where a BIOS would be must be named:
 * Linux looks for one.
 */
static void build_map(struct memory_range tables)
{
    for (size_t i = 0; i < memory_guest_count; i++) {
        uint64_t start = memory_guest[i].start, end = memory_guest[i].end;
        if (end == CONVENTIONAL_END && smp_count > 1) {
            add_map(start, BOOT_AP_START, MAP_RAM);
            add_map(BOOT_AP_START, BOOT_AP_END, MAP_RESERVED);
        } else if (end == tables.end) {
            add_map(start, tables.start, MAP_RAM);
            add_map(tables.start, tables.end, MAP_ACPI);
            add_map(memory_monitor().start, memory_monitor().end, MAP_RESERVED);
        } else {
            add_map(start, end, MAP_RAM);
        }
        if (end == CONVENTIONAL_END)
            add_map(BIOS_START, BIOS_END, MAP_RESERVED);
    }
}

/* ---- All of it ---- */

void linux_prepare(struct vcpu_entry *entry)
{
    struct fwcfg_file file;

    boot_area_init();
    chipset_init();
    uint64_t rsdp = acpi_install();
    struct memory_range tables = boot_area();

    page = memory_direct(boot_take(sizeof(*page)));
    uint64_t stack = boot_take(STACK_BYTES);
    memcpy(page->gdt, flat_gdt, sizeof(flat_gdt));
    entry->cr3 = boot_paging_build(NULL);
    read_header(&file);
    load_ramdisk();
    uint64_t kernel = load_kernel(&file);
    read_command_line();
    build_map(tables);
    page->params.rsdp = rsdp;
    page->params.header.loader_type = LOADER_UNDEFINED;

    view_adopt_private(boot_area().start, boot_area().end);
    view_adopt_private(0, PAGE_BYTES); /* the BIOS data area: nothing in it */
    if (smp_count > 1)
        entry->park_segment = boot_ap_prepare();

    entry->rip = kernel + ENTRY_64_OFFSET;
    entry->rsi = memory_pa(&page->params);
    entry->rsp = stack + STACK_BYTES;
    entry->gdt = memory_pa(page->gdt);
    entry->gdt_limit = sizeof(page->gdt) - 1;
    entry->code_selector = 0x10;
    entry->data_selector = 0x18;
}
