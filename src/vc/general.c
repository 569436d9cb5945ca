/* SPDX-License-Identifier: MIT */
/* The general way of the runtime #VC handler: every exit that is served, every code segment. */
#include <stddef.h>

#include "exception.h"
#include "hot.h"

static enum sevc_result act_in_session(struct sevc_exception *vc)
{
    enum sevc_result result = sevc_session_begin(&vc->session, vc->cpu, vc->report);

    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_vc_act(vc);
    sevc_session_end(&vc->session);
    return result;
}

/* CPUID may need no session: it opens its own if it does. */
static enum sevc_result emulate(struct sevc_exception *vc)
{
    enum sevc_result result =
        vc->insn.kind == SEVC_INSN_CPUID ? sevc_vc_cpuid(vc) : act_in_session(vc);

    return result == SEVC_OK ? sevc_vc_advance(vc) : result;
}

/* Only what is not written on every path, or is meaningless without another field, is left out. */
static void start_report(struct sevc_report *report, const struct sevc_trap *trap)
{
    report->exit_code = trap->error_code;
    report->rip = trap->rip;
    report->nae_code = 0;
    report->info1 = 0;
    report->info2 = 0;
    report->stage = SEVC_STAGE_NONE;
    report->reason = SEVC_REASON_NONE;
    report->vmgexits = 0;
}

/*
 * No GHCB yet. CPUID can do without; but not from user mode, whose bytes only hooks may read. With a
 * CPU that it has no use for, so that the arguments stay where they were.
 */
enum sevc_result sevc_vc_handle_not_ready(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                          struct sevc_report *report)
{
    (void)cpu;
    if (trap->error_code == SEVC_EXIT_CPUID && sevc_trap_cpl(trap) == 0) {
        return sevc_early_handle_vc(trap, report);
    }
    start_report(report, trap);
    report->insn_bytes = 0;
    return sevc_refuse(report, SEVC_FORBIDDEN, SEVC_STAGE_REQUEST, SEVC_REASON_NOT_READY);
}

/* All that is served. SEVC_INVALID in stage DECODE: not an instruction that could be. */
static __attribute__((noinline)) enum sevc_result handle_known(struct sevc_cpu *cpu,
                                                               struct sevc_trap *trap,
                                                               struct sevc_report *report,
                                                               bool fetched)
{
    struct sevc_exception vc;
    enum sevc_result result;

    start_report(report, trap);
    vc.cpu = cpu;
    vc.trap = trap;
    vc.report = report;
    sevc_tap_exception(cpu, trap);
    if (sevc_vc_is_forwarded(report->exit_code)) {
        report->insn_bytes = 0;
        return sevc_vc_forward(&vc);
    }
    result = sevc_vc_identify(&vc, fetched);
    return result == SEVC_OK ? emulate(&vc) : result;
}

/*
 * FETCHED: report->insn has been filled in, and report->insn_bytes says how far. The general decoder
 * and the session are the two that need much stack: never both, since what only that decoder knows
 * is refused.
 */
enum sevc_result sevc_vc_handle_any(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                    struct sevc_report *report, bool fetched)
{
    enum sevc_result result = handle_known(cpu, trap, report, fetched);

    if (result == SEVC_INVALID && report->stage == SEVC_STAGE_DECODE) {
        return sevc_vc_refuse_unknown(cpu, trap, report, fetched);
    }
    report->result = result;
    sevc_tap_result(trap, report);
    return result;
}

enum sevc_result sevc_vc_handle_fetched(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                        struct sevc_report *report)
{
    report->insn_bytes = SEVC_INSN_MAX_BYTES;
    return sevc_vc_handle_any(cpu, trap, report, true);
}
