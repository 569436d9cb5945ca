/* SPDX-License-Identifier: MIT */
/*
 * MOV to and from DR7 (APM vol. 2, 13.1.1.4; vol. 3, MOV DRn). Reads are answered from what the
 * guest has written: a host that was asked could hide a breakpoint, or show one.
 */
#include <sevc/event.h>

#include "exception.h"

/* Bits 10 (always 1), 11, 12, 14 and 15 (always 0). */
#define DR7_WRITABLE 0xFFFF23FFull

static enum sevc_result check(struct sevc_exception *vc)
{
    if (sevc_trap_cpl(vc->trap) != 0) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_PRIVILEGE);
    }
    if ((vc->cpu->platform.sev_status & SEVC_STATUS_DEBUG_SWAP) != 0) {
        return sevc_vc_refuse(vc, SEVC_HOST_ERROR, SEVC_STAGE_POLICY, SEVC_REASON_DEBUG_SWAP);
    }
    return SEVC_OK;
}

enum sevc_result sevc_vc_read_dr7(struct sevc_exception *vc)
{
    enum sevc_result result = check(vc);

    if (result == SEVC_OK) {
        *sevc_trap_gpr(vc->trap, vc->insn.reg) = vc->cpu->dr7;
    }
    return result;
}

enum sevc_result sevc_vc_write_dr7(struct sevc_exception *vc)
{
    uint64_t value = sevc_trap_gpr_value(vc->trap, vc->insn.reg);
    enum sevc_result result = check(vc);

    if (result != SEVC_OK) {
        return result;
    }
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
