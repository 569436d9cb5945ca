/* SPDX-License-Identifier: MIT */
/* The IDT, and what happens behind it. */
#include "io.h"
#include "kernel.h"

#define GATE_DPL3 0x60

struct sevc_idt_gate idt[256];

extern const char isr_stubs[], rdmsr_may_fail[], rdmsr_failed[];
bool rdmsr_try(uint32_t msr, uint64_t *value);

static void make_gate(unsigned vector)
{
    void (*stub)(void) = (void (*)(void))(uintptr_t)(isr_stubs + 16ull * vector);

    sevc_idt_make_gate(&idt[vector], stub, KERNEL_CS, 0);
}

void interrupts_load(void)
{
    static const struct {
        uint16_t limit;
        const void *base;
    } __attribute__((packed)) idtr = { sizeof(idt) - 1, idt };

    __asm__ volatile("lidt %0" : : "m"(idtr));
}

void interrupts_init(void)
{
    /* Gate 29 is the early handler's until vc_init(). */
    sevc_early_install(idt, KERNEL_CS);
    for (unsigned vector = 0; vector < 256; vector++) {
        if (vector != SEVC_VC_VECTOR)
            make_gate(vector);
    }
    idt[VECTOR_USER_EXIT].attributes |= GATE_DPL3;
    interrupts_load();
}

static void (*handlers[256])(struct sevc_trap *trap, unsigned vector);

void interrupt_set(unsigned vector, void (*handler)(struct sevc_trap *trap, unsigned vector))
{
    handlers[vector] = handler;
}

bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
    return rdmsr_try(msr, value);
}

static void exception(struct sevc_trap *trap, unsigned vector)
{
    if (vector == VECTOR_GP && trap->rip == (uint64_t)rdmsr_may_fail) {
        trap->rip = (uint64_t)rdmsr_failed;
        return;
    }
    panic_begins();
    kprintf("exception %u, error code 0x%lx, at %lx:0x%lx, stack 0x%lx\n", vector, trap->error_code,
            trap->cs, trap->rip, trap->rsp);
    panic("unexpected exception");
}

void interrupt(struct sevc_trap *trap, unsigned vector)
{
    if (handlers[vector] != NULL)
        handlers[vector](trap, vector);
    else if (vector == VECTOR_USER_EXIT)
        user_exit(trap);
    else if (vector != VECTOR_SPURIOUS)
        exception(trap, vector);
}

/* doc: trap-deliver */
/*
 * The exception that the instruction itself would have raised. The frame of #VC has the form that
 * all handlers of this kernel expect, so it is handed to the right one, which may change it.
 */
void trap_deliver(struct sevc_trap *trap, const struct sevc_fault *fault)
{
    trap->error_code = fault->error_code;
    if (fault->vector == VECTOR_PF)
        write_cr2(fault->cr2);
    interrupt(trap, fault->vector);
}
/* doc: end */
