/* SPDX-License-Identifier: MIT */
/* NAE events 0x8000_0004 AP reset hold and 0x8000_0005 AP jump table (GHCB spec 2.03, 4.3.1). */
#include <sevc/event.h>

#include "argument.h"

#define PAGE_OFFSET_MASK 0xFFFull
#define LIMIT            (1ull << 32) /* the code that uses the table has 32-bit addresses */

enum sevc_result sevc_event_ap_reset_hold(struct sevc_session *session, bool *woken)
{
    enum sevc_result result = sevc_session_exchange(session, SEVC_NAE_AP_RESET_HOLD, 0, 0, 0);

    if (result == SEVC_OK) {
        *woken = session->reply.info2 != 0;
    }
    return result;
}

enum sevc_result sevc_event_get_jump_table(struct sevc_session *session, uint64_t *gpa)
{
    enum sevc_result result =
        sevc_session_exchange(session, SEVC_NAE_AP_JUMP_TABLE, SEVC_JUMP_TABLE_INFO1_GET, 0, 0);

    if (result != SEVC_OK) {
        return result;
    }
    if ((session->reply.info2 & PAGE_OFFSET_MASK) != 0 || session->reply.info2 >= LIMIT) {
        return sevc_refuse(session->report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY,
                           SEVC_REASON_BAD_RESPONSE);
    }
    *gpa = session->reply.info2;
    return SEVC_OK;
}

enum sevc_result sevc_event_set_jump_table(struct sevc_session *session, uint64_t gpa)
{
    if ((gpa & PAGE_OFFSET_MASK) != 0 || gpa >= LIMIT) {
        return sevc_bad_argument(session);
    }
    return sevc_session_exchange(session, SEVC_NAE_AP_JUMP_TABLE, SEVC_JUMP_TABLE_INFO1_SET, gpa,
                                 0);
}
