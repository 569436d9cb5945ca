/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/os.h>

__attribute__((weak)) bool sevc_os_user_rsp(const struct sevc_trap *trap)
{
    (void)trap;
    return false;
}
