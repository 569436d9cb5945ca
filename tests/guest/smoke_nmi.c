/* SPDX-License-Identifier: MIT */
/* Cases about NMIs, whose window an IRET opens: what the platform does there shows nowhere. */
#include "smoke.h"

#define ICR_SELF (1u << 18)
#define ICR_NMI  (4u << 8)

static volatile uint64_t nmis, steps;
extern uint64_t nmis_alias __attribute__((alias("nmis")));
extern uint64_t steps_alias __attribute__((alias("steps")));

static __attribute__((naked)) void count_step(void)
{
    __asm__ volatile("incq steps_alias(%rip)\n"
                     "andq $~0x100, 16(%rsp)\n"
                     "iretq\n");
}

/* As a debugger's: the interrupted code is to be stepped. */
static __attribute__((naked)) void step_interrupted(void)
{
    __asm__ volatile("incq nmis_alias(%rip)\n"
                     "orq $0x100, 16(%rsp)\n"
                     "iretq\n");
}

/* A handler that is itself stepped when it returns. */
static __attribute__((naked)) void step_return(void)
{
    __asm__ volatile("incq nmis_alias(%rip)\n"
                     "pushfq\n"
                     "orq $0x100, (%rsp)\n"
                     "popfq\n"
                     "iretq\n");
}

void nmi_to_self(void)
{
    mmio_write32(LAPIC + 0x300, ICR_SELF | ICR_NMI);
}

void send_nmi(void (*handler)(void))
{
    set_gate(2, (uint64_t)handler, 0, 0xE);
    mmio_write32(LAPIC + 0xF0, 0x1FF);
    nmi_to_self();
}

static void nmi_steps_guest(void)
{
    set_gate(1, (uint64_t)count_step, 0, 0xE);
    send_nmi(step_interrupted);
    CHECK(nmis == 1 && steps == 1);
}

static void nmi_is_stepped(void)
{
    uint64_t dr6;

    set_gate(1, (uint64_t)count_step, 0, 0xE);
    send_nmi(step_return);
    CHECK(nmis == 1 && steps == 1);
    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    CHECK((dr6 & 1 << 14) != 0); /* BS */
}

static void sleep_with_another_kept(void)
{
    nmi_to_self();
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* The second NMI waits for the end of the first one's handler, which waits for the second. */
static void nmi_halts(void)
{
    send_nmi(sleep_with_another_kept);
}

const struct smoke_case smoke_nmi[] = {
    { "nmi-steps-guest", nmi_steps_guest },
    { "nmi-is-stepped", nmi_is_stepped },
    { "nmi-halts", nmi_halts },
    { 0, 0 },
};
