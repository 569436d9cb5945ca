/* SPDX-License-Identifier: MIT */
/* Bytes to meaning: which instruction, and does it raise the exit that the host claims? */
#include <sevc/event.h>

#include "decode/agreement.h"
#include "decode/halves.h"
#include "exception.h"

/* ---- what is refused ---- */

/* Agrees with its exit, but is not emulated. */
static bool is_refused_by_name(const struct sevc_insn *insn)
{
    return insn->kind == SEVC_INSN_ATOMIC || insn->kind == SEVC_INSN_VECTOR;
}

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
 * Says why the pair of instruction and exit is none to go on with: the instruction cannot raise the
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

    if (!sevc_exit_has_insn(report->exit_code)) { /* which says more than what the instruction is */
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
    report->insn_bytes = (uint8_t)sevc_vc_copy(vc, vc->trap->rip, report->insn, SEVC_INSN_MAX_BYTES,
                                               SEVC_ACCESS_FETCH);
    return SEVC_OK;
}

/*
 * Opcode and exit code together: the host chooses the error code of a #VC that it injects (WeSee,
 * CVE-2024-25742). SEVC_INVALID: the table of opcodes does not have it.
 */
static enum sevc_result agree(struct sevc_exception *vc)
{
    struct sevc_report *report = vc->report;
    enum sevc_result result =
        sevc_decode_known(report->insn, report->insn_bytes, vc->code_bits, &vc->insn);

    if (result == SEVC_UNSUPPORTED) {
        return sevc_refuse(report, SEVC_INVALID, SEVC_STAGE_DECODE, SEVC_REASON_UNKNOWN_INSN);
    }
    if (result != SEVC_OK) {
        return not_decoded(report, result);
    }
    if (!sevc_insn_agrees(report->exit_code, &vc->insn) || is_refused_by_name(&vc->insn)) {
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
    if (result != SEVC_OK && result != SEVC_INVALID && !sevc_exit_has_insn(vc->report->exit_code)) {
        return no_such_exit(vc->cpu, vc->report); /* which says more */
    }
    return result;
}
