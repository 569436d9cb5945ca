/* SPDX-License-Identifier: MIT */
/*
 * Several processors in one monitor. Guests run at the same time; everything that the monitor does
 * for them happens under one lock, taken at each exit and given back at each VMRUN.
 *
 * A processor that runs its guest is called out by an NMI, which is intercepted: INTR would be the
 * guest's. With GIF clear an NMI waits, so a kick between the lock and VMRUN is not lost.
 */
#ifndef EMULATOR_SMP_H
#define EMULATOR_SMP_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct smp_state {
    bool in_guest; /* between smp_enter() and smp_leave(); read by the others */
    bool kicked;   /* an NMI has been sent that has not been taken yet */
    uint64_t kicks, exits;
};

/* How many processors there are; 1 until smp_start(). */
extern unsigned smp_count;

void smp_lock(struct vcpu *v);
void smp_unlock(void);

/* The processor that holds the lock; NULL before the first guest runs. */
struct vcpu *smp_current(void);

/* Around VMRUN: the lock is given back, and taken again. */
void smp_enter(struct vcpu *v);
void smp_leave(struct vcpu *v);

/* Makes a processor exit soon, or, if it is held, look again. Also for the caller's own. */
void smp_kick(struct vcpu *v);

/*
 * Returns when no other processor runs its guest; none can before the lock is given back. Their
 * TLBs are empty when they go on: QEMU flushes at VMRUN.
 *
 * @frame: what is about to change. If another processor has brought it into its present state
 *         and has not executed anything since, it is given a moment: else two that want the same
 *         page each in their own way would never get anywhere.
 */
void smp_stop_others(uint64_t frame);

#define SMP_NO_FRAME (~0ull)

/* Before report_end(): the others stop for good. The lock is kept. */
void smp_stop_for_good(void);

uint64_t smp_kicks(void);

#endif
