/* SPDX-License-Identifier: MIT */
/* Cases about NMIs: when one arrives, and when none may. */
#include "smp.h"

static void self_nmi(void)
{
    send_icr(0, ICR_NMI);
}

/* ---- one processor ---- */

static void nmi_self(void)
{
    for (unsigned i = 1; i <= 5; i++) {
        self_nmi();
        CHECK(cpus[0].nmis == i && cpus[0].nmi_depth == 0);
        /* It came before the instruction behind the request's VMGEXIT. */
        CHECK(cpus[0].nmi_rip == (uint64_t)vmgexit_end);
    }
    nmi_complete(&cpus[0]); /* without an NMI: harmless */
    CHECK(cpus[0].nmis == 5);
}

/* Sends one from within an NMI handler: by the GHCB that is free there. */
static void nmi_from_handler(struct cpu *c)
{
    volatile uint8_t *program = c->ghcb;
    uint64_t msr = rdmsr(0xC0010130);

    c->ghcb = c->nmi_ghcb;
    self_nmi();
    c->ghcb = program;
    wrmsr(0xC0010130, msr);
}

static void window_on_nmi(struct cpu *c, struct frame *frame)
{
    (void)frame;
    if (c->nmis == 1) {
        for (unsigned i = 0; i < 3; i++)
            nmi_from_handler(c);
        cpuid_eax(0x80000000); /* an IRET that is not the handler's */
        CHECK(c->nmis == 1);
        nmi_complete(c);
        /* The one that was kept has come and gone; the other two were merged into it. */
        CHECK(c->nmis == 2 && c->nmi_depth == 1 && c->nmi_depth_max == 2);
        CHECK(c->nmi_rip == (uint64_t)vmgexit_end);
        return;
    }
    nmi_complete(c);
}

static void nmi_window(void)
{
    self_nmi();
    CHECK(cpus[0].nmis == 2);
    self_nmi();
    CHECK(cpus[0].nmis == 3);
}

static void forget(struct cpu *c, struct frame *frame)
{
    (void)c;
    (void)frame;
}

/* The IRET of the #VC is not the one that ends the handler. */
static void forget_after_vc(struct cpu *c, struct frame *frame)
{
    (void)c;
    (void)frame;
    cpuid_eax(0x80000000);
}

static void nmi_forgotten(void)
{
    for (unsigned i = 0; i < 5; i++)
        self_nmi();
    CHECK(cpus[0].nmis == 1);
}

/* Behind the handler's IRET, which is late, but not too late. */
static void nmi_late(void)
{
    self_nmi();
    self_nmi();
    CHECK(cpus[0].nmis == 1);
    nmi_complete(&cpus[0]);
    CHECK(cpus[0].nmis == 2);
}

/* A guest may end when it likes: another NMI waits, but nobody has returned from the first. */
static void end_on_nmi(struct cpu *c, struct frame *frame)
{
    (void)frame;
    nmi_from_handler(c);
    cpuid_eax(0x80000000); /* an IRET, but not the handler's */
    CHECK(c->nmis == 1);
    finish(0);
}

static void nmi_ends_inside(void)
{
    self_nmi();
    finish(__LINE__);
}

/* nmi-window=iret: the same handler will do. */
static void nmi_iret(void)
{
    for (unsigned i = 1; i <= 5; i++) {
        self_nmi();
        CHECK(cpus[0].nmis == i);
    }
}

static uint64_t first_rip;

static void iret_on_nmi(struct cpu *c, struct frame *frame)
{
    if (c->nmis == 1) {
        first_rip = frame->rip;
        nmi_from_handler(c);
        nmi_from_handler(c);
        CHECK(c->nmis == 1);
    }
}

/* The kept one arrives directly behind the IRET, where the first had interrupted. */
static void nmi_iret_kept(void)
{
    self_nmi();
    CHECK(cpus[0].nmis == 2 && cpus[0].nmi_depth_max == 1 && cpus[0].nmi_rip == first_rip);
}

/* nmi-storm=immediate: each is followed by another, before the handler's next instruction. */
static void nmi_immediate(void)
{
    for (unsigned i = 1; i <= 10; i++) {
        self_nmi();
        CHECK(cpus[0].nmis == 2 * i && cpus[0].nmi_depth_max == 2);
        CHECK(cpus[0].nmi_rip == (uint64_t)vmgexit_end);
    }
}

/* ---- several ---- */

static void spin_for_ever(struct cpu *c)
{
    (void)c;
    for (;;)
        pause();
}

static void nmi_other(void)
{
    wake_all();
    for (unsigned round = 1; round <= 100; round++) {
        for (unsigned i = 1; i < cpu_count; i++) {
            send_icr(i, ICR_NMI);
            while (cpus[i].nmis != round || cpus[i].nmi_depth != 0)
                pause();
        }
    }
}

static void nmi_held(void)
{
    send_icr(1, ICR_NMI);
    send_icr(1, ICR_NMI);
    wake_all();
    for (unsigned i = 0; i < 100000; i++)
        pause();
    CHECK(cpus[1].nmis == 0);
    send_icr(1, ICR_NMI);
    while (cpus[1].nmis != 1)
        pause();
}

/* ---- storms ---- */

static void storm_work(struct cpu *c)
{
    mmio_write32(LAPIC + 0xF0, 0x1FF);
    nmi_complete(c); /* ready */
    for (; c->rounds < 2000; c->rounds++) {
        uint32_t leaf = cpuid_eax(0x80000000);
        CHECK(leaf >= 0x8000001F && leaf < 0x80000100);
        ghcb_out(0xED, 1, (uint8_t)c->rounds);
        CHECK((mmio_read32(LAPIC + 0x20) >> 24) == c->index);
        __asm__ volatile("sti; nop; nop; cli");
    }
    c->offline = true;
}

static void storm(void)
{
    if (cpu_count > 1)
        wake_all();
    storm_work(&cpus[0]);
    for (unsigned i = 0; i < cpu_count; i++) {
        while (!cpus[i].offline)
            pause();
        CHECK(cpus[i].nmis > 0);
    }
}

const struct smp_case smp_nmi_cases[] = {
    { "nmi-self", nmi_self, 0, 0 },
    { "nmi-window", nmi_window, 0, window_on_nmi },
    { "nmi-forgotten", nmi_forgotten, 0, forget_after_vc },
    { "nmi-late", nmi_late, 0, forget },
    { "nmi-ends-inside", nmi_ends_inside, 0, end_on_nmi },
    { "nmi-iret", nmi_iret, 0, forget },
    { "nmi-iret-kept", nmi_iret_kept, 0, iret_on_nmi },
    { "nmi-immediate", nmi_immediate, 0, 0 },
    { "nmi-other", nmi_other, spin_for_ever, 0 },
    { "nmi-held", nmi_held, spin_for_ever, 0 },
    { "storm", storm, storm_work, 0 },
    { 0, 0, 0, 0 },
};
