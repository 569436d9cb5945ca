/* SPDX-License-Identifier: MIT */
/*
 * HLT. A real host sees it as an automatic exit. Here it is watched for one reason: a guest that
 * halts with interrupts off, where no other processor and no NMI can end that, stays so for ever,
 * and its author should not wait for a time-out.
 */
#ifndef EMULATOR_HALT_H
#define EMULATOR_HALT_H

struct vcpu;

void halt_handle(struct vcpu *v);
void halt_kicked(struct vcpu *v); /* by an NMI of the monitor's own: the sleep goes on */
void halt_wake(struct vcpu *v);   /* if it sleeps: an NMI of the guest is coming */
void halt_interrupted(struct vcpu *v);
/* If it sleeps: something else comes instead, with RIP on the HLT still. */
void halt_abandon(struct vcpu *v);

#endif
