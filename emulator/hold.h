/* SPDX-License-Identifier: MIT */
/*
 * AP reset hold. The host cannot set the registers of an SEV-ES guest, so INIT-SIPI cannot start a
 * processor: one that is to be started waits in a VMGEXIT, whose answer is all that the SIPI
 * changes. Where to go, the guest looks up in its AP jump table (GHCB spec 2.03, 4.3).
 */
#ifndef EMULATOR_HOLD_H
#define EMULATOR_HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct hold {
    bool held;
    bool init;    /* an INIT has come since: the next SIPI counts */
    bool reset;   /* nothing has run since the reset: firmware says where to start */
    bool by_page; /* the request was an NAE event, in the GHCB at ghcb_gpa */
    uint64_t ghcb_gpa;
};

/* The guest's processor has asked for it. Ends the run if nobody is left to wake it. */
void hold_enter(struct vcpu *v);

/* Before v's first instruction, under firmware: as a reset leaves it. */
void hold_from_reset(struct vcpu *v);

/* On v's own processor, with the lock: returns when v may run. */
void hold_wait(struct vcpu *v);

/* INIT and SIPI, as a guest's processor sends them to v. */
void hold_init(struct vcpu *v, const struct vcpu *from);
void hold_sipi(struct vcpu *v, const struct vcpu *from);

/* Whether no processor can ever run again: each is held, or halted with interrupts off. */
bool hold_is_forever(void);

#endif
