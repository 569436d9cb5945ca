/* SPDX-License-Identifier: MIT */
/* NAE events 0x8A MONITOR and 0x8B MWAIT (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "registers.h"

enum sevc_result sevc_event_monitor(struct sevc_session *session, uint64_t gpa, uint32_t extensions,
                                    uint32_t hints)
{
    sevc_session_put(session, SEVC_GHCB_OFF_RAX, gpa);
    sevc_session_put(session, SEVC_GHCB_OFF_RCX, extensions);
    sevc_session_put(session, SEVC_GHCB_OFF_RDX, hints);
    return sevc_session_exchange(session, SEVC_EXIT_MONITOR, 0, 0, 0);
}

enum sevc_result sevc_event_mwait(struct sevc_session *session, uint32_t hints, uint32_t extensions)
{
    uint64_t gpr[SEVC_EVENT_GPRS] = { [SEVC_RAX] = hints, [SEVC_RCX] = extensions };

    return sevc_event_registers(session, SEVC_INSN_MWAIT, gpr);
}
