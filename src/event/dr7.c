/* SPDX-License-Identifier: MIT */
/*
 * NAE event 0x37, write of DR7 (GHCB spec 2.03, 4.1, table 6). Reading (0x27) has no function: the
 * guest knows what it wrote, and a host that could answer could lie.
 */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "argument.h"

enum sevc_result sevc_event_write_dr7(struct sevc_session *session, uint64_t value)
{
    if (value >> 32 != 0) {
        return sevc_bad_argument(session);
    }
    sevc_session_put(session, SEVC_GHCB_OFF_RAX, value);
    return sevc_session_exchange(session, SEVC_EXIT_WRITE_DR7, 0, 0, 0);
}
