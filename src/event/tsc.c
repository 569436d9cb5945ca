/* SPDX-License-Identifier: MIT */
/* NAE events 0x6E RDTSC and 0x87 RDTSCP (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "registers.h"

enum sevc_result sevc_event_rdtsc(struct sevc_session *session, uint64_t *tsc)
{
    uint64_t gpr[SEVC_EVENT_GPRS];
    enum sevc_result result = sevc_event_registers(session, SEVC_INSN_RDTSC, gpr);

    if (result == SEVC_OK) {
        *tsc = sevc_edx_eax(gpr);
    }
    return result;
}

enum sevc_result sevc_event_rdtscp(struct sevc_session *session, uint64_t *tsc, uint32_t *aux)
{
    uint64_t gpr[SEVC_EVENT_GPRS];
    enum sevc_result result = sevc_event_registers(session, SEVC_INSN_RDTSCP, gpr);

    if (result == SEVC_OK) {
        *tsc = sevc_edx_eax(gpr);
        *aux = (uint32_t)gpr[SEVC_RCX];
    }
    return result;
}
