/* SPDX-License-Identifier: MIT */
/*
 * NAE events whose inputs and outputs are general registers, and nothing else: marshalling as data.
 * Registers as SEVC_OUT(): of the inputs the low halves are sent, and with the outputs' low halves,
 * zero-extended, the registers are replaced.
 */
#ifndef SEVC_EVENT_REGISTERS_H
#define SEVC_EVENT_REGISTERS_H

#include <sevc/ghcb.h>

struct sevc_register_event {
    uint8_t event; /* the exit code, all of which are below 0x100 */
    uint8_t info1; /* SW_EXITINFO1 */
    uint8_t inputs;
    uint8_t outputs;
};

/* GPR, by enum sevc_gpr: changed with SEVC_OK only. Results: sevc_session_exchange()'s. */
enum sevc_result sevc_event_registers(struct sevc_session *session,
                                      const struct sevc_register_event *event, uint64_t *gpr);

#endif
