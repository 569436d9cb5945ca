/* SPDX-License-Identifier: MIT */
/* NAE event 0x8000_0003, NMI complete (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

enum sevc_result sevc_event_nmi_complete(struct sevc_session *session)
{
    return sevc_session_exchange(session, SEVC_NAE_NMI_COMPLETE, 0, 0, 0);
}
