/* SPDX-License-Identifier: MIT */
/* NAE event 0x7C, MSR (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "registers.h"

enum sevc_result sevc_event_rdmsr(struct sevc_session *session, uint32_t msr, uint64_t *value)
{
    uint64_t gpr[SEVC_EVENT_GPRS] = { [SEVC_RCX] = msr };
    enum sevc_result result = sevc_event_registers(session, SEVC_INSN_RDMSR, gpr);

    if (result == SEVC_OK) {
        *value = sevc_edx_eax(gpr);
    }
    return result;
}

enum sevc_result sevc_event_wrmsr(struct sevc_session *session, uint32_t msr, uint64_t value)
{
    uint64_t gpr[SEVC_EVENT_GPRS] = {
        [SEVC_RAX] = value, [SEVC_RCX] = msr, [SEVC_RDX] = value >> 32
    };

    return sevc_event_registers(session, SEVC_INSN_WRMSR, gpr);
}
