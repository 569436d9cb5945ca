/* SPDX-License-Identifier: MIT */
/* NAE events about the conversation itself: features, termination, unsupported exits. */
#include <sevc/event.h>

#include "../ghcb/refuse.h"

enum sevc_result sevc_event_hv_features(struct sevc_session *session, uint64_t *features)
{
    enum sevc_result result;

    if (session->cpu->platform.version < 2) {
        return sevc_refuse(session->report, SEVC_UNSUPPORTED, SEVC_STAGE_REQUEST,
                           SEVC_REASON_NO_FEATURE);
    }
    result = sevc_session_exchange(session, SEVC_NAE_HV_FEATURES, 0, 0, 0);
    if (result == SEVC_OK) {
        *features = session->reply.info2;
    }
    return result;
}

enum sevc_result sevc_event_terminate(struct sevc_session *session, unsigned set, unsigned code)
{
    /* [3:0] reason set, [11:4] reason code */
    uint64_t info1 = (uint64_t)(set & 0xF) | (uint64_t)(code & 0xFF) << 4;

    return sevc_session_exchange(session, SEVC_NAE_TERMINATE, info1, 0, 0);
}

enum sevc_result sevc_event_unsupported(struct sevc_session *session, uint64_t exit_code)
{
    return sevc_session_exchange(session, SEVC_NAE_UNSUPPORTED, exit_code, 0, 0);
}
