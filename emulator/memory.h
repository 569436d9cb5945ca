/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: what there is, what the guest gets, and the monitor's own pages.
 *
 * The guest gets the lower half of the RAM below 4 GiB and the lower half of that above, except
 * the legacy hole (A0000-FFFFF). What it shares lies at its own address (GPA = HPA, so that DMA
 * works); what is private lies in the upper half, where no device looks (view.h). The monitor is at
 * the top of the RAM below 4 GiB. With views=off there are no halves.
 */
#ifndef EMULATOR_MEMORY_H
#define EMULATOR_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

struct memory_range {
    uint64_t start, end; /* end: the first byte behind it */
};

/* image_pa: where the reset stub put the image. From here on memory_pa() works. */
void memory_locate(uint64_t image_pa);

/* After config_read(). Reads QEMU's memory map, divides it, reserves the pool. */
void memory_init(void);

/* The physical address of monitor data (image or direct map). */
uint64_t memory_pa(const void *pointer);

/* Physical memory, seen through the direct map. Physical addresses below 512 GiB only. */
static inline void *memory_direct(uint64_t pa)
{
    return (void *)(LAYOUT_DIRECT_BASE + pa);
}

/*
 * Physical memory above that: devices'. The pointer is good for an access of a few bytes, until the
 * next call; the caller holds the lock.
 */
void *memory_far(uint64_t pa);

/* Zeroed pages of the monitor's own; they are never given back. Ends the run if none is left. */
void *memory_alloc_pages(size_t count);

/* The guest's RAM, ascending. */
extern struct memory_range memory_guest[8];
extern size_t memory_guest_count;

bool memory_is_guest_ram(uint64_t gpa);

/* How far from a page its private content lies: of pages below 4 GiB, and of those above. */
extern uint64_t memory_private_distance[2];

/* The physical address of the private content of a page of guest RAM. */
static inline uint64_t memory_private(uint64_t gpa)
{
    return gpa + memory_private_distance[gpa >> 32 != 0];
}

bool memory_is_monitor(uint64_t gpa);     /* RAM that the guest must not touch */
bool memory_is_rom(uint64_t gpa);         /* the monitor's ROM: reads as if it were absent */
struct memory_range memory_monitor(void); /* its RAM below 4 GiB */
uint64_t memory_guest_end(void);          /* behind the highest byte of guest RAM */

#endif
