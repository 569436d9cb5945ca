/* SPDX-License-Identifier: MIT */
/* The runtime gate: not in gate.c, because the early archive has no runtime entries to name. */
#include <sevc/idt.h>
#include <sevc/svm.h>

void sevc_idt_set(struct sevc_idt_gate *idt, uint16_t code_selector, unsigned ist)
{
    sevc_idt_make_gate(&idt[SEVC_VC_VECTOR], ist != 0 ? sevc_vc_entry : sevc_vc_entry_plain,
                       code_selector, ist);
}
