/* SPDX-License-Identifier: MIT */
/* IN and OUT (APM vol. 3, IN, OUT; GHCB spec 2.03, 4.1, table 6). INS and OUTS: string_io.c. */
#include <sevc/event.h>

#include "exception.h"

/*
 * The processor has looked into the I/O permission bitmap before the exit; but at the
 * instruction that was there then, which another thread may have changed since (CVE-2023-46813).
 * CPL 0 is never above IOPL.
 */
enum sevc_result sevc_vc_check_port(struct sevc_exception *vc, uint16_t port, unsigned bytes)
{
    const struct sevc_trap *trap = vc->trap;
    unsigned cpl = sevc_trap_cpl(trap);
    unsigned iopl = (unsigned)(trap->rflags >> SEVC_RFLAGS_IOPL_SHIFT) & 3;

    if (cpl == 0) {
        return SEVC_OK;
    }
    if (vc->cpu->policy->user_io == SEVC_USER_IO_BITMAP &&
        (cpl <= iopl || sevc_os_io_allowed(trap, port, bytes))) {
        return SEVC_OK;
    }
    return sevc_vc_raise_gp(vc, SEVC_REASON_USER_IO);
}

enum sevc_result sevc_vc_port(struct sevc_exception *vc)
{
    const struct sevc_insn *insn = &vc->insn;
    uint64_t *gpr = vc->trap->gpr;
    unsigned bytes = insn->data_bytes;
    uint16_t port = (uint16_t)(insn->port_immediate ? insn->immediate : gpr[SEVC_RDX]);
    enum sevc_result result = sevc_vc_check_port(vc, port, bytes);
    uint32_t value = (uint32_t)gpr[SEVC_RAX];

    if (result != SEVC_OK) {
        return result;
    }
    if (insn->kind == SEVC_INSN_OUT) {
        return sevc_event_out(&vc->session, port, bytes, insn->address_bytes, value);
    }
    result = sevc_event_in(&vc->session, port, bytes, insn->address_bytes, &value);
    if (result == SEVC_OK) {
        sevc_vc_set(&gpr[SEVC_RAX], value, bytes);
    }
    return result;
}
