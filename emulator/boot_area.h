/* SPDX-License-Identifier: MIT */
/*
 * Where the monitor puts what it hands to a guest: pages that grow down from the end of the
 * guest's RAM below 4 GiB.
 */
#ifndef EMULATOR_BOOT_AREA_H
#define EMULATOR_BOOT_AREA_H

#include <stdint.h>

#include "memory.h"

/* Before the first page is taken. */
void boot_area_init(void);

/* Zeroed guest pages. Result: their address. Ends the run if there are none left. */
uint64_t boot_take(uint64_t bytes);

/* All that has been taken so far. */
struct memory_range boot_area(void);

#endif
