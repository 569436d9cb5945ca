/* SPDX-License-Identifier: MIT */
/*
 * The one table that says which instruction raises which exit (APM vol. 2, 15.9 to 15.12 and
 * appendix C). The host chooses the error code of a #VC that it injects; it does not choose the
 * instruction (WeSee, CVE-2024-25742).
 */
#include "decode/agreement.h"

#include <sevc/insn.h>
#include <sevc/svm.h>

/*
 * No exit: what no line below names has none. As an exit code 0 is a read of CR0, which no
 * instruction here raises.
 */
#define NO_EXIT 0

static const uint16_t exit_of[SEVC_INSN_KIND_COUNT] = {
    [SEVC_INSN_CPUID] = SEVC_EXIT_CPUID,
    [SEVC_INSN_RDMSR] = SEVC_EXIT_MSR,
    [SEVC_INSN_WRMSR] = SEVC_EXIT_MSR,
    [SEVC_INSN_RDTSC] = SEVC_EXIT_RDTSC,
    [SEVC_INSN_RDTSCP] = SEVC_EXIT_RDTSCP,
    [SEVC_INSN_RDPMC] = SEVC_EXIT_RDPMC,
    [SEVC_INSN_INVD] = SEVC_EXIT_INVD,
    [SEVC_INSN_WBINVD] = SEVC_EXIT_WBINVD,
    [SEVC_INSN_WBNOINVD] = SEVC_EXIT_WBINVD,
    [SEVC_INSN_MONITOR] = SEVC_EXIT_MONITOR,
    [SEVC_INSN_MONITORX] = SEVC_EXIT_MONITOR,
    [SEVC_INSN_MWAIT] = SEVC_EXIT_MWAIT,
    [SEVC_INSN_MWAITX] = SEVC_EXIT_MWAIT,
    [SEVC_INSN_VMMCALL] = SEVC_EXIT_VMMCALL,
    [SEVC_INSN_VMGEXIT] = NO_EXIT,            /* an exit of its own, and never a #VC */
    [SEVC_INSN_READ_DR] = SEVC_EXIT_READ_DR7, /* and DR7 only */
    [SEVC_INSN_WRITE_DR] = SEVC_EXIT_WRITE_DR7,
    [SEVC_INSN_IN] = SEVC_EXIT_IOIO,
    [SEVC_INSN_OUT] = SEVC_EXIT_IOIO,
    [SEVC_INSN_INS] = SEVC_EXIT_IOIO,
    [SEVC_INSN_OUTS] = SEVC_EXIT_IOIO,
    [SEVC_INSN_LOAD] = SEVC_EXIT_NPF,
    [SEVC_INSN_STORE] = SEVC_EXIT_NPF,
    [SEVC_INSN_STORE_IMM] = SEVC_EXIT_NPF,
    [SEVC_INSN_ALU] = SEVC_EXIT_NPF,
    [SEVC_INSN_MOVS] = SEVC_EXIT_NPF,
    [SEVC_INSN_STOS] = SEVC_EXIT_NPF,
    [SEVC_INSN_LODS] = SEVC_EXIT_NPF,
    [SEVC_INSN_CMPS] = SEVC_EXIT_NPF,
    [SEVC_INSN_SCAS] = SEVC_EXIT_NPF,
    [SEVC_INSN_HINT] = SEVC_EXIT_NPF,
    [SEVC_INSN_ATOMIC] = SEVC_EXIT_NPF, /* agree, so that they can be refused by name */
    [SEVC_INSN_VECTOR] = SEVC_EXIT_NPF, /* agrees, so that it can be refused by name */
};

bool sevc_exit_has_insn(uint64_t exit_code)
{
    for (unsigned kind = 0; exit_code != NO_EXIT && kind < SEVC_INSN_KIND_COUNT; kind++) {
        if (exit_of[kind] == exit_code) {
            return true;
        }
    }
    return false;
}

bool sevc_insn_agrees(uint64_t exit_code, const struct sevc_insn *insn)
{
    bool debug_register = insn->kind == SEVC_INSN_READ_DR || insn->kind == SEVC_INSN_WRITE_DR;

    if (insn->kind >= SEVC_INSN_KIND_COUNT || exit_of[insn->kind] == NO_EXIT || insn->locked)
        return false;
    return exit_of[insn->kind] == exit_code && (!debug_register || insn->dr == 7);
}
