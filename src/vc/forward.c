/* SPDX-License-Identifier: MIT */
/*
 * Exits that concern no instruction of their own: an exception that the host intercepts, and a page
 * that is not validated. Nothing is decoded, nothing is sent, RIP stays (APM vol. 2, 15.35.4).
 */
#include "exception.h"

/*
 * The host cannot deliver an intercepted exception to a guest whose registers it cannot see: so the
 * guest delivers it to itself. It may also be a lie; but #DB tells a kernel nothing that it did
 * not ask for, and #AC exists at CPL 3 alone, with RFLAGS.AC (APM vol. 2, 8.2.17).
 */
static enum sevc_result exception(struct sevc_exception *vc, unsigned vector)
{
    return sevc_vc_raise(vc, vector, SEVC_STAGE_APPLY, SEVC_REASON_INTERCEPTED);
}

static enum sevc_result alignment_check(struct sevc_exception *vc)
{
    if (!sevc_vc_is_user(vc) || (vc->trap->rflags & SEVC_RFLAGS_AC) == 0) {
        return sevc_vc_refuse(vc, SEVC_HOST_ERROR, SEVC_STAGE_AGREEMENT, SEVC_REASON_MISMATCH);
    }
    return exception(vc, SEVC_VECTOR_AC);
}

static enum sevc_result not_validated(struct sevc_exception *vc)
{
    if (sevc_os_page_not_validated(vc->trap)) {
        return sevc_vc_refuse(vc, SEVC_RETRY, SEVC_STAGE_POLICY, SEVC_REASON_NONE);
    }
    return sevc_vc_refuse(vc, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_NOT_VALIDATED);
}

enum sevc_result sevc_vc_forward(struct sevc_exception *vc)
{
    switch (vc->report->exit_code) {
    case SEVC_EXIT_DB:
        return exception(vc, SEVC_VECTOR_DB);
    case SEVC_EXIT_AC:
        return alignment_check(vc);
    default: /* SEVC_EXIT_NOT_VALIDATED */
        return not_validated(vc);
    }
}
