/* SPDX-License-Identifier: MIT */
/*
 * QEMU's ACPI tables, put together as its "table loader" script says (QEMU,
 * hw/acpi/bios-linker-loader.c): which files of fw_cfg go to memory, which pointers between them
 * are to be made absolute, which checksums are due. QEMU writes the tables when they are read, so
 * the chips must be programmed before.
 */
#ifndef EMULATOR_ACPI_H
#define EMULATOR_ACPI_H

#include <stdint.h>

/* Puts the tables into pages of the boot area. Result: the address of the RSDP. */
uint64_t acpi_install(void);

#endif
