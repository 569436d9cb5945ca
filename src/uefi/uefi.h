/* SPDX-License-Identifier: MIT */
/* What src/uefi's files share. */
#ifndef SEVC_UEFI_UEFI_H
#define SEVC_UEFI_UEFI_H

#include <stdbool.h>

#include <sevc/trap.h>
#include <sevc/uefi.h>

/* entry.S, for gate 13 around one RDMSR. */
void sevc_uefi_no_msr(void);

/* enter.c: may GPA be a GHCB's: a page, mapped where UEFI has it, shared and writable? */
bool sevc_uefi_is_shared(const struct sevc_uefi *uefi, uint64_t gpa);

/* dispatch.c. 0: served, return from the exception; else the entry to hand it on to. */
uint64_t sevc_uefi_dispatch(struct sevc_trap *trap);

#endif
