/* SPDX-License-Identifier: MIT */
/* How many processors QEMU has, and how the others come out of reset. */
#ifndef EMULATOR_SMP_START_H
#define EMULATOR_SMP_START_H

struct ghcb_platform;
struct vcpu_entry;

/* Sets smp_count. Before boot_prepare(). */
void smp_find_processors(void);

/* Brings the others to their first instruction: each is in AP reset hold when this returns. */
void smp_start_processors(struct ghcb_platform *platform, const struct vcpu_entry *entry);

#endif
