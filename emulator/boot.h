/* SPDX-License-Identifier: MIT */
/* What the guest finds at its entry: docs/emulator.md, "Boot contract". */
#ifndef EMULATOR_BOOT_H
#define EMULATOR_BOOT_H

#include "loader.h"
#include "vcpu.h"

/*
 * Puts modules, page tables, start information and a stack at the top of the guest's RAM below
 * 4 GiB, all of it private.
 */
void boot_prepare(const struct loader_kernel *kernel, struct vcpu_entry *entry);

#endif
