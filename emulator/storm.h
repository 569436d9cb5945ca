/* SPDX-License-Identifier: MIT */
/*
 * NMIs and interrupts at random instruction boundaries (nmi-storm=, irq-storm=, seed=). The clock
 * is the HPET, whose interrupts reach every processor as NMIs, so they are exits whatever the guest
 * masks; under QEMU's -icount it counts instructions, and a run repeats exactly.
 */
#ifndef EMULATOR_STORM_H
#define EMULATOR_STORM_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* Starts the clock, if the configuration wants a storm. */
void storm_start(void);

/* Under the lock, after an NMI has called a processor out of its guest. */
void storm_tick(void);

/* Whether the storm will send NMIs to this processor. */
bool storm_reaches(const struct vcpu *v);

/* The HPET is the storm's while there is one. */
bool storm_owns(uint64_t gpa);

#endif
