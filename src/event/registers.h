/* SPDX-License-Identifier: MIT */
/*
 * NAE events whose inputs and outputs are general registers, and nothing else: the handler passes
 * the instruction's registers, the typed functions of event.h their arguments.
 */
#ifndef SEVC_EVENT_REGISTERS_H
#define SEVC_EVENT_REGISTERS_H

#include <sevc/ghcb.h>
#include <sevc/insn.h>

#define SEVC_EVENT_GPRS 3 /* RAX, RCX, RDX: no event here has others */

/*
 * KIND: an instruction that has a row in registers.c. GPR, by enum sevc_gpr: of the inputs the low
 * halves are sent; the outputs are replaced by what came, zero-extended, with SEVC_OK only.
 * Results: sevc_session_exchange()'s.
 */
enum sevc_result sevc_event_registers(struct sevc_session *session, enum sevc_insn_kind kind,
                                      uint64_t *gpr);

/* The value that an instruction returns in EDX:EAX; both halves are zero-extended. */
static inline uint64_t sevc_edx_eax(const uint64_t *gpr)
{
    return gpr[SEVC_RDX] << 32 | gpr[SEVC_RAX];
}

#endif
