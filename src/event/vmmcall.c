/* SPDX-License-Identifier: MIT */
/*
 * NAE event 0x81, VMMCALL (GHCB spec 2.03, 4.1, table 6). What a hypercall takes and returns
 * besides RAX is each hypervisor's own convention, so it is the caller's data.
 */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "argument.h"

enum sevc_result sevc_event_vmmcall(struct sevc_session *session,
                                    const struct sevc_hypercall_abi *abi, unsigned cpl,
                                    uint64_t rip, uint64_t gpr[16])
{
    unsigned inputs = abi->inputs | SEVC_OUT_RAX;
    unsigned outputs = abi->outputs | SEVC_OUT_RAX;
    enum sevc_result result;

    if (((inputs | outputs) & SEVC_OUT(SEVC_RSP)) != 0 || cpl > 3) {
        return sevc_bad_argument(session);
    }
    for (unsigned left = inputs; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);

        sevc_session_put(session, sevc_ghcb_gpr_offset(i), gpr[i]);
    }
    if (abi->rip) {
        sevc_session_put(session, SEVC_GHCB_OFF_RIP, rip);
    }
    /* CPL is the fourth byte of its quadword, whose other bytes are reserved. */
    sevc_session_put(session, SEVC_GHCB_OFF_CPL & ~7u,
                     (uint64_t)cpl << 8 * (SEVC_GHCB_OFF_CPL & 7));
    result = sevc_session_exchange(session, SEVC_EXIT_VMMCALL, 0, 0, outputs);
    if (result != SEVC_OK) {
        return result;
    }
    for (; outputs != 0; outputs &= outputs - 1) {
        unsigned i = (unsigned)__builtin_ctz(outputs);

        gpr[i] = session->reply.gpr[i];
    }
    return SEVC_OK;
}
