/* SPDX-License-Identifier: MIT */
/* NAE events 0x76 INVD and 0x89 WBINVD (GHCB spec 2.03, 4.1, table 6): no inputs, no outputs. */
#include <sevc/event.h>
#include <sevc/svm.h>

enum sevc_result sevc_event_invd(struct sevc_session *session)
{
    return sevc_session_exchange(session, SEVC_EXIT_INVD, 0, 0, 0);
}

enum sevc_result sevc_event_wbinvd(struct sevc_session *session)
{
    return sevc_session_exchange(session, SEVC_EXIT_WBINVD, 0, 0, 0);
}
