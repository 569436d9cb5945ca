/* SPDX-License-Identifier: MIT */
/* NAE events 0x76 INVD and 0x89 WBINVD (GHCB spec 2.03, 4.1, table 6): no inputs, no outputs. */
#include <stddef.h>

#include <sevc/event.h>

#include "registers.h"

enum sevc_result sevc_event_invd(struct sevc_session *session)
{
    return sevc_event_registers(session, SEVC_INSN_INVD, NULL);
}

enum sevc_result sevc_event_wbinvd(struct sevc_session *session)
{
    return sevc_event_registers(session, SEVC_INSN_WBINVD, NULL);
}
