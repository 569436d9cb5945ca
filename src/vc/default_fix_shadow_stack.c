/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/os.h>

/* No shadow stacks. */
__attribute__((weak)) void sevc_os_fix_shadow_stack(const struct sevc_trap *trap, uint64_t old_rip)
{
    (void)trap;
    (void)old_rip;
}
