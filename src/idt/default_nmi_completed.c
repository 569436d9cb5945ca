/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/ghcb.h>
#include <sevc/os.h>

__attribute__((weak)) void sevc_os_nmi_completed(struct sevc_trap *trap,
                                                 const struct sevc_report *report)
{
    (void)trap;
    if (report->result != SEVC_OK) {
        sevc_terminate(SEVC_TERM_GENERAL);
    }
}
