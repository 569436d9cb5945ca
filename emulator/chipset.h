/* SPDX-License-Identifier: MIT */
/*
 * The chips of QEMU's two mainboards, as far as they belong to firmware: where the power
 * management registers lie (PIIX4 and ICH9 data sheets), and memory types. Also the power switch
 * among those registers.
 */
#ifndef EMULATOR_CHIPSET_H
#define EMULATOR_CHIPSET_H

#include <stdbool.h>
#include <stdint.h>

/* What firmware does before it asks QEMU for ACPI tables, which then say where things are. */
void chipset_init(void);

/*
 * The part of it that each processor does for itself: memory is write-back, as the default MTRR
 * type. Nothing without chipset_init(): then other firmware does both.
 */
void chipset_init_processor(void);

/* Whether a write to a port asks for ACPI state S5 (ACPI 6.4, 4.8.3.2.1), now, wherever it is. */
bool chipset_is_power_off(uint16_t port, unsigned size, uint32_t value);

#endif
