/* SPDX-License-Identifier: MIT */
/*
 * The emulated platform's own first guest: no library, everything by hand, so that a mistake in
 * the library cannot hide one in the platform. Each step that fails ends the guest with its number.
 */
#include <stdint.h>

#include "smoke.h"

#define C_BIT (1ull << 47)

static uint8_t ghcb_page[4096] __attribute__((aligned(4096)));
static uint8_t secret_page[4096] __attribute__((aligned(4096)));
static uint64_t vc_seen, vc_error;

/* Page table for 2 MiB at 1 GiB: windows onto single pages, with and without the C-bit. */
static uint64_t window_pd[512] __attribute__((aligned(4096)));
static uint64_t window_pt[512] __attribute__((aligned(4096)));
#define WINDOW 0x8000000000ull

static volatile uint8_t *window(unsigned slot, const void *page, uint64_t c_bit)
{
    static uint64_t window_pdpt[512] __attribute__((aligned(4096)));
    uint64_t *pml4 = (uint64_t *)(read_cr3() & 0x7FFFFFFFF000);

    pml4[1] = (uint64_t)window_pdpt | 3 | C_BIT;
    window_pdpt[0] = (uint64_t)window_pd | 3 | C_BIT;
    window_pd[0] = (uint64_t)window_pt | 3 | C_BIT;
    window_pt[slot] = (uint64_t)page | 3 | c_bit;
    invlpg(WINDOW + slot * 4096ull);
    return (volatile uint8_t *)(WINDOW + slot * 4096ull);
}

static volatile uint8_t *ghcb; /* shared */

static void put64(unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(ghcb + offset) = value;
    if (offset < 0x3F0)
        ghcb[0x3F0 + offset / 64] |= (uint8_t)(1u << (offset / 8 % 8));
}

static void ghcb_begin(uint64_t code, uint64_t info1, uint64_t info2)
{
    for (unsigned i = 0; i < 4096; i++)
        ghcb[i] = 0;
    put64(0x390, code);
    put64(0x398, info1);
    put64(0x3A0, info2);
    *(volatile uint16_t *)(ghcb + 0xFFA) = 2;
}

static void ghcb_call(void)
{
    wrmsr(0xC0010130, (uint64_t)ghcb_page);
    vmgexit();
    if (*(volatile uint64_t *)(ghcb + 0x398) != 0)
        fail(90);
}

static void ghcb_out(uint16_t port, unsigned size, uint32_t value)
{
    ghcb_begin(0x7B, (uint64_t)port << 16 | size << 4, 0);
    put64(0x1F8, value);
    ghcb_call();
}

void fail(unsigned step)
{
    if (ghcb != 0)
        ghcb_out(0xF4, 1, step);
    for (;;)
        __asm__ volatile("hlt");
}

/* CPUID by MSR protocol, all four registers. */
static void cpuid_by_msr(uint32_t leaf, uint32_t regs[4])
{
    for (uint64_t reg = 0; reg < 4; reg++) {
        wrmsr(0xC0010130, (uint64_t)leaf << 32 | reg << 30 | 0x004);
        vmgexit();
        uint64_t answer = rdmsr(0xC0010130);
        if ((answer & 0x3FFFFFFF) != 0x005)
            fail(91);
        regs[reg] = (uint32_t)(answer >> 32);
    }
}

/* What a #VC handler does, for the exits of this guest. */
void smoke_vc(struct smoke_frame *frame)
{
    uint32_t regs[4];

    vc_seen++;
    vc_error = frame->error_code;
    switch (frame->error_code) {
    case 0x72:
        cpuid_by_msr((uint32_t)frame->rax, regs);
        frame->rax = regs[0];
        frame->rbx = regs[1];
        frame->rcx = regs[2];
        frame->rdx = regs[3];
        frame->rip += 2;
        return;
    case 0x400: /* the one MMIO instruction below: mov (%rsi), %eax */
        ghcb_begin(0x80000001, frame->rsi, 4);
        put64(0x3A8, (uint64_t)ghcb_page + 0x800);
        ghcb_call();
        frame->rax = *(volatile uint32_t *)(ghcb + 0x800);
        frame->rip += 2;
        return;
    default:
        fail(92);
    }
}

static void check(int good, unsigned step)
{
    if (!good)
        fail(step);
}

void smoke_main(void)
{
    static const char text[] = "smoke: hello\n";
    uint32_t regs[4];

    smoke_install();
    wrmsr(0xC0010130, 0x002); /* SEV information: negotiates the version */
    vmgexit();
    check((rdmsr(0xC0010130) & 0xFFF) == 0x001, 1);
    check((rdmsr(0xC0010131) & 7) == 3, 2);

    cpuid(0x8000001F, regs);
    check(vc_seen == 1 && vc_error == 0x72, 3);
    check(regs[0] == 0xA && (regs[1] & 0x3F) == 47, 4);

    ghcb = window(0, ghcb_page, 0);
    for (const char *at = text; *at != 0; at++)
        ghcb_out(0xE9, 1, (uint8_t)*at);

    /* What is written privately is not what the other alias shows, and comes back unharmed. */
    volatile uint8_t *private = window(1, secret_page, C_BIT), *shared = window(2, secret_page, 0);
    unsigned same = 0;
    for (unsigned i = 0; i < 4096; i++)
    private[i] = (uint8_t)i;
    for (unsigned i = 0; i < 4096; i++)
        same += shared[i] == (uint8_t)i;
    check(same < 64, 5);
    for (unsigned i = 0; i < 4096; i++)
        check(private[i] == (uint8_t)i, 6);
    shared[7] = 0x55;
    check(shared[7] == 0x55 && private[7] != 0x55, 7);

    /* The local APIC's version register, by MMIO. */
    uint64_t before = vc_seen;
    uint32_t version = mmio_read32(0xFEE00030);
    check(vc_seen == before + 1 && vc_error == 0x400, 8);
    check((version & 0xFF) >= 0x10 && (version & 0xFF) <= 0x15, 9);
    fail(0);
}
