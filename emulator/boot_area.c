/* SPDX-License-Identifier: MIT */
#include "boot_area.h"

#include "cpu.h"
#include "libc.h"
#include "report.h"

/* Below it there is no room for a kernel. */
#define LOWEST 0x1000000

static struct memory_range area;

void boot_area_init(void)
{
    for (size_t i = 0; i < memory_guest_count; i++) {
        if (memory_guest[i].end <= 0x100000000)
            area.start = area.end = memory_guest[i].end & ~PAGE_MASK;
    }
}

uint64_t boot_take(uint64_t bytes)
{
    if (area.start < LOWEST + bytes)
        report_end(VERDICT_ERROR, "the modules do not fit: give more (sevc-run --memory, QEMU -m)");
    area.start = (area.start - bytes) & ~PAGE_MASK;
    memset(memory_direct(area.start), 0, (bytes + PAGE_MASK) & ~PAGE_MASK);
    return area.start;
}

struct memory_range boot_area(void)
{
    return area;
}
