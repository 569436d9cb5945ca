/* SPDX-License-Identifier: MIT */
/*
 * The malicious host: the lies that a hypervisor can tell an SEV-ES guest, on request
 * (opt/sevc/config, docs/hostile.md). The monitor stays what it is; it asks here at the few
 * moments at which a host has the guest in its hands. Without "hostile=" each call returns at once.
 */
#ifndef EMULATOR_HOSTILE_H
#define EMULATOR_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "ghcb_server.h"
#include "report.h"

struct vcpu;

/* A pair of opt/sevc/config. Result: true if the key is one of ours and the value is good. */
bool hostile_option(const char *key, const char *value);

/*
 * Around ghcb_server_vmgexit(). before: takes back what this host itself has left in the page, and
 * looks for the guest's secrets in it. after: the reply, or the response in the MSR, may be
 * changed; so may the outcome of a termination request.
 *
 * page: as for ghcb_server_vmgexit().
 */
void hostile_before_service(struct vcpu *v, uint8_t *page, const struct vcpu_where *where);
void hostile_after_service(struct vcpu *v, uint8_t *page, const struct vcpu_where *where,
                           enum ghcb_outcome *outcome);

/* The guest reads the GHCB MSR, which may be changed: what it holds at reset is the host's word. */
void hostile_before_msr_read(struct vcpu *v);

/*
 * Around VMRUN. before: the guest stands between two instructions; a #VC may be injected there.
 * Result of after: true if the exit was of the host's own making, and is dealt with.
 */
void hostile_before_run(struct vcpu *v);
bool hostile_after_run(struct vcpu *v);

/* No nested mapping. gpa: without the C-bit. Result: true if the host had withheld the page: it is
 * there again. */
bool hostile_give_back(uint64_t gpa);

/*
 * A data access with the C-bit set had no nested mapping. given_back: as above. Result: true if
 * the guest has been told that it is MMIO.
 */
bool hostile_private_fault(struct vcpu *v, bool given_back);

/* HLT after a termination that was refused. Result: true if the guest goes on behind it. */
bool hostile_wakes_halt(struct vcpu *v);

/* At the end of the run, before the verdict: tells how often each mode has lied. */
/* Result: the name of a mode that never did, else NULL. */
const char *hostile_summary(void (*line)(const char *format, ...) REPORT_PRINTF(1, 2));

#endif
