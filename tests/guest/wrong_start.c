/* SPDX-License-Identifier: MIT */
/* Mistakes of the first moments, before there is a console: "wrong=NAME" as in wrong.c. */
#include "guest.h"

/* The C-bit left set on the GHCB page. */
static void private_ghcb(void)
{
    static struct sevc_vc_stack stack;
    void *ghcb = page_alloc();
    struct sevc_cpu_config config = {
        .ghcb = { .va = ghcb, .gpa = gpa_of(ghcb) },
        .backup = page_alloc(),
        .stack = &stack,
        .tss_ist = &tss.ist[VC_IST],
    };

    if (sevc_cpu_init(&cpu, &config) != SEVC_OK)
        sevc_terminate_with(1, 1);
    sevc_idt_set(idt, KERNEL_CS, VC_IST);
    (void)cpuid(0, 0);
}

/* A page for the GHCB whose address the host is told with the C-bit in it. */
static void ghcb_gpa_with_c_bit(void)
{
    vc_init();
    cpu.ghcb.gpa |= 1ull << paging.c_bit;
    (void)cpuid(0, 0);
}

void kernel_main(const struct start_info *info)
{
    bootinfo_read(info);
    if (cmdline_has("wrong", "no-early-handler"))
        (void)cpuid(0, 0);
    paging_init(info, vc_early());
    segments_init();
    interrupts_init();
    if (cmdline_has("wrong", "early-leaf-d"))
        (void)cpuid(0xD, 0);
    if (cmdline_has("wrong", "early-port"))
        out8(PORT_UART, 'x');
    if (cmdline_has("wrong", "private-ghcb"))
        private_ghcb();
    if (cmdline_has("wrong", "ghcb-gpa-with-c-bit"))
        ghcb_gpa_with_c_bit();
    sevc_terminate_with(1, 2); /* nobody minded */
}
