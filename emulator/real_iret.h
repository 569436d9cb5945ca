/* SPDX-License-Identifier: MIT */
/*
 * IRET in real mode, on the way down from protected mode: SS keeps its 32-bit size there, and the
 * stack may lie above 64 KiB. QEMU cuts SP to 16 bits; firmware that parks a processor so that
 * an operating system can start it (EDK2) goes this way.
 */
#ifndef EMULATOR_REAL_IRET_H
#define EMULATOR_REAL_IRET_H

#include <stdbool.h>

struct vcpu;

/* The guest has cleared CR0.PE: its next IRET is watched. */
void real_iret_expect(struct vcpu *v);

/* At an IRET that is intercepted. Result: false if it is not this one's. */
bool real_iret_handle(struct vcpu *v);

#endif
