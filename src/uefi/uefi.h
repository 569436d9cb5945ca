/* SPDX-License-Identifier: MIT */
/* What src/uefi's files share. */
#ifndef SEVC_UEFI_UEFI_H
#define SEVC_UEFI_UEFI_H

#include <sevc/trap.h>
#include <sevc/uefi.h>

/* entry.S, for gate 13 around one RDMSR. */
void sevc_uefi_no_msr(void);

/* dispatch.c. 0: served, return from the exception; else the entry to hand it on to. */
uint64_t sevc_uefi_dispatch(struct sevc_trap *trap);

#endif
