/* SPDX-License-Identifier: MIT */
#include "registers.h"

enum sevc_result sevc_event_registers(struct sevc_session *session,
                                      const struct sevc_register_event *event, uint64_t *gpr)
{
    unsigned left;
    enum sevc_result result;

    for (left = event->inputs; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);

        sevc_session_put(session, sevc_ghcb_gpr_offset(i), (uint32_t)gpr[i]);
    }
    result = sevc_session_exchange(session, event->event, event->info1, 0, event->outputs);
    for (left = result == SEVC_OK ? event->outputs : 0; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);

        gpr[i] = (uint32_t)session->reply.gpr[i];
    }
    return result;
}
