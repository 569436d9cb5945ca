/* SPDX-License-Identifier: MIT */
/* From the early stub to the early handler. Nobody can be told of a failure yet, but the host. */
#include <sevc/ghcb.h>
#include <sevc/vc.h>

#include "dispatch.h"

void sevc_early_dispatch(struct sevc_trap *trap)
{
    struct sevc_report report;

    if (sevc_early_handle_vc(trap, &report) != SEVC_OK) {
        sevc_terminate(report.reason == SEVC_REASON_SNP ? SEVC_TERM_SNP_FEATURES
                                                        : SEVC_TERM_GENERAL);
    }
}
