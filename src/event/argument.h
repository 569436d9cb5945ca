/* SPDX-License-Identifier: MIT */
/* The caller of an event passed what its documentation excludes: nothing is sent. */
#ifndef SEVC_EVENT_ARGUMENT_H
#define SEVC_EVENT_ARGUMENT_H

#include <sevc/ghcb.h>

static inline enum sevc_result sevc_bad_argument(struct sevc_session *session)
{
    session->report->result = SEVC_INVALID;
    session->report->stage = SEVC_STAGE_REQUEST;
    session->report->reason = SEVC_REASON_ARGUMENT;
    return SEVC_INVALID;
}

#endif
