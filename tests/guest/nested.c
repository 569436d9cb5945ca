/* SPDX-License-Identifier: MIT */
/*
 * A #VC while the GHCB is in use: by a session of the kernel's own, and by an NMI that arrives in the
 * middle of the handler. The outer exchange must not notice.
 */
#include "guest.h"

#define APIC_ICR_LOW 0x300
#define ICR_NMI_SELF 0x00044400u /* destination: self; delivery mode: NMI */
#define VECTOR_NMI   2
#define PORT_SCRATCH (PORT_UART + 7)

/* The kernel has filled the GHCB, and raises #VC before it has exchanged it. */
static void test_open_session(void)
{
    struct cpuid wanted = cpuid(1, 0);
    struct sevc_report report = { 0 };
    struct sevc_session session;
    struct cpuid inner;

    CHECK_EQUAL(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
    sevc_session_put(&session, SEVC_GHCB_OFF_RAX, 1);
    sevc_session_put(&session, SEVC_GHCB_OFF_RCX, 0);
    inner = cpuid(0, 0); /* #VC: a second session, the first one's page set aside */
    CHECK_EQUAL(inner.ebx, 0x68747541);
    CHECK_EQUAL(session.page->rax, 1); /* put back */
    CHECK_EQUAL(sevc_session_exchange(&session, SEVC_EXIT_CPUID, 0, 0,
                                      SEVC_OUT_RAX | SEVC_OUT_RBX | SEVC_OUT_RCX | SEVC_OUT_RDX),
                SEVC_OK);
    CHECK_EQUAL(session.reply.gpr[SEVC_RAX], wanted.eax);
    CHECK_EQUAL(session.reply.gpr[SEVC_RDX], wanted.edx);
    sevc_session_end(&session);
    CHECK_EQUAL(cpu.depth, 0);
}

/* The same with data in the shared buffer: string output, twice interrupted. */
static void test_buffer(void)
{
    static const struct sevc_string_io io = {
        .port = PORT_DEBUG,
        .bytes = 1,
        .address_bytes = 8,
        .segment = SEVC_DS,
        .rep = true,
    };
    static const char text[] = "nested text survives\n";
    struct sevc_report report = { 0 };
    struct sevc_session session;
    uint8_t inner[4];

    CHECK_EQUAL(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
    for (unsigned i = 0; i < sizeof(text) - 1; i++) {
        session.page->shared_buffer[i] = (uint8_t)text[i];
        if (i == 5) {
            out16(PORT_FW_CFG, 0);
            rep_ins8(PORT_FW_CFG + 1, inner, 4); /* uses the shared buffer itself */
            CHECK(memcmp(inner, "QEMU", 4) == 0);
        }
        if (i == 10)
            rep_outs8(PORT_DEBUG, "inner text\n", 11);
    }
    CHECK_EQUAL(sevc_event_string_io(&session, &io, sizeof(text) - 1), SEVC_OK);
    sevc_session_end(&session);
}

/* A third level has no page left: refused, and nothing sent. */
static void raise_cpuid(void *unused)
{
    (void)unused;
    (void)cpuid(0, 0);
}

static void test_third_level(void)
{
    struct sevc_report first = { 0 }, second = { 0 };
    struct sevc_session outer, inner;
    struct guest_fault fault;
    uint64_t sent = cpu.vmgexits;

    CHECK_EQUAL(sevc_session_begin(&outer, &cpu, &first), SEVC_OK);
    CHECK_EQUAL(sevc_session_begin(&inner, &cpu, &second), SEVC_OK);
    CHECK(guest_try(raise_cpuid, NULL, &fault));
    sevc_session_end(&inner);
    sevc_session_end(&outer);
    CHECK_EQUAL(fault.vector, SEVC_VC_VECTOR);
    CHECK_EQUAL(fault.report.result, SEVC_FORBIDDEN);
    CHECK_EQUAL(fault.report.reason, SEVC_REASON_NESTING);
    CHECK_EQUAL(cpu.vmgexits, sent);
}

/* ---- An NMI in the handler ---- */

static unsigned nmis;
static uint64_t nmi_rip;
static struct cpuid nmi_cpuid;
static uint32_t nmi_depth;
static enum sevc_result nmi_result;

static void nmi(struct sevc_trap *trap, unsigned vector)
{
    struct sevc_report report;

    (void)vector;
    nmis++;
    nmi_rip = trap->rip;
    nmi_depth = cpu.depth;
    nmi_cpuid = cpuid(0, 0);
    out8(PORT_SCRATCH, 0x77);
    nmi_result = sevc_nmi_complete(&cpu, &report); /* without it the host sends no other */
}

/*
 * Writing the interrupt command register is MMIO: the host writes it for us during VMGEXIT, so the NMI
 * it asks for arrives right behind the VMGEXIT, with the session open and the reply not yet read.
 */
static void test_nmi(void)
{
    uint64_t ist = tss.ist[VC_IST];

    interrupt_set(VECTOR_NMI, nmi);
    apic_init();
    apic_write(APIC_ICR_LOW, ICR_NMI_SELF);
    for (unsigned i = 0; i < 1000 && nmis == 0; i++)
        (void)in8(PORT_SCRATCH);
    CHECK_EQUAL(nmis, 1);
    CHECK_EQUAL(nmi_cpuid.ebx, 0x68747541);
    CHECK_EQUAL(in8(PORT_SCRATCH), 0x77);
    CHECK_EQUAL(nmi_result, SEVC_OK);
    CHECK_EQUAL(nmi_depth, 1); /* it did arrive inside a session */
    CHECK_EQUAL(cpu.depth, 0);
    CHECK_EQUAL(tss.ist[VC_IST], ist);
    apic_write(APIC_ICR_LOW, ICR_NMI_SELF); /* and again: nothing is left behind */
    CHECK_EQUAL(nmis, 2);
}

void guest_main(void)
{
    test_open_session();
    test_buffer();
    test_third_level();
    test_nmi();
}
