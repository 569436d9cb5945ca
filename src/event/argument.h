/* SPDX-License-Identifier: MIT */
/* The caller of an event passed what its documentation excludes: nothing is sent. */
#ifndef SEVC_EVENT_ARGUMENT_H
#define SEVC_EVENT_ARGUMENT_H

#include <sevc/ghcb.h>

#include "../ghcb/refuse.h"

static inline enum sevc_result sevc_bad_argument(struct sevc_session *session)
{
    return sevc_refuse(session->report, SEVC_INVALID, SEVC_STAGE_REQUEST, SEVC_REASON_ARGUMENT);
}

#endif
