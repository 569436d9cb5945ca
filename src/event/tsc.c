/* SPDX-License-Identifier: MIT */
/* NAE events 0x6E RDTSC and 0x87 RDTSCP (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>
#include <sevc/svm.h>

enum sevc_result sevc_event_rdtsc(struct sevc_session *session, uint64_t *tsc)
{
    enum sevc_result result =
        sevc_session_exchange(session, SEVC_EXIT_RDTSC, 0, 0, SEVC_OUT_RAX | SEVC_OUT_RDX);

    if (result == SEVC_OK) {
        *tsc = session->reply.gpr[SEVC_RDX] << 32 | (uint32_t)session->reply.gpr[SEVC_RAX];
    }
    return result;
}

enum sevc_result sevc_event_rdtscp(struct sevc_session *session, uint64_t *tsc, uint32_t *aux)
{
    enum sevc_result result = sevc_session_exchange(session, SEVC_EXIT_RDTSCP, 0, 0,
                                                    SEVC_OUT_RAX | SEVC_OUT_RCX | SEVC_OUT_RDX);

    if (result == SEVC_OK) {
        *tsc = session->reply.gpr[SEVC_RDX] << 32 | (uint32_t)session->reply.gpr[SEVC_RAX];
        *aux = (uint32_t)session->reply.gpr[SEVC_RCX];
    }
    return result;
}
