/* SPDX-License-Identifier: MIT */
/* Bytes to meaning: which instruction, and does it raise the exit that the host claims? */
#include <sevc/event.h>

#include "decode/halves.h"
#include "exception.h"

/*
 * The exits that are served: which instruction, and which exit it raises. The pair must be found
 * here before anything is done, so that the check of the instruction cannot be forgotten for an
 * exit that is added: the host chooses the error code of a #VC that it injects (WeSee,
 * CVE-2024-25742).
 */
#define NOT_SERVED 0 /* as an exit code the read of CR0, which is never served */

static const uint16_t served_exit[SEVC_INSN_KIND_COUNT] = {
    [SEVC_INSN_CPUID] = SEVC_EXIT_CPUID,      [SEVC_INSN_RDMSR] = SEVC_EXIT_MSR,
    [SEVC_INSN_WRMSR] = SEVC_EXIT_MSR,        [SEVC_INSN_RDTSC] = SEVC_EXIT_RDTSC,
    [SEVC_INSN_RDTSCP] = SEVC_EXIT_RDTSCP,    [SEVC_INSN_RDPMC] = SEVC_EXIT_RDPMC,
    [SEVC_INSN_INVD] = SEVC_EXIT_INVD,        [SEVC_INSN_WBINVD] = SEVC_EXIT_WBINVD,
    [SEVC_INSN_WBNOINVD] = SEVC_EXIT_WBINVD,  [SEVC_INSN_MONITOR] = SEVC_EXIT_MONITOR,
    [SEVC_INSN_MONITORX] = SEVC_EXIT_MONITOR, [SEVC_INSN_MWAIT] = SEVC_EXIT_MWAIT,
    [SEVC_INSN_MWAITX] = SEVC_EXIT_MWAIT,     [SEVC_INSN_VMMCALL] = SEVC_EXIT_VMMCALL,
    [SEVC_INSN_READ_DR] = SEVC_EXIT_READ_DR7, [SEVC_INSN_WRITE_DR] = SEVC_EXIT_WRITE_DR7,
    [SEVC_INSN_IN] = SEVC_EXIT_IOIO,          [SEVC_INSN_OUT] = SEVC_EXIT_IOIO,
    [SEVC_INSN_INS] = SEVC_EXIT_IOIO,         [SEVC_INSN_OUTS] = SEVC_EXIT_IOIO,
    [SEVC_INSN_LOAD] = SEVC_EXIT_NPF,         [SEVC_INSN_STORE] = SEVC_EXIT_NPF,
    [SEVC_INSN_STORE_IMM] = SEVC_EXIT_NPF,    [SEVC_INSN_ALU] = SEVC_EXIT_NPF,
    [SEVC_INSN_MOVS] = SEVC_EXIT_NPF,         [SEVC_INSN_STOS] = SEVC_EXIT_NPF,
    [SEVC_INSN_LODS] = SEVC_EXIT_NPF,         [SEVC_INSN_CMPS] = SEVC_EXIT_NPF,
    [SEVC_INSN_SCAS] = SEVC_EXIT_NPF,         [SEVC_INSN_HINT] = SEVC_EXIT_NPF,
};

static bool is_served(uint64_t exit_code)
{
    for (unsigned kind = 0; kind < SEVC_INSN_KIND_COUNT; kind++) {
        if (served_exit[kind] != NOT_SERVED && served_exit[kind] == exit_code) {
            return true;
        }
    }
    return false;
}

/* ---- what is refused ---- */

/* An access to memory which is not emulated is refused by name. NONE: it is no access to memory. */
static enum sevc_reason refused_access(const struct sevc_insn *insn)
{
    if (insn->locked || insn->kind == SEVC_INSN_ATOMIC) {
        return SEVC_REASON_LOCKED;
    }
    if (insn->kind == SEVC_INSN_VECTOR) {
        return SEVC_REASON_VECTOR_INSN;
    }
    return insn->kind == SEVC_INSN_OTHER ? SEVC_REASON_UNKNOWN_INSN : SEVC_REASON_NONE;
}

/*
 * No handler: needs no instruction. The host hears of it if the policy says so; its answer does not
 * matter.
 */
static __attribute__((noinline)) enum sevc_result no_such_exit(struct sevc_cpu *cpu,
                                                               struct sevc_report *report)
{
    struct sevc_session session;

    if (cpu->policy->unsupported == SEVC_UNSUPPORTED_TELL &&
        sevc_session_begin(&session, cpu, report) == SEVC_OK) {
        (void)sevc_event_unsupported(&session, report->exit_code);
        sevc_session_end(&session);
    }
    return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_AGREEMENT, SEVC_REASON_NO_SUCH_EXIT);
}

/*
 * Says why the pair of instruction and exit is not in the table: the instruction cannot raise the
 * exit, which then was injected; or it can, and that is not served.
 */
static enum sevc_result not_served(struct sevc_report *report, const struct sevc_insn *insn)
{
    enum sevc_reason reason = SEVC_REASON_NONE;

    if (report->exit_code == SEVC_EXIT_NPF) {
        reason = refused_access(insn);
    }
    if (reason != SEVC_REASON_NONE) {
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_AGREEMENT, reason);
    }
    return sevc_refuse(report, SEVC_BAD_INSN, SEVC_STAGE_AGREEMENT, SEVC_REASON_MISMATCH);
}

/* RESULT is the decoder's: not enough bytes, or none that mean anything. */
static enum sevc_result not_decoded(struct sevc_report *report, enum sevc_result result)
{
    if (result == SEVC_RETRY && report->insn_bytes < SEVC_INSN_MAX_BYTES) {
        return sevc_refuse(report, SEVC_EXCEPTION, SEVC_STAGE_FETCH, SEVC_REASON_COPY_FAULT);
    }
    return sevc_refuse(report, SEVC_BAD_INSN, SEVC_STAGE_DECODE, SEVC_REASON_NO_INSN);
}

enum sevc_result sevc_vc_refuse_unknown(struct sevc_cpu *cpu, const struct sevc_trap *trap,
                                        struct sevc_report *report, bool fetched)
{
    unsigned code_bits = fetched ? 64 : (unsigned)sevc_os_register(trap, SEVC_OS_CODE_BITS);
    struct sevc_insn insn;
    enum sevc_result result;

    if (!is_served(report->exit_code)) { /* which says more than what the instruction is */
        result = no_such_exit(cpu, report);
    } else {
        result = sevc_decode_rest(report->insn, report->insn_bytes, code_bits, &insn);
        result = result == SEVC_OK ? not_served(report, &insn) : not_decoded(report, result);
    }
    report->result = result;
    sevc_tap_result(trap, report);
    return result;
}

/* ---- the whole ---- */

/*
 * Reads the instruction, once: all that follows works on this copy, whatever another thread does
 * to the original (CVE-2023-46813). Near the end of what is mapped the window is shorter; why
 * matters only if the instruction is longer.
 */
static enum sevc_result fetch(struct sevc_exception *vc, bool fetched)
{
    struct sevc_report *report = vc->report;
    struct sevc_copy copy;

    if (fetched) { /* which is done for 64-bit code only */
        vc->code_bits = 64;
        return SEVC_OK;
    }
    report->insn_bytes = 0;
    vc->code_bits = (unsigned)sevc_os_register(vc->trap, SEVC_OS_CODE_BITS);
    if (vc->code_bits != 64 && vc->code_bits != 32) {
        /* Where 16-bit code lies depends on a segment base that is unknown here. */
        return sevc_vc_refuse(vc, SEVC_UNSUPPORTED, SEVC_STAGE_FETCH, SEVC_REASON_CODE_SIZE);
    }
    copy.trap = vc->trap;
    copy.va = vc->trap->rip;
    copy.buffer = report->insn;
    copy.bytes = SEVC_INSN_MAX_BYTES;
    copy.access = SEVC_ACCESS_FETCH;
    copy.user = sevc_vc_is_user(vc);
    copy.done = 0;
    report->insn_bytes = SEVC_INSN_MAX_BYTES;
    if (!sevc_tap_copy(&copy)) {
        report->insn_bytes = (uint8_t)copy.done;
        report->fault = copy.fault;
    }
    return SEVC_OK;
}

/* Opcode and exit code together. SEVC_INVALID: the table of opcodes does not have it. */
static enum sevc_result agree(struct sevc_exception *vc)
{
    struct sevc_report *report = vc->report;
    enum sevc_result result =
        sevc_decode_known(report->insn, report->insn_bytes, vc->code_bits, &vc->insn);
    uint64_t exit_code = report->exit_code;
    uint16_t served;

    if (result == SEVC_UNSUPPORTED) {
        return sevc_refuse(report, SEVC_INVALID, SEVC_STAGE_DECODE, SEVC_REASON_UNKNOWN_INSN);
    }
    if (result != SEVC_OK) {
        return not_decoded(report, result);
    }
    served = served_exit[vc->insn.kind];
    if (served == NOT_SERVED || served != exit_code || !sevc_insn_agrees(exit_code, &vc->insn)) {
        return not_served(report, &vc->insn);
    }
    return SEVC_OK;
}

enum sevc_result sevc_vc_identify(struct sevc_exception *vc, bool fetched)
{
    enum sevc_result result = fetch(vc, fetched);

    if (result == SEVC_OK) {
        result = agree(vc);
    }
    if (result != SEVC_OK && result != SEVC_INVALID && !is_served(vc->report->exit_code)) {
        return no_such_exit(vc->cpu, vc->report); /* which says more */
    }
    return result;
}
