/* SPDX-License-Identifier: MIT */
#include "firmware.h"

#include <stddef.h>

#include "config.h"
#include "cpu.h"
#include "fwcfg.h"
#include "libc.h"
#include "memory.h"
#include "npt.h"
#include "report.h"

#define FOUR_GIB  0x100000000ull
#define MAX_BYTES 0x1000000u

static struct fwcfg_file file;
static uint8_t *image;

uint64_t firmware_find(void)
{
    if (!fwcfg_find("opt/sevc/firmware", &file))
        return 0;
    if (file.bytes == 0 || file.bytes > MAX_BYTES || file.bytes % PAGE_BYTES != 0)
        report_end(VERDICT_ERROR, "the firmware has %u bytes: no multiple of 4096 up to 16 MiB",
                   file.bytes);
    if (config.flash_bytes % PAGE_BYTES != 0 || config.flash_bytes >= file.bytes)
        report_end(VERDICT_ERROR, "flash=%llu does not fit the firmware's %u bytes",
                   (unsigned long long)config.flash_bytes, file.bytes);
    return file.bytes;
}

bool firmware_is_present(void)
{
    return file.bytes != 0;
}

static uint64_t base(void)
{
    return FOUR_GIB - file.bytes;
}

static uint64_t code(void)
{
    return base() + config.flash_bytes;
}

/* QEMU's flash chip: where a byte of the guest's really is. */
static uint64_t flash_pa(uint64_t gpa)
{
    return LAYOUT_ROM_BASE - config.flash_bytes + (gpa - base());
}

/* Flash is plaintext, so with the C-bit it reads as garbage. EDK2 looks there before DXE. */
static void make_garbage(void)
{
    uint64_t key = 0x9E3779B97F4A7C15ull;

    for (uint64_t i = 0; i < config.flash_bytes; i += sizeof(key)) {
        key ^= key << 13;
        key ^= key >> 7;
        key ^= key << 17;
        memcpy(image + i, &key, sizeof(key));
    }
}

void firmware_load(void)
{
    image = memory_alloc_pages(file.bytes / PAGE_BYTES);
    fwcfg_read(&file, 0, image, file.bytes);
    make_garbage();
    for (uint64_t gpa = base(); gpa < code(); gpa += PAGE_BYTES) {
        npt_set(gpa, flash_pa(gpa), NPT_READ);
        npt_set(gpa | NPT_C_BIT, memory_pa(image + (gpa - base())), NPT_READ);
    }
    for (uint64_t gpa = code(); gpa < FOUR_GIB; gpa += PAGE_BYTES)
        npt_set(gpa | NPT_C_BIT, memory_pa(image + (gpa - base())), NPT_ROM);
}

bool firmware_owns(uint64_t gpa)
{
    return file.bytes != 0 && gpa >= base() && gpa < FOUR_GIB;
}

const void *firmware_content(uint64_t gpa)
{
    return file.bytes != 0 && gpa >= code() && gpa < FOUR_GIB ? image + (gpa - base()) : NULL;
}

bool firmware_fault(uint64_t gpa, bool encrypted, bool fetch)
{
    if (gpa < code() || encrypted || !fetch)
        return false;
    npt_set(gpa, memory_pa(image + (gpa & ~PAGE_MASK) - base()), NPT_ROM);
    return true;
}

/* The chip obeys single bytes, and tells sizes apart. */
void firmware_read(uint64_t gpa, void *data, unsigned size)
{
    uint8_t *bytes = data;

    for (unsigned i = 0; i < size; i++) {
        if (gpa + i < code())
            bytes[i] = *(volatile uint8_t *)memory_direct(flash_pa(gpa + i));
        else
            bytes[i] = gpa + i < FOUR_GIB ? image[gpa + i - base()] : 0xFF;
    }
}

void firmware_write(uint64_t gpa, const void *data, unsigned size)
{
    const uint8_t *bytes = data;

    for (unsigned i = 0; i < size && gpa + i < code(); i++)
        *(volatile uint8_t *)memory_direct(flash_pa(gpa + i)) = bytes[i];
}

/*
 * OVMF ends with a table of entries {data, u16 bytes, GUID}, read backwards from 32 bytes below the
 * end; the first GUID names the table itself (EDK2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm).
 */
#define TABLE_END   0x20u
#define ENTRY_BYTES 18u

static const uint8_t table_guid[16] = { 0xDE, 0x82, 0xB5, 0x96, 0xB2, 0x1F, 0xF7, 0x45,
                                        0xBA, 0xEA, 0xA3, 0x66, 0xC5, 0x5A, 0x08, 0x2D };
static const uint8_t reset_block_guid[16] = { 0xDE, 0x71, 0xF7, 0x00, 0x7E, 0x1A, 0xCB, 0x4F,
                                              0x89, 0x0E, 0x68, 0xC7, 0x7E, 0x2F, 0xB4, 0x4E };

static uint16_t load16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

bool firmware_ap_start(uint64_t *cs_base, uint16_t *ip)
{
    const uint8_t *entry = image + file.bytes - TABLE_END - ENTRY_BYTES;
    const uint8_t *first;

    if (memcmp(entry + 2, table_guid, sizeof(table_guid)) != 0)
        return false;
    first = entry + ENTRY_BYTES - load16(entry);
    if (first < image)
        return false;
    while (entry - ENTRY_BYTES >= first) {
        entry -= ENTRY_BYTES;
        unsigned bytes = load16(entry);
        if (memcmp(entry + 2, reset_block_guid, sizeof(reset_block_guid)) == 0) {
            *ip = load16(entry + ENTRY_BYTES - bytes);
            *cs_base = (uint64_t)load16(entry + ENTRY_BYTES - bytes + 2) << 16;
            return true;
        }
        if (bytes < ENTRY_BYTES || entry - (bytes - ENTRY_BYTES) < first)
            return false;
        entry -= bytes - ENTRY_BYTES;
    }
    return false;
}
