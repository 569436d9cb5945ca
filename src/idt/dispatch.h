/* SPDX-License-Identifier: MIT */
/* What the stubs call. */
#ifndef SEVC_IDT_DISPATCH_H
#define SEVC_IDT_DISPATCH_H

#include <sevc/cpu.h>
#include <sevc/nmi.h>
#include <sevc/trap.h>

/* entry.S. cpu: NULL until sevc_cpu_init(). */
void sevc_vc_dispatch(struct sevc_trap *trap, struct sevc_cpu *cpu);

/* plain.S */
void sevc_vc_dispatch_plain(struct sevc_trap *trap);

/* early.S */
void sevc_early_dispatch(struct sevc_trap *trap);

/* nmi.S */
void sevc_nmi_dispatch(struct sevc_trap *trap, struct sevc_nmi_stack *stack);

#endif
