/* SPDX-License-Identifier: MIT */
/*
 * MOV to and from DR7 (APM vol. 2, 13.1.1.4; vol. 3, MOV DRn). Reads are answered from what the
 * guest has written: a host that was asked could hide a breakpoint, or show one.
 */
#include <sevc/event.h>

#include "exception.h"

/* Bits 10 (always 1), 11, 12, 14 and 15 (always 0). */
#define DR7_WRITABLE 0xFFFF23FFull

static enum sevc_result write(struct sevc_exception *vc, uint64_t value)
{
    enum sevc_result result;

    if (vc->code_bits == 64 && value >> 32 != 0) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_ARGUMENT);
    }
    value = (value & DR7_WRITABLE) | SEVC_DR7_RESET;
    result = sevc_event_write_dr7(&vc->session, value);
    if (result == SEVC_OK) {
        vc->cpu->dr7 = (uint32_t)value;
    }
    return result;
}

enum sevc_result sevc_vc_dr7(struct sevc_exception *vc)
{
    uint64_t *reg = sevc_trap_gpr(vc->trap, vc->insn.reg);

    if ((vc->cpu->platform.sev_status & SEVC_STATUS_DEBUG_SWAP) != 0) {
        return sevc_vc_refuse(vc, SEVC_HOST_ERROR, SEVC_STAGE_POLICY, SEVC_REASON_DEBUG_SWAP);
    }
    if (vc->insn.kind == SEVC_INSN_WRITE_DR) {
        return write(vc, *reg);
    }
    *reg = vc->cpu->dr7;
    return SEVC_OK;
}
