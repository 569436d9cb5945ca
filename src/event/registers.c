/* SPDX-License-Identifier: MIT */
/* Marshalling as data (GHCB spec 2.03, 4.1, table 6): the registers that an event sends, and takes. */
#include "registers.h"

#include <sevc/svm.h>

#define RAX SEVC_OUT_RAX
#define RCX SEVC_OUT_RCX
#define RDX SEVC_OUT_RDX

static const struct {
    uint8_t event; /* the exit code, all of which are below 0x100 */
    uint8_t info1; /* SW_EXITINFO1 */
    uint8_t inputs;
    uint8_t outputs;
} events[] = {
    [SEVC_INSN_RDMSR] = { SEVC_EXIT_MSR, SEVC_MSR_INFO1_READ, RCX, RAX | RDX },
    [SEVC_INSN_WRMSR] = { SEVC_EXIT_MSR, SEVC_MSR_INFO1_WRITE, RCX | RAX | RDX, 0 },
    [SEVC_INSN_RDTSC] = { SEVC_EXIT_RDTSC, 0, 0, RAX | RDX },
    [SEVC_INSN_RDTSCP] = { SEVC_EXIT_RDTSCP, 0, 0, RAX | RCX | RDX },
    [SEVC_INSN_RDPMC] = { SEVC_EXIT_RDPMC, 0, RCX, RAX | RDX },
    [SEVC_INSN_INVD] = { SEVC_EXIT_INVD, 0, 0, 0 },
    [SEVC_INSN_WBINVD] = { SEVC_EXIT_WBINVD, 0, 0, 0 },
    [SEVC_INSN_WBNOINVD] = { SEVC_EXIT_WBINVD, 0, 0, 0 },
    [SEVC_INSN_MWAIT] = { SEVC_EXIT_MWAIT, 0, RAX | RCX, 0 },
    [SEVC_INSN_MWAITX] = { SEVC_EXIT_MWAIT, 0, RAX | RCX, 0 },
};

enum sevc_result sevc_event_registers(struct sevc_session *session, enum sevc_insn_kind kind,
                                      uint64_t *gpr)
{
    unsigned outputs = events[kind].outputs;
    unsigned left;
    enum sevc_result result;

    for (left = events[kind].inputs; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);

        sevc_session_put(session, sevc_ghcb_gpr_offset(i), (uint32_t)gpr[i]);
    }
    result = sevc_session_exchange(session, events[kind].event, events[kind].info1, 0, outputs);
    for (left = result == SEVC_OK ? outputs : 0; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);

        gpr[i] = (uint32_t)session->reply.gpr[i];
    }
    return result;
}
