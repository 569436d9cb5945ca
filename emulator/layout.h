/* SPDX-License-Identifier: MIT */
/*
 * Addresses that C, assembly and the linker script share.
 *
 * The monitor's image takes one 2 MiB page at the top of the RAM below 4 GiB, wherever that is,
 * and is linked at one fixed virtual address. Below it, in RAM that the guest never sees either,
 * lies what depends on the size of memory (nested page tables, page states): memory.c.
 */
#ifndef EMULATOR_LAYOUT_H
#define EMULATOR_LAYOUT_H

#define LAYOUT_ROM_BYTES  0x40000 /* the firmware image; QEMU wants a multiple of 64 KiB */
#define LAYOUT_ROM_BASE   (0x100000000 - LAYOUT_ROM_BYTES)
#define LAYOUT_RESET_BASE 0xFFFFF000 /* the last page of the ROM holds the reset stub */

#define LAYOUT_IMAGE_BASE  0xFFFFFFFF80000000
#define LAYOUT_IMAGE_BYTES 0x200000

/* All physical memory below 512 GiB, devices included, is mapped here. */
#define LAYOUT_DIRECT_BASE  0xFFFF800000000000
#define LAYOUT_DIRECT_BYTES 0x8000000000

/* What lies above is seen through these two pages of 1 GiB, when a device there is accessed. */
#define LAYOUT_FAR_BASE 0xFFFF808000000000

#define LAYOUT_CS   0x08
#define LAYOUT_CS64 0x18 /* in the reset stub only */
#define LAYOUT_DS   0x10

#endif
