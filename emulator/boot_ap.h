/* SPDX-License-Identifier: MIT */
/*
 * What firmware leaves behind for the other processors: the code in which they wait, and the AP
 * jump table. Two private pages at the top of the RAM below 640 KiB.
 */
#ifndef EMULATOR_BOOT_AP_H
#define EMULATOR_BOOT_AP_H

#include <stdint.h>

#define BOOT_AP_START      0x9E000ull
#define BOOT_AP_JUMP_TABLE 0x9F000ull
#define BOOT_AP_END        0xA0000ull

/* Result: the real-mode segment at whose offset 0 a processor waits. */
uint16_t boot_ap_prepare(void);

/* CS:IP in the jump table as it is now; 0 also if the page is in its shared view. */
uint32_t boot_ap_jump_target(void);

#endif
