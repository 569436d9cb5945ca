/* SPDX-License-Identifier: MIT */
/* NAE event 0x6F, RDPMC (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "registers.h"

enum sevc_result sevc_event_rdpmc(struct sevc_session *session, uint32_t counter, uint64_t *value)
{
    uint64_t gpr[SEVC_EVENT_GPRS] = { [SEVC_RCX] = counter };
    enum sevc_result result = sevc_event_registers(session, SEVC_INSN_RDPMC, gpr);

    if (result == SEVC_OK) {
        *value = sevc_edx_eax(gpr);
    }
    return result;
}
