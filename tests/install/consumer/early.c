/* SPDX-License-Identifier: MIT */
/* Needs libsevc_early.a alone: no hook, no GHCB. */
#include <sevc/ghcb.h>
#include <sevc/idt.h>

void start(void);

static struct sevc_idt_gate idt[SEVC_EARLY_IDT_GATES];

void start(void)
{
    sevc_early_install(idt, 8);
    sevc_terminate(SEVC_TERM_GENERAL);
}
