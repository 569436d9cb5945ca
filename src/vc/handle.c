/* SPDX-License-Identifier: MIT */
/* The runtime #VC handler (APM vol. 2, 15.35; GHCB spec 2.03, 4.1). */
#include <stddef.h>

#include <sevc/event.h>

#include "exception.h"
#include "hot.h"
#include "mmio_access.h"

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

static enum sevc_result act_on_memory(struct sevc_exception *vc)
{
    enum sevc_result result = sevc_mmio_permitted(vc);

    if (result != SEVC_OK) {
        return result;
    }
    switch (vc->insn.kind) {
    case SEVC_INSN_LOAD:
        return sevc_vc_mmio_load(vc);
    case SEVC_INSN_STORE:
    case SEVC_INSN_STORE_IMM:
        return sevc_vc_mmio_store(vc);
    case SEVC_INSN_ALU:
        return sevc_vc_mmio_alu(vc);
    case SEVC_INSN_HINT:
        return sevc_vc_mmio_hint(vc);
    default: /* MOVS to SCAS */
        return sevc_vc_mmio_string(vc);
    }
}

/* One function for each kind: a switch, because an exception path has no indirect calls. */
static enum sevc_result act(struct sevc_exception *vc)
{
    switch (vc->insn.kind) {
    case SEVC_INSN_RDMSR:
        return sevc_vc_rdmsr(vc);
    case SEVC_INSN_WRMSR:
        return sevc_vc_wrmsr(vc);
    case SEVC_INSN_RDTSC:
        return sevc_vc_rdtsc(vc);
    case SEVC_INSN_RDTSCP:
        return sevc_vc_rdtscp(vc);
    case SEVC_INSN_IN:
        return sevc_vc_in(vc);
    case SEVC_INSN_OUT:
        return sevc_vc_out(vc);
    case SEVC_INSN_INS:
    case SEVC_INSN_OUTS:
        return sevc_vc_string_io(vc);
    case SEVC_INSN_RDPMC:
        return sevc_vc_rdpmc(vc);
    case SEVC_INSN_INVD:
        return sevc_vc_invd(vc);
    case SEVC_INSN_WBINVD:
    case SEVC_INSN_WBNOINVD:
        return sevc_vc_wbinvd(vc);
    case SEVC_INSN_MONITOR:
    case SEVC_INSN_MONITORX:
        return sevc_vc_monitor(vc);
    case SEVC_INSN_MWAIT:
    case SEVC_INSN_MWAITX:
        return sevc_vc_mwait(vc);
    case SEVC_INSN_VMMCALL:
        return sevc_vc_vmmcall(vc);
    case SEVC_INSN_READ_DR:
        return sevc_vc_read_dr7(vc);
    case SEVC_INSN_WRITE_DR:
        return sevc_vc_write_dr7(vc);
    default: /* only the rows of served_exit come here */
        return act_on_memory(vc);
    }
}

/* ---- bytes to meaning ---- */

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

static enum sevc_result decode(struct sevc_exception *vc)
{
    struct sevc_report *report = vc->report;
    enum sevc_result result =
        sevc_decode(report->insn, report->insn_bytes, vc->code_bits, &vc->insn);

    if (result == SEVC_OK) {
        return SEVC_OK;
    }
    if (result == SEVC_RETRY && report->insn_bytes < SEVC_INSN_MAX_BYTES) {
        return sevc_vc_refuse(vc, SEVC_EXCEPTION, SEVC_STAGE_FETCH, SEVC_REASON_COPY_FAULT);
    }
    return sevc_vc_refuse(vc, SEVC_BAD_INSN, SEVC_STAGE_DECODE, SEVC_REASON_NO_INSN);
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

/* The host hears of an exit without a handler if the policy says so; its answer does not matter. */
static void tell_host(struct sevc_exception *vc)
{
    if (vc->cpu->policy->unsupported == SEVC_UNSUPPORTED_TELL &&
        sevc_session_begin(&vc->session, vc->cpu, vc->report) == SEVC_OK) {
        (void)sevc_event_unsupported(&vc->session, vc->report->exit_code);
        sevc_session_end(&vc->session);
    }
}

/* Needs no instruction. */
static enum sevc_result no_such_exit(struct sevc_exception *vc)
{
    tell_host(vc);
    return sevc_vc_refuse(vc, SEVC_UNSUPPORTED, SEVC_STAGE_AGREEMENT, SEVC_REASON_NO_SUCH_EXIT);
}

/*
 * Says why the pair of instruction and exit is not in the table: the instruction cannot raise the
 * exit, which then was injected; or it can, and that is not served.
 */
static enum sevc_result not_served(struct sevc_exception *vc)
{
    enum sevc_reason reason = SEVC_REASON_NONE;

    if (!is_served(vc->report->exit_code)) {
        return no_such_exit(vc);
    }
    if (vc->report->exit_code == SEVC_EXIT_NPF) {
        reason = refused_access(&vc->insn);
    }
    if (reason != SEVC_REASON_NONE) {
        return sevc_vc_refuse(vc, SEVC_UNSUPPORTED, SEVC_STAGE_AGREEMENT, reason);
    }
    return sevc_vc_refuse(vc, SEVC_BAD_INSN, SEVC_STAGE_AGREEMENT, SEVC_REASON_MISMATCH);
}

static enum sevc_result identify(struct sevc_exception *vc, bool fetched)
{
    uint64_t exit_code = vc->report->exit_code;
    enum sevc_result result = fetch(vc, fetched);
    uint16_t served;

    if (result == SEVC_OK) {
        result = decode(vc);
    }
    if (result != SEVC_OK) {
        /* That the exit is not served at all says more. */
        return is_served(exit_code) ? result : no_such_exit(vc);
    }
    served = served_exit[vc->insn.kind];
    if (served == NOT_SERVED || served != exit_code || !sevc_insn_agrees(exit_code, &vc->insn)) {
        return not_served(vc);
    }
    return SEVC_OK;
}

/* ---- the whole ---- */

static enum sevc_result act_in_session(struct sevc_exception *vc)
{
    enum sevc_result result = sevc_session_begin(&vc->session, vc->cpu, vc->report);

    if (result != SEVC_OK) {
        return result;
    }
    result = act(vc);
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

/* No GHCB yet. CPUID can do without; but not from user mode, whose bytes only hooks may read. */
static __attribute__((noinline)) enum sevc_result not_ready(struct sevc_trap *trap,
                                                            struct sevc_report *report)
{
    start_report(report, trap);
    report->insn_bytes = 0;
    if (trap->error_code == SEVC_EXIT_CPUID && sevc_trap_cpl(trap) == 0) {
        return sevc_early_handle_vc(trap, report);
    }
    report->result = SEVC_FORBIDDEN;
    report->stage = SEVC_STAGE_REQUEST;
    report->reason = SEVC_REASON_NOT_READY;
    return SEVC_FORBIDDEN;
}

/* FETCHED: report->insn has been filled in, and report->insn_bytes says how far. */
__attribute__((noinline)) enum sevc_result sevc_vc_handle_any(struct sevc_cpu *cpu,
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
        result = sevc_vc_forward(&vc);
    } else {
        result = identify(&vc, fetched);
        if (result == SEVC_OK) {
            result = emulate(&vc);
        }
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

/*
 * Opcode and exit code together: nothing is done for an exit that the instruction cannot raise. In
 * the order of what they may cost. Not inline: what this needs to save, other exits need not.
 */
static __attribute__((noinline)) enum sevc_result handle_hot(struct sevc_cpu *cpu,
                                                             struct sevc_trap *trap,
                                                             struct sevc_report *report)
{
    unsigned opcode;

    if (!sevc_hot_context(trap)) {
        return sevc_vc_handle_any(cpu, trap, report, false);
    }
    if (!sevc_hot_fetch(trap, report)) {
        return sevc_vc_handle_any(cpu, trap, report, true);
    }
    opcode = sevc_hot_opcode(report);
    if (SEVC_LIKELY(opcode == SEVC_HOT_OPCODE(0x0F, 0x31)) && trap->error_code == SEVC_EXIT_RDTSC) {
        return sevc_hot_rdtsc(cpu, trap, report);
    }
    if (opcode == SEVC_HOT_OPCODE(0x0F, 0x30) && trap->error_code == SEVC_EXIT_MSR) {
        return sevc_hot_wrmsr(cpu, trap, report);
    }
    if (opcode == SEVC_HOT_OPCODE(0x0F, 0x32) && trap->error_code == SEVC_EXIT_MSR) {
        return sevc_hot_rdmsr(cpu, trap, report);
    }
    if ((opcode & 0xFE) == 0xEE && trap->error_code == SEVC_EXIT_IOIO) {
        return sevc_hot_out(cpu, trap, report, opcode);
    }
    if ((opcode & 0xFE) == 0xEC && trap->error_code == SEVC_EXIT_IOIO) {
        return sevc_hot_in(cpu, trap, report, opcode);
    }
    if (opcode == SEVC_HOT_OPCODE(0x0F, 0xA2) && trap->error_code == SEVC_EXIT_CPUID) {
        return cpu->cpuid_table == NULL ? sevc_hot_cpuid(cpu, trap, report)
                                        : sevc_hot_pinned_cpuid(cpu, trap, report);
    }
    return sevc_vc_handle_fetched(cpu, trap, report);
}

enum sevc_result sevc_handle_vc(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                struct sevc_report *report)
{
    uint64_t from_rdtsc;

    if (cpu == NULL || cpu->magic != SEVC_CPU_MAGIC) {
        return not_ready(trap, report);
    }
    from_rdtsc = trap->error_code - SEVC_EXIT_RDTSC; /* hot.h's exits lie close together */
    if (from_rdtsc <= SEVC_EXIT_MSR - SEVC_EXIT_RDTSC) {
        return handle_hot(cpu, trap, report);
    }
    return from_rdtsc == SEVC_EXIT_NPF - SEVC_EXIT_RDTSC
               ? sevc_hot_mmio(cpu, trap, report)
               : sevc_vc_handle_any(cpu, trap, report, false);
}
