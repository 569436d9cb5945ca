/* SPDX-License-Identifier: MIT */
/*
 * The nested page tables. Every page of guest RAM has two guest-physical names ("aliases"): with
 * the C-bit clear and with it set. Which of them is mapped, and so which one faults, is for
 * view.c to decide; nothing but RAM is ever mapped, so every other access is an MMIO exit.
 */
#ifndef EMULATOR_NPT_H
#define EMULATOR_NPT_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"

#define NPT_C_BIT (1ull << DEVICE_C_BIT)

enum npt_access {
    NPT_NONE,
    NPT_DATA, /* read and write, no instruction fetch */
    NPT_FULL,
    NPT_READ, /* read only */
    NPT_ROM,  /* read and instruction fetch */
};

/* Builds tables for all guest RAM, nothing mapped yet. */
void npt_init(void);

/*
 * gpa: of a page of guest RAM or of the firmware's image, with or without the C-bit: the alias that is changed. page: the
 * physical page that it shows.
 */
void npt_set(uint64_t gpa, uint64_t page, enum npt_access access);

/* Shows the guest a page of the monitor's, read-only, at a C=1 address where there is no RAM. */
void npt_set_garbage(uint64_t gpa, const void *page);

/*
 * The nested CR3. Without paging, and with paging that has no room for a C-bit, every access of
 * the guest is private (APM vol. 2, 15.34.5): that root shows the C=1 aliases at C=0 addresses.
 */
uint64_t npt_root(bool guest_has_c_bit);

#endif
