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

void panic(const char *why)
{
    kprintf("\npanic: %s\n", why);
    machine_exit(1);
}
