/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/os.h>

/* One CPU, whose own TLB the library flushes itself. */
__attribute__((weak)) void sevc_os_tlb_shootdown(uint64_t va, uint64_t bytes)
{
    (void)va;
    (void)bytes;
}
