/* SPDX-License-Identifier: MIT */
/*
 * Delivery of #VC through the guest's IDT. QEMU's EVENTINJ pushes no error code for vector 29, so
 * the monitor does by hand what the processor does: gate, code segment, stack switch, frame.
 * (APM vol. 2, 8.9 for long mode, 8.7 for legacy mode.)
 */
#ifndef EMULATOR_DELIVER_H
#define EMULATOR_DELIVER_H

#include <stdint.h>

struct vcpu;

/*
 * The error code is the exit code. If the guest's tables cannot take the exception, the guest
 * gets the fault that its processor would raise: #PF for an absent page, else #DF.
 */
void deliver_vc(struct vcpu *v, uint32_t exit_code);

#endif
