/* SPDX-License-Identifier: MIT */
#include "hide.h"

#include <stdbool.h>
#include <stddef.h>

#include "cpu.h"
#include "fwcfg.h"
#include "libc.h"
#include "memory.h"
#include "report.h"

#define FOUR_GIB 0x100000000ull
#define MIB16    0x1000000ull

/* ---- CMOS: QEMU, hw/i386/pc.c ---- */

#define PORT_CMOS_INDEX 0x70
#define PORT_CMOS_DATA  0x71

static uint8_t cmos_index;
static uint64_t low_end, high_bytes;

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

static uint32_t cmos(uint32_t value)
{
    uint64_t kib = at_most((low_end - 0x100000) >> 10, 0xFFFF);
    uint64_t above16 = low_end > MIB16 ? at_most((low_end - MIB16) >> 16, 0xFFFF) : 0;
    uint64_t high = high_bytes >> 16;

    switch (cmos_index) {
    case 0x17:
    case 0x30:
        return kib & 0xFF;
    case 0x18:
    case 0x31:
        return kib >> 8 & 0xFF;
    case 0x34:
        return above16 & 0xFF;
    case 0x35:
        return above16 >> 8 & 0xFF;
    case 0x5B:
        return high & 0xFF;
    case 0x5C:
        return high >> 8 & 0xFF;
    case 0x5D:
        return high >> 16 & 0xFF;
    default:
        return value;
    }
}

/* ---- fw_cfg: QEMU, docs/specs/fw_cfg.txt ---- */

#define PORT_SELECT   0x510
#define PORT_DATA     0x511
#define PORT_DMA_HIGH 0x514
#define PORT_DMA_LOW  0x518

#define ITEM_RAM_SIZE 3u

#define DMA_READ   (1u << 1)
#define DMA_SKIP   (1u << 2)
#define DMA_SELECT (1u << 3)

#define E820_RAM 1
#define MAX_MAP  32

struct e820_entry {
    uint64_t start, bytes;
    uint32_t type;
} __attribute__((packed));

struct dma_request { /* big-endian */
    uint32_t control, bytes;
    uint64_t address;
};

static struct {
    struct fwcfg_file file;
    struct e820_entry entries[MAX_MAP];
} map;

static uint64_t ram_bytes;

/* Where the guest's next read of the data port comes from. */
static uint32_t item, offset;

static uint32_t dma_high;
static struct {
    uint64_t address;
    uint32_t item, offset, bytes;
} pending; /* what QEMU is about to read for the guest */

/* Item number N as the guest sees it; NULL: as QEMU has it. */
static const uint8_t *edited(uint32_t number, uint32_t *bytes)
{
    if (number == map.file.selector) {
        *bytes = map.file.bytes;
        return (const uint8_t *)map.entries;
    }
    *bytes = sizeof(ram_bytes);
    return number == ITEM_RAM_SIZE ? (const uint8_t *)&ram_bytes : NULL;
}

static uint32_t data_byte(uint32_t value)
{
    uint32_t bytes;
    const uint8_t *content = edited(item, &bytes);
    uint32_t at = offset++;

    return content != NULL && at < bytes ? content[at] : value;
}

/* The request is in shared memory, or QEMU would not understand it either. */
static void note_dma(uint64_t gpa)
{
    struct dma_request request;

    pending.bytes = 0;
    if (!memory_is_guest_ram(gpa) || !memory_is_guest_ram(gpa + sizeof(request) - 1))
        return;
    memcpy(&request, memory_direct(gpa), sizeof(request));
    uint32_t control = __builtin_bswap32(request.control);
    uint32_t bytes = __builtin_bswap32(request.bytes);
    if ((control & DMA_SELECT) != 0) {
        item = control >> 16;
        offset = 0;
    }
    if ((control & DMA_READ) != 0) {
        pending.address = __builtin_bswap64(request.address);
        pending.item = item;
        pending.offset = offset;
        pending.bytes = bytes;
    }
    if ((control & (DMA_READ | DMA_SKIP)) != 0)
        offset += bytes;
}

static void edit_dma(void)
{
    uint32_t bytes;
    const uint8_t *content = edited(pending.item, &bytes);

    for (uint32_t i = 0; content != NULL && i < pending.bytes; i++) {
        uint64_t gpa = pending.address + i;
        if (pending.offset + i >= bytes || !memory_is_guest_ram(gpa))
            break;
        *(uint8_t *)memory_direct(gpa) = content[pending.offset + i];
    }
    pending.bytes = 0;
}

/* ---- Ports ---- */

void hide_init(void)
{
    for (size_t i = 0; i < memory_guest_count; i++) {
        if (memory_guest[i].end <= FOUR_GIB)
            low_end = memory_guest[i].end;
        else
            high_bytes = memory_guest[i].end - memory_guest[i].start;
    }
    ram_bytes = low_end + high_bytes;
    if (!fwcfg_find("etc/e820", &map.file) || map.file.bytes > sizeof(map.entries))
        report_end(VERDICT_ERROR, "no usable etc/e820 in fw_cfg: use machine pc or q35");
    fwcfg_read(&map.file, 0, map.entries, map.file.bytes);
    for (size_t i = 0; i < map.file.bytes / sizeof(map.entries[0]); i++) {
        if (map.entries[i].type == E820_RAM)
            map.entries[i].bytes = map.entries[i].start == 0 ? low_end : high_bytes;
    }
}

uint32_t hide_in(uint16_t port, uint32_t value)
{
    if (port == PORT_CMOS_DATA)
        return cmos(value);
    return port == PORT_DATA ? data_byte(value) : value;
}

void hide_before_out(uint16_t port, uint32_t value)
{
    switch (port) {
    case PORT_CMOS_INDEX:
        cmos_index = value & 0x7F;
        break;
    case PORT_SELECT:
        item = value & 0xFFFF;
        offset = 0;
        break;
    case PORT_DMA_HIGH:
        dma_high = __builtin_bswap32(value);
        break;
    case PORT_DMA_LOW:
        note_dma((uint64_t)dma_high << 32 | __builtin_bswap32(value));
        break;
    default:
        break;
    }
}

void hide_after_out(uint16_t port)
{
    if (port == PORT_DMA_LOW) {
        edit_dma();
        dma_high = 0;
    }
}
