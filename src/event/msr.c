/* SPDX-License-Identifier: MIT */
/* NAE event 0x7C, MSR (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>
#include <sevc/svm.h>

enum sevc_result sevc_event_rdmsr(struct sevc_session *session, uint32_t msr, uint64_t *value)
{
    enum sevc_result result;

    sevc_session_put(session, SEVC_GHCB_OFF_RCX, msr);
    result = sevc_session_exchange(session, SEVC_EXIT_MSR, SEVC_MSR_INFO1_READ, 0,
                                   SEVC_OUT_RAX | SEVC_OUT_RDX);
    if (result == SEVC_OK) {
        *value = session->reply.gpr[SEVC_RDX] << 32 | (uint32_t)session->reply.gpr[SEVC_RAX];
    }
    return result;
}

enum sevc_result sevc_event_wrmsr(struct sevc_session *session, uint32_t msr, uint64_t value)
{
    sevc_session_put(session, SEVC_GHCB_OFF_RCX, msr);
    sevc_session_put(session, SEVC_GHCB_OFF_RAX, (uint32_t)value);
    sevc_session_put(session, SEVC_GHCB_OFF_RDX, value >> 32);
    return sevc_session_exchange(session, SEVC_EXIT_MSR, SEVC_MSR_INFO1_WRITE, 0, 0);
}
