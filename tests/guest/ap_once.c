/* SPDX-License-Identifier: MIT */
/*
 * A host may let any parked processor go, and several. Here the kernel sends two through one
 * trampoline, as such a host would: the second must not get the stack of the first.
 */
#include "guest.h"

#define ICR_INIT 0x4500
#define ICR_SIPI 0x4600
#define SPINS    8000000ul

static volatile unsigned arrived;
static uint8_t stacks[2][512] __attribute__((aligned(16)));

/* In 64-bit mode, without an IDT. */
static void ap_entry(void)
{
    __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

static void place(volatile struct sevc_ap_jump_table *table, const uint8_t *stack_end)
{
    struct sevc_ap_start start = {
        .cr3 = paging.cr3,
        .cr0 = 0x10000, /* WP */
        .efer = 0x800,  /* NXE */
        .stack = (uint64_t)stack_end,
        .entry = (uint64_t)ap_entry,
        .c_bit = paging.c_bit,
    };

    CHECK_EQUAL(
        sevc_ap_trampoline_place((void *)(LINEAR_MAP + AP_TRAMPOLINE), AP_TRAMPOLINE, &start),
        SEVC_OK);
    CHECK_EQUAL(sevc_ap_jump_table_write(table, AP_TRAMPOLINE), SEVC_OK);
}

/* How many have arrived in all, a while after processor ID has been woken. */
static unsigned wake(unsigned id)
{
    unsigned before = arrived;

    apic_send(id, ICR_INIT);
    apic_send(id, ICR_SIPI);
    for (unsigned long i = 0; i < SPINS && arrived == before; i++)
        __builtin_ia32_pause();
    return arrived;
}

void guest_main(void)
{
    struct sevc_report report;
    uint64_t gpa = 0;
    volatile struct sevc_ap_jump_table *table;

    CHECK_EQUAL(sevc_ap_find_jump_table(&cpu, &gpa, &report), SEVC_OK);
    CHECK(bootinfo_is_firmwares(gpa));
    table = (volatile struct sevc_ap_jump_table *)(LINEAR_MAP + gpa);
    apic_init();
    page_map(AP_TRAMPOLINE, AP_TRAMPOLINE, PTE_WRITABLE, true);
    place(table, stacks[0] + sizeof(stacks[0]));
    CHECK_EQUAL(wake(1), 1);
    CHECK_EQUAL(wake(2), 1); /* stopped in the trampoline */
    place(table, stacks[1] + sizeof(stacks[1]));
    CHECK_EQUAL(wake(2), 1); /* for good: it is not parked any more */
    CHECK_EQUAL(wake(3), 2);
}
