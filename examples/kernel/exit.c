/* SPDX-License-Identifier: MIT */
/* Ends that are not happy ones. */
#include "io.h"
#include "kernel.h"

void machine_exit(unsigned status)
{
    interrupts_off();
    out8(PORT_EXIT, (uint8_t)status);
    sevc_terminate(SEVC_TERM_GENERAL); /* nobody listens at the exit port */
}

/* Each CPU may have one; more than that, and panics raise panics. */
void panic_begins(void)
{
    static unsigned begun;

    if (__atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED) > MAX_CPUS)
        sevc_terminate(SEVC_TERM_GENERAL);
}

void panic(const char *why)
{
    panic_begins();
    kprintf("\npanic: %s\n", why);
    machine_exit(1);
}
