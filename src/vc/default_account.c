/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/os.h>

/* No statistics. */
__attribute__((weak)) void sevc_os_account(const struct sevc_report *report)
{
    (void)report;
}
