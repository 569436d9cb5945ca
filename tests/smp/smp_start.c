/* SPDX-License-Identifier: MIT */
/* Cases about processors that start, stop, and work at the same time. */
#include "smp.h"

static void spin(unsigned long turns)
{
    for (unsigned long i = 0; i < turns; i++)
        pause();
}

/* Everybody comes through the jump table, once, on the right processor. */
static void start(void)
{
    wake_all();
    for (unsigned i = 1; i < cpu_count; i++) {
        send_icr(i, ICR_SIPI); /* as operating systems do; nobody waits for it any more */
        CHECK(cpus[i].alive == 1);
    }
}

static void start_work(struct cpu *c)
{
    uint32_t ebx, eax = 1, ecx = 0, edx;

    CHECK((mmio_read32(LAPIC + 0x20) >> 24) == c->index);
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    CHECK(ebx >> 24 == c->index);
    for (;;)
        pause();
}

static void one(void)
{
    CHECK(cpu_count == 1 && jump_table() == 0);
}

/* ---- VMGEXITs at the same time ---- */

#define ROUNDS 1000

static void parallel_work(struct cpu *c)
{
    for (; c->rounds < ROUNDS; c->rounds++) {
        ghcb_out(0xED, 1, (uint8_t)c->rounds);
        CHECK(cpuid_eax(0x80000000) >= 0x8000001F);
        CHECK((mmio_read32(LAPIC + 0x20) >> 24) == c->index);
    }
    CHECK(c->vcs == ROUNDS);
}

static void parallel(void)
{
    wake_all();
    parallel_work(&cpus[0]);
    for (unsigned i = 0; i < cpu_count; i++) {
        while (cpus[i].rounds < ROUNDS || (i > 0 && !cpus[i].offline))
            pause();
    }
}

/* ---- off and on again ---- */

#define CYCLES 100

static void offline_work(struct cpu *c)
{
    for (;;) {
        c->rounds++;
        hold(c, c->rounds % 2 != 0);
        CHECK(cpuid_eax(0x80000000) >= 0x8000001F);
    }
}

static void offline(void)
{
    wake_all();
    for (unsigned cycle = 1; cycle <= CYCLES; cycle++) {
        for (unsigned i = 1; i < cpu_count; i++) {
            while (cpus[i].rounds != cycle || !cpus[i].offline)
                pause();
            while (cpus[i].rounds == cycle) { /* sent too early, it would be lost */
                send_icr(i, ICR_INIT);
                send_icr(i, ICR_SIPI);
                spin(10000);
            }
        }
    }
}

/* ---- INIT and SIPI that mean nothing ---- */

static void sipi_alone(void)
{
    point_jump_table();
    send_icr(1, ICR_SIPI);
    send_icr(1, 0x8500); /* INIT, de-asserted */
    send_icr(1, ICR_SIPI);
    spin(200000);
    CHECK(cpus[1].alive == 0);
    wake(1);
    send_icr(1, ICR_INIT); /* it runs */
    send_icr(1, ICR_SIPI);
    spin(200000);
    CHECK(cpus[1].alive == 1);
}

/* INIT-SIPI to all but the sender, as firmware sends it; physical broadcast, and logical. */
static void broadcast(void)
{
    point_jump_table();
    for (unsigned i = 1; i < cpu_count; i++)
        cpus[i].alive = 0;
    /* One stack for all would not do: one at a time gets its SIPI. */
    send_icr(0, ICR_INIT | 3u << 18);
    wake(1);
    CHECK(cpus[1].alive == 1);
    send_icr(0xFF, ICR_NMI); /* all, the sender too */
    while (cpus[0].nmis != 1 || cpus[1].nmis != 1)
        pause();
    mmio_write32(LAPIC + 0xD0, 1u << 24);
    send_icr(1, ICR_NMI | 1u << 11); /* logical 1: the sender */
    CHECK(cpus[0].nmis == 2 && cpus[1].nmis == 1);
}

static void empty_table(void)
{
    send_icr(1, ICR_INIT);
    send_icr(1, ICR_SIPI);
    spin(1000000);
}

/* ---- ends ---- */

static void spin_for_ever(struct cpu *c)
{
    (void)c;
    for (;;)
        pause();
}

static void end_work(struct cpu *c)
{
    while (!cpus[0].offline)
        pause();
    finish(70 + c->index);
}

static void ends_on_another(void)
{
    wake_all();
    cpus[0].offline = true;
    spin_for_ever(&cpus[0]);
}

static void wrong_work(struct cpu *c)
{
    ghcb_begin(c->ghcb, 0x7B, 0xED0010, 0);
    ghcb_put(c->ghcb, 0x1F8, 1);
    ghcb_put(c->ghcb, 0x308, 1); /* RCX: nobody needs it */
    ghcb_call(c->ghcb);
}

static void wrong_on_another(void)
{
    wake_all();
    spin_for_ever(&cpus[0]);
}

static void all_halted(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* The last that runs asks for the hold. */
static void all_held(void)
{
    hold(&cpus[0], false);
}

/* HLT with interrupts off is an end only if nobody else runs; an NMI wakes. */
static void halt_work(struct cpu *c)
{
    for (;;) {
        c->offline = true;
        __asm__ volatile("cli; hlt");
        c->offline = false;
        c->rounds++;
    }
}

static void halt_nmi(void)
{
    wake_all();
    for (unsigned round = 1; round <= 50; round++) {
        for (unsigned i = 1; i < cpu_count; i++) {
            while (!cpus[i].offline)
                pause();
            send_icr(i, ICR_NMI);
            while (cpus[i].rounds < round) /* the NMI may have come before the HLT */
                if (cpus[i].nmis >= round && cpus[i].offline)
                    send_icr(i, ICR_NMI), spin(1000);
        }
    }
}

const struct smp_case smp_start_cases[] = {
    { "start", start, start_work, 0 },
    { "one", one, 0, 0 },
    { "parallel", parallel, parallel_work, 0 },
    { "offline", offline, offline_work, 0 },
    { "sipi-alone", sipi_alone, spin_for_ever, 0 },
    { "broadcast", broadcast, spin_for_ever, 0 },
    { "empty-table", empty_table, 0, 0 },
    { "ends-on-another", ends_on_another, end_work, 0 },
    { "wrong-on-another", wrong_on_another, wrong_work, 0 },
    { "all-halted", all_halted, 0, 0 },
    { "all-held", all_held, 0, 0 },
    { "halt-nmi", halt_nmi, halt_work, 0 },
    { 0, 0, 0, 0 },
};
