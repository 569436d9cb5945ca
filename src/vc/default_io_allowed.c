/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/os.h>

/* No port for user mode: who has an I/O permission bitmap says so. */
__attribute__((weak)) bool sevc_os_io_allowed(const struct sevc_trap *trap, uint16_t port,
                                              unsigned bytes)
{
    (void)trap;
    (void)port;
    (void)bytes;
    return false;
}
