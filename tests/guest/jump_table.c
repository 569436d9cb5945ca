/* SPDX-License-Identifier: MIT */
/*
 * What a host may do: the AP jump table's address that it names is one of the kernel's own pages.
 * Here the kernel itself has told it to.
 */
#include "guest.h"

void guest_main(void)
{
    uint64_t ours = ((uint64_t)&cpu - KERNEL_OFFSET) & ~(PAGE_BYTES - 1);
    struct sevc_report report = { 0 };
    struct sevc_session session;

    apic_init();
    CHECK_EQUAL(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
    CHECK_EQUAL(sevc_event_set_jump_table(&session, ours), SEVC_OK);
    sevc_session_end(&session);
    kprintf("our own page: 0x%lx\n", ours);
    show_smp();
    kprintf("after show_smp()\n");
}
