/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <inttypes.h>
#include <string.h>

#define RFLAGS_TF 0x100u
#define RFLAGS_RF 0x10000u

const char *const oracle_register_names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                                "r12", "r13", "r14", "r15" };

static void differ(struct oracle_outcome *outcome, const char *what, uint64_t native,
                   uint64_t emulated)
{
    if (outcome->verdict != ORACLE_DIFFERENT) {
        outcome->verdict = ORACLE_DIFFERENT;
        snprintf(outcome->what, sizeof(outcome->what),
                 "%s: processor %016" PRIx64 ", emulation %016" PRIx64, what, native, emulated);
    }
}

/* ---- refusals ---- */

static bool is_completed(enum sevc_result result)
{
    return result == SEVC_OK || result == SEVC_OK_TRAP;
}

/* A refused instruction has changed nothing, and asked the hypervisor for nothing. */
static void check_refusal(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    const struct sevc_trap *trap = &outcome->emulation.trap;
    const struct oracle_trace *trace = &outcome->emulation.trace;
    uint64_t va;

    outcome->verdict = ORACLE_REFUSED;
    for (unsigned i = 0; i < 16; i++) {
        if (sevc_trap_gpr_value(trap, i) != c->start.gpr[i]) {
            differ(outcome, "refused, but a register was changed", c->start.gpr[i],
                   sevc_trap_gpr_value(trap, i));
        }
    }
    if (trap->rip != c->start.rip) {
        differ(outcome, "refused, but RIP was changed", c->start.rip, trap->rip);
    }
    if (trap->rflags != (c->start.rflags | c->tf_rf)) {
        differ(outcome, "refused, but RFLAGS were changed", c->start.rflags | c->tf_rf,
               trap->rflags);
    }
    if (trace->reads + trace->writes != 0) {
        differ(outcome, "refused, but the device was accessed", 0, trace->reads + trace->writes);
    }
    if (!oracle_memory_equal(&va)) {
        differ(outcome, "refused, but memory was changed (address)", va, va);
    }
}

/* Refused for what it is, or for where it reaches; any other failure is a wrong answer. */
static bool is_refusal(const struct sevc_report *report, enum sevc_result result)
{
    switch (result) {
    case SEVC_UNSUPPORTED:
        return true;
    case SEVC_BAD_INSN:
        return report->reason == SEVC_REASON_MISMATCH;
    case SEVC_FORBIDDEN:
        return report->reason == SEVC_REASON_MMIO_OFF || report->reason == SEVC_REASON_LOCKED;
    default:
        return false;
    }
}

/* ---- completed instructions ---- */

static void check_result(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    enum sevc_result expected = c->tf_rf & RFLAGS_TF ? SEVC_OK_TRAP : SEVC_OK;

    if (outcome->emulation.result != expected) {
        differ(outcome, "result", expected, outcome->emulation.result);
    }
    if (expected == SEVC_OK_TRAP && outcome->emulation.report.fault.vector != SEVC_VECTOR_DB) {
        differ(outcome, "TF: vector", SEVC_VECTOR_DB, outcome->emulation.report.fault.vector);
    }
    if (c->refusal != ORACLE_NOT_REFUSED) {
        differ(outcome, "not refused (1 split, 2 policy, 3 LOCK, 4 by name)", c->refusal,
               outcome->emulation.report.reason);
    }
}

/* TF stays, RF is clear once the instruction is complete (APM vol. 2, 3.1.6 and 13.1.4). */
static void check_registers(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    const struct sevc_trap *trap = &outcome->emulation.trap;
    const struct oracle_state *native = &outcome->native;
    uint64_t defined = ~(uint64_t)c->form->undefined;
    uint64_t rflags = native->rflags | (c->tf_rf & RFLAGS_TF);

    for (unsigned i = 0; i < 16; i++) {
        if (sevc_trap_gpr_value(trap, i) != native->gpr[i]) {
            differ(outcome, oracle_register_names[i], native->gpr[i], sevc_trap_gpr_value(trap, i));
        }
    }
    if (trap->rip != native->rip) {
        differ(outcome, "rip", native->rip, trap->rip);
    }
    if (((trap->rflags ^ rflags) & defined) != 0) {
        differ(outcome, "rflags", rflags, trap->rflags);
    }
}

static void check_memory(struct oracle_outcome *outcome)
{
    uint64_t va;

    if (!oracle_memory_equal(&va)) {
        uint64_t native, emulated;

        va &= ~7ull;
        memcpy(&native, (const void *)va, sizeof(native));
        memcpy(&emulated, oracle_shadow(va), sizeof(emulated));
        differ(outcome, "memory", native, emulated);
        oracle_memory_repair();
    }
}

/* How many elements the processor has done. */
static unsigned elements_of(const struct oracle_case *c, const struct oracle_outcome *outcome)
{
    if (!c->rep) {
        return 1;
    }
    return (unsigned)(c->start.gpr[SEVC_RCX] - outcome->native.gpr[SEVC_RCX]);
}

/* A call serves SEVC_MMIO_REP_MAX elements at most, and with TF one. */
static void check_calls(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    unsigned elements = elements_of(c, outcome);
    unsigned each = c->tf_rf & RFLAGS_TF ? 1 : SEVC_MMIO_REP_MAX;
    unsigned least = elements == 0 ? 1 : (elements + each - 1) / each;
    unsigned calls = outcome->emulation.calls;

    if (calls < least || calls > least + 1) {
        differ(outcome, "calls (least, got)", least, calls);
    }
}

/*
 * The device sees what the bus would: for each element one access of the operand's size for a
 * read, one for a write, the read first.
 */
static void check_trace(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    const struct oracle_trace *trace = &outcome->emulation.trace;
    unsigned elements = elements_of(c, outcome);

    if (trace->violation != NULL && outcome->verdict != ORACLE_DIFFERENT) {
        outcome->verdict = ORACLE_DIFFERENT;
        snprintf(outcome->what, sizeof(outcome->what), "objection: %s", trace->violation);
    }
    if (trace->reads != elements * c->reads) {
        differ(outcome, "reads of the device", (uint64_t)elements * c->reads, trace->reads);
    }
    if (trace->writes != elements * c->writes) {
        differ(outcome, "writes to the device", (uint64_t)elements * c->writes, trace->writes);
    }
    if ((trace->sizes & ~(unsigned)c->data_bytes) != 0) {
        differ(outcome, "bytes of a device access", c->data_bytes, trace->sizes);
    }
    check_calls(c, outcome);
}

/* Where a ModRM operand is accessed; of strings, memory tells. */
static void check_addresses(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    const struct oracle_trace *trace = &outcome->emulation.trace;

    if (c->form->shape == ORACLE_STRING) {
        return;
    }
    for (unsigned i = 0; i < trace->reads + trace->writes && i < ORACLE_TRACE_MAX; i++) {
        if (trace->first[i].gpa != oracle_gpa(c->operand)) {
            differ(outcome, "device address", oracle_gpa(c->operand), trace->first[i].gpa);
        }
        if (trace->first[i].write != (i >= c->reads)) {
            differ(outcome, "order of device accesses", i >= c->reads, trace->first[i].write);
        }
    }
}

/* ---- one case ---- */

static bool run_native(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    struct oracle_wild wild;

    if (oracle_native_run(c->bytes, c->length, &c->start, c->bases, c->fs_base, c->gs_base,
                          &outcome->native, &wild)) {
        return true;
    }
    outcome->verdict = ORACLE_WILD;
    snprintf(outcome->what, sizeof(outcome->what),
             "the processor raised signal %d at %#" PRIx64 ", address %#" PRIx64, wild.signal,
             wild.rip, wild.address);
    oracle_memory_repair();
    return false;
}

static void compare_once(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    struct oracle_emulation *emulation = &outcome->emulation;
    bool refused;

    outcome->verdict = ORACLE_EQUAL;
    outcome->what[0] = '\0';
    /* The library fetches where the processor will: so the bytes are placed first. */
    memcpy((void *)c->start.rip, c->bytes, c->length);
    oracle_emulate(c, emulation);
    refused = is_refusal(&emulation->report, emulation->result);
    if (refused) {
        check_refusal(c, outcome);
    }
    /* What must be refused for good need not run: a locked access across lines stalls machines. */
    if (refused && c->refusal >= ORACLE_REFUSED_LOCK) {
        return;
    }
    if (!run_native(c, outcome)) {
        return;
    }
    if (refused) {
        oracle_memory_repair();
        return;
    }
    if (!is_completed(emulation->result)) {
        differ(outcome, "result", c->tf_rf & RFLAGS_TF ? SEVC_OK_TRAP : SEVC_OK, emulation->result);
    }
    check_result(c, outcome);
    check_registers(c, outcome);
    check_memory(outcome);
    check_trace(c, outcome);
    check_addresses(c, outcome);
}

void oracle_compare(const struct oracle_case *c, struct oracle_outcome *outcome)
{
    compare_once(c, outcome);
    for (outcome->tries = 1; outcome->verdict == ORACLE_WILD && outcome->tries < ORACLE_TRIES;
         outcome->tries++) {
        compare_once(c, outcome); /* the memory is equal again, if perhaps not what it was */
    }
}

/* ---- reports ---- */

static void print_bytes(FILE *stream, const struct oracle_case *c)
{
    for (unsigned i = 0; i < c->length; i++) {
        fprintf(stream, "%02x%s", c->bytes[i], i + 1 < c->length ? " " : "");
    }
}

void oracle_print_case(FILE *stream, const struct oracle_case *c,
                       const struct oracle_outcome *outcome)
{
    const struct oracle_emulation *emulation = &outcome->emulation;

    fprintf(stream, "  %s (%s), case %" PRIu64 ": ", c->form->mnemonic, c->form->encoding,
            c->number);
    print_bytes(stream, c);
    fprintf(stream, "\n    %s\n", outcome->what);
    fprintf(stream,
            "    rip %" PRIx64 "  rflags %" PRIx64 "%s%s  operand %" PRIx64
            " (%u bytes)  fs %" PRIx64 "  gs %" PRIx64 "\n",
            c->start.rip, c->start.rflags, c->tf_rf & RFLAGS_TF ? " TF" : "",
            c->tf_rf & RFLAGS_RF ? " RF" : "", c->operand, c->data_bytes, c->fs_base, c->gs_base);
    for (unsigned i = 0; i < 16; i++) {
        uint64_t after = sevc_trap_gpr_value(&emulation->trap, i);

        fprintf(stream, "    %-3s %016" PRIx64, oracle_register_names[i], c->start.gpr[i]);
        if (outcome->verdict != ORACLE_WILD && outcome->native.gpr[i] != c->start.gpr[i]) {
            fprintf(stream, "  processor %016" PRIx64, outcome->native.gpr[i]);
        }
        if (after != c->start.gpr[i]) {
            fprintf(stream, "  emulation %016" PRIx64, after);
        }
        fputc('\n', stream);
    }
    fprintf(stream, "    emulation: %s, %s, %s; %u calls, %u reads, %u writes\n",
            sevc_result_name(emulation->result), sevc_stage_name(emulation->report.stage),
            sevc_reason_name(emulation->report.reason), emulation->calls, emulation->trace.reads,
            emulation->trace.writes);
}
