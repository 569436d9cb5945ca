/* SPDX-License-Identifier: MIT */
/* What the monitor does with each exit of the guest. */
#ifndef EMULATOR_EXITS_H
#define EMULATOR_EXITS_H

struct vcpu;

void exits_handle(struct vcpu *v);

#endif
