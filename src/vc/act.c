/* SPDX-License-Identifier: MIT */
/*
 * Which function serves an instruction, and whether the interrupted code may execute it. A switch,
 * because an exception path has no indirect calls.
 */
#include "exception.h"
#include "mmio_access.h"

#define CR4_TSD (1ull << 2)
#define CR4_PCE (1ull << 8)

/*
 * Does this instruction need CPL 0? (APM vol. 3.) The processor has looked at that before it looked at
 * the intercept; which is no reason to believe an exit that the host may have injected.
 */
static bool is_privileged(const struct sevc_exception *vc)
{
    switch (vc->insn.kind) {
    case SEVC_INSN_RDMSR:
    case SEVC_INSN_WRMSR:
    case SEVC_INSN_INVD:
    case SEVC_INSN_WBINVD:
    case SEVC_INSN_WBNOINVD:
    case SEVC_INSN_READ_DR:
    case SEVC_INSN_WRITE_DR:
        return true;
    case SEVC_INSN_RDTSC:
    case SEVC_INSN_RDTSCP:
        return (sevc_os_register(vc->trap, SEVC_OS_CR4) & CR4_TSD) != 0;
    case SEVC_INSN_RDPMC:
        return (sevc_os_register(vc->trap, SEVC_OS_CR4) & CR4_PCE) == 0;
    default:
        return false;
    }
}

static enum sevc_result act_on_memory(struct sevc_exception *vc)
{
    enum sevc_result result = sevc_mmio_permitted(vc);

    if (result != SEVC_OK) {
        return result;
    }
    return vc->insn.kind >= SEVC_INSN_MOVS && vc->insn.kind <= SEVC_INSN_SCAS
               ? sevc_vc_mmio_string(vc)
               : sevc_vc_mmio(vc);
}

enum sevc_result sevc_vc_act(struct sevc_exception *vc)
{
    if (sevc_trap_cpl(vc->trap) != 0 && is_privileged(vc)) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_PRIVILEGE);
    }
    switch (vc->insn.kind) {
    case SEVC_INSN_RDMSR:
    case SEVC_INSN_WRMSR:
    case SEVC_INSN_RDTSC:
    case SEVC_INSN_RDTSCP:
    case SEVC_INSN_RDPMC:
    case SEVC_INSN_INVD:
    case SEVC_INSN_WBINVD:
    case SEVC_INSN_WBNOINVD:
        return sevc_vc_registers(vc);
    case SEVC_INSN_MONITOR:
    case SEVC_INSN_MONITORX:
    case SEVC_INSN_MWAIT:
    case SEVC_INSN_MWAITX:
        return sevc_vc_wait(vc);
    case SEVC_INSN_VMMCALL:
        return sevc_vc_vmmcall(vc);
    case SEVC_INSN_READ_DR:
    case SEVC_INSN_WRITE_DR:
        return sevc_vc_dr7(vc);
    case SEVC_INSN_IN:
    case SEVC_INSN_OUT:
        return sevc_vc_port(vc);
    case SEVC_INSN_INS:
    case SEVC_INSN_OUTS:
        return sevc_vc_string_io(vc);
    default: /* only what agrees with its exit (identify.c) comes here */
        return act_on_memory(vc);
    }
}
