/* SPDX-License-Identifier: MIT */
/* Interrupt gates, and the IDT of the first moment: part of libsevc_early.a. */
#include <sevc/idt.h>
#include <sevc/svm.h>

#include "../arch/arch.h"

#define GATE_PRESENT   0x80u
#define GATE_INTERRUPT 0x0Eu /* 64-bit interrupt gate; DPL, bits 6:5, is 0 */

_Static_assert(sizeof(struct sevc_idt_gate) == 16, "APM vol. 2, 4.8.4");

void sevc_idt_make_gate(struct sevc_idt_gate *gate, void (*entry)(void), uint16_t code_selector,
                        unsigned ist)
{
    uint64_t address = (uint64_t)(uintptr_t)entry;

    gate->offset_low = (uint16_t)address;
    gate->selector = code_selector;
    gate->ist = (uint8_t)(ist & 7);
    gate->attributes = GATE_PRESENT | GATE_INTERRUPT;
    gate->offset_middle = (uint16_t)(address >> 16);
    gate->offset_high = (uint32_t)(address >> 32);
    gate->reserved = 0;
}

void sevc_early_install(struct sevc_idt_gate *idt, uint16_t code_selector)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } descriptor = {
        .limit = SEVC_EARLY_IDT_GATES * sizeof(*idt) - 1,
        .base = (uint64_t)(uintptr_t)idt,
    };

    for (unsigned vector = 0; vector < SEVC_VC_VECTOR; vector++) {
        idt[vector] = (struct sevc_idt_gate){ 0 };
    }
    sevc_idt_make_gate(&idt[SEVC_VC_VECTOR], sevc_early_entry, code_selector, 0);
    sevc_arch_lidt(&descriptor);
}
