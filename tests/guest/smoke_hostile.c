/* SPDX-License-Identifier: MIT */
/* Cases under a host that lies (docs/hostile.md): what it may spoil, and what it must leave alone. */
#include "smoke.h"

#define HOSTILE_PORT 0x506
#define ARM          1u

#define IOIO_BYTE       (1u << 4)
#define IOIO_IN         1u
#define IOIO_REP_STRING (4u | 8u)
#define IOIO_ADDRESS_64 (1u << 9)
#define IOIO_SEGMENT_DS (3u << 10)

static void begin_string(uint16_t port, uint64_t info1, uint64_t count)
{
    ghcb_begin(0x7B, (uint64_t)port << 16 | info1 | IOIO_BYTE | IOIO_REP_STRING | IOIO_ADDRESS_64,
               count);
    ghcb_put(0x3A8, phys(ghcb_page) + 0x800);
}

/* More than the buffer holds: refused, and the lie in the refusal ends where the page does. */
static void lie_refused(void)
{
    begin_string(0x61, IOIO_IN, 5000);
    wrmsr(0xC0010130, phys(ghcb_page));
    vmgexit();
}

/* The host fills the buffer with 0xEE; what it takes back of that is not what is sent now. */
static void lie_resembles(void)
{
    for (unsigned i = 0; i < 3; i++) {
        begin_string(0xA1, IOIO_SEGMENT_DS, 1); /* a mask that nobody needs, and that can be read */
        ghcb[0x800] = 0xEE;
        ghcb_call();
        ghcb_begin(0x7B, 0xA1ull << 16 | IOIO_BYTE | IOIO_IN, 0);
        ghcb_call();
        CHECK(ghcb[0x1F8] == 0xEE);
    }
}

static volatile uint64_t handler_begun, handler_done;
extern uint64_t handler_begun_alias __attribute__((alias("handler_begun")));
extern uint64_t handler_done_alias __attribute__((alias("handler_done")));

/* Long enough for the storm to call the processor out of it; then behind the HLT. */
static __attribute__((naked)) void slow_handler(void)
{
    __asm__ volatile("incq handler_begun_alias(%rip)\n"
                     "pushq %rcx\n"
                     "movq $30000000, %rcx\n"
                     "1: decq %rcx\n"
                     "jnz 1b\n"
                     "leaq injected_hlt(%rip), %rcx\n"
                     "cmpq 16(%rsp), %rcx\n"
                     "jne 2f\n"
                     "incq 16(%rsp)\n"
                     "incq handler_done_alias(%rip)\n"
                     "2: popq %rcx\n"
                     "addq $8, %rsp\n"
                     "iretq\n");
}

/* #VC at a HLT: its handler runs as it would anywhere else, and goes on where it says. */
static void lie_at_halt(void)
{
    ghcb_begin(0x80000003, 0, 0); /* a processor gets storms once it has completed an NMI */
    ghcb_call();
    mmio_write32(LAPIC + 0xF0, 0x1FF);
    set_gate(VC_VECTOR, (uint64_t)slow_handler, 0, 0xE);
    ghcb_out(HOSTILE_PORT, 4, ARM | 1 << 8); /* the first exit is this one, the second the HLT */
    __asm__ volatile("sti\n"
                     "injected_hlt: hlt\n"
                     "cli");
    CHECK(handler_begun == 1 && handler_done == 1);
}

static __attribute__((naked)) void return_at_once(void)
{
    __asm__ volatile("addq $8, %rsp\n"
                     "iretq\n");
}

static volatile uint64_t nmi_count;
extern uint64_t nmi_count_alias __attribute__((alias("nmi_count")));

static __attribute__((naked)) void count_nmi(void)
{
    __asm__ volatile("incq nmi_count_alias(%rip)\n"
                     "iretq\n");
}

/* Both the host and the window for NMIs step the guest; neither may take the other's step. */
static void lie_by_steps(void)
{
    set_gate(VC_VECTOR, (uint64_t)return_at_once, 0, 0xE);
    for (unsigned i = 1; i <= 6; i++) {
        if (i == 4)
            ghcb_out(HOSTILE_PORT, 4, ARM | 0xFFFFFFu << 8); /* steps from here on, and no lie */
        send_nmi(count_nmi);
        CHECK(nmi_count == i);
    }
    ghcb_out(HOSTILE_PORT, 4, ARM | 1 << 8);
}

const struct smoke_case smoke_hostile[] = {
    { "lie-refused", lie_refused },
    { "lie-resembles", lie_resembles },
    { "lie-at-halt", lie_at_halt },
    { "lie-by-steps", lie_by_steps },
    { 0, 0 },
};
