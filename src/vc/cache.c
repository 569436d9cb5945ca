/* SPDX-License-Identifier: MIT */
/* INVD, WBINVD and WBNOINVD (APM vol. 3; GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "exception.h"

enum sevc_result sevc_vc_invd(struct sevc_exception *vc)
{
    if (sevc_trap_cpl(vc->trap) != 0) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_PRIVILEGE);
    }
    if (vc->cpu->policy->invd != SEVC_INVD_FORWARD) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_INVD);
    }
    return sevc_event_invd(&vc->session);
}

enum sevc_result sevc_vc_wbinvd(struct sevc_exception *vc)
{
    if (sevc_trap_cpl(vc->trap) != 0) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_PRIVILEGE);
    }
    return sevc_event_wbinvd(&vc->session);
}
