/* SPDX-License-Identifier: MIT */
/*
 * Non-maskable interrupts for the guest, and the window in which one may arrive. The host of an
 * SEV-ES guest does not see IRET's effect in time, so the guest says when its handler is done
 * (GHCB spec 2.03, 4.1.8); docs/emulator.md, "NMIs", has the rules.
 */
#ifndef EMULATOR_NMI_H
#define EMULATOR_NMI_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct nmi {
    bool kept;       /* waits for the window, or for the next VMRUN */
    bool in_flight;  /* has arrived: the window is closed */
    bool chain_next; /* the kept one follows a NMI_COMPLETE at once (nmi-storm=immediate) */
    bool chained;    /* the one in flight did */
    bool armed;      /* the guest has shown that it can take NMIs */
    bool stepping;   /* over an IRET, to see what is behind it */
    bool returned;   /* the one in flight has been returned from, without NMI_COMPLETE */
    uint64_t rsp;    /* of what the one in flight has interrupted */
    uint64_t dr6;    /* before that step */
    bool trap_flag;  /* likewise: the guest steps over it, too */

    uint64_t sent, completed, merged, lost, dropped, idle_completes;
};

/* An NMI for this processor. */
void nmi_request(struct vcpu *v);

/* Directly before VMRUN: an NMI that is kept goes in, if the window is open. */
void nmi_before_run(struct vcpu *v);

/* The guest's NMI_COMPLETE, its IRET (exit 0x74), and the step over it (exit 0x41). */
void nmi_complete(struct vcpu *v);
void nmi_iret(struct vcpu *v);
void nmi_stepped(struct vcpu *v);
/* Instead of the step something else comes: a later IRET will be stepped over. */
void nmi_abandon_step(struct vcpu *v);

void nmi_disarm(struct vcpu *v);
/* What INIT does: nothing is pending, the window is open. */
void nmi_reset(struct vcpu *v);

/* Whether something is to be learnt from the guest's next IRET. */
bool nmi_waits_for_iret(const struct vcpu *v);

/* One line for each processor that has had to do with NMIs. */
void nmi_report(void);

/*
 * The processors, "0,2", that have forgotten NMI_COMPLETE: an NMI handler has returned without it,
 * and another NMI has been kept waiting for it to the end. TO has room for all. Result: TO.
 */
const char *nmi_forgotten(char *to);
#define NMI_FORGOTTEN_BYTES 32

#endif
