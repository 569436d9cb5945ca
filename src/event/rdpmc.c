/* SPDX-License-Identifier: MIT */
/* NAE event 0x6F, RDPMC (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>
#include <sevc/svm.h>

enum sevc_result sevc_event_rdpmc(struct sevc_session *session, uint32_t counter, uint64_t *value)
{
    enum sevc_result result;

    sevc_session_put(session, SEVC_GHCB_OFF_RCX, counter);
    result = sevc_session_exchange(session, SEVC_EXIT_RDPMC, 0, 0, SEVC_OUT_RAX | SEVC_OUT_RDX);
    if (result == SEVC_OK) {
        *value = session->reply.gpr[SEVC_RDX] << 32 | (uint32_t)session->reply.gpr[SEVC_RAX];
    }
    return result;
}
