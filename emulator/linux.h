/* SPDX-License-Identifier: MIT */
/*
 * Linux without firmware: a bzImage and an initial RAM disk from fw_cfg, started at the kernel's
 * 64-bit entry point by its boot protocol (Linux, Documentation/x86/boot.rst, 1.15), with QEMU's
 * ACPI tables. The kernel finds out by itself that it is an SEV-ES guest.
 */
#ifndef EMULATOR_LINUX_H
#define EMULATOR_LINUX_H

#include <stdbool.h>

#include "vcpu.h"

/* Whether the launcher has handed over opt/sevc/linux. */
bool linux_is_wanted(void);

/* Loads it, and makes what it finds at its entry; ends the run with a reason if that fails. */
void linux_prepare(struct vcpu_entry *entry);

#endif
