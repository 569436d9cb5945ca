/* SPDX-License-Identifier: MIT */
/*
 * The page tables that a guest starts with: the first 4 GiB and all RAM at their own addresses,
 * RAM with the C-bit and everything else without, and each segment of the kernel at its virtual
 * address. Everything is writable and executable: the guest builds its own as soon as it can.
 */
#ifndef EMULATOR_BOOT_PAGING_H
#define EMULATOR_BOOT_PAGING_H

#include "loader.h"

/* kernel: NULL for the identity map alone. Result: the guest's CR3. */
uint64_t boot_paging_build(const struct loader_kernel *kernel);

#endif
