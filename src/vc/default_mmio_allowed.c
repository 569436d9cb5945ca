/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/os.h>

/* Every address that is not encrypted. */
__attribute__((weak)) bool sevc_os_mmio_allowed(const struct sevc_trap *trap, uint64_t gpa,
                                                unsigned bytes, bool write)
{
    (void)trap;
    (void)gpa;
    (void)bytes;
    (void)write;
    return true;
}
