/* SPDX-License-Identifier: MIT */
/* The runtime gate. Not in gate.c, which the early archive has: this one names the runtime entries. */
#include <sevc/idt.h>
#include <sevc/svm.h>

void sevc_idt_set(struct sevc_idt_gate *idt, uint16_t code_selector, unsigned ist)
{
    sevc_idt_make_gate(&idt[SEVC_VC_VECTOR], ist != 0 ? sevc_vc_entry : sevc_vc_entry_plain,
                       code_selector, ist);
}
