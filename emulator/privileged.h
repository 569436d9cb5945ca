/* SPDX-License-Identifier: MIT */
/*
 * Privileged state that a real SEV-ES guest changes without its host: the GHCB MSR, SEV_STATUS,
 * EFER, and CR0 (whose paging bit chooses the nested root). The monitor executes these accesses
 * itself; no #VC comes of them. Every other MSR is reflected.
 */
#ifndef EMULATOR_PRIVILEGED_H
#define EMULATOR_PRIVILEGED_H

struct vcpu;

void privileged_msr(struct vcpu *v);
void privileged_write_cr0(struct vcpu *v);

#endif
