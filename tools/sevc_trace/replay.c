/* SPDX-License-Identifier: MIT */
/*
 * Replay: each recorded exception goes through the real libsevc again, with the recorded replies. What
 * it sends and what it ends with are compared with what was sent and what became of it then.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

#define KINDS_MAX  512
#define CPUS_MAX   256
#define KIND_BYTES (DIFFERENCE_BYTES + 64)

/* Differences of one kind. */
struct kind {
    char text[KIND_BYTES];
    uint64_t count;
    bool known; /* from the file of --known */
    bool maybe; /* and need not be there */
    uint32_t exception, cpu;
    uint64_t rip; /* of the first */
};

struct state {
    const struct options *options;
    struct trace_record info;
    bool has_info;
    struct sevc_cpu cpus[CPUS_MAX];
    struct sevc_policy policy;
    struct sevc_hypercall_abi abi;
    uint8_t backup[TRACE_GHCB_BYTES] __attribute__((aligned(4096)));
    const struct collected *exception; /* the one at hand */
    struct kind kinds[KINDS_MAX];
    unsigned kind_count;
    bool too_many;
    uint64_t replayed, equal, results, not_64_bit, unfinished, pinned, errors, loose, truncated;
};

/* ---- differences ---- */

static struct kind *find_kind(struct state *state, const char *text)
{
    for (unsigned i = 0; i < state->kind_count; i++) {
        if (strcmp(state->kinds[i].text, text) == 0) {
            return &state->kinds[i];
        }
    }
    if (state->kind_count == KINDS_MAX) {
        state->too_many = true;
        return NULL;
    }
    snprintf(state->kinds[state->kind_count].text, KIND_BYTES, "%s", text);
    return &state->kinds[state->kind_count++];
}

/* "0x72 CPUID: only the guest sends XCR0" */
static void differ(const char *what, void *argument)
{
    struct state *state = argument;
    const struct trace_record *vc = &state->exception->vc;
    char text[KIND_BYTES];
    struct kind *kind;

    snprintf(text, sizeof(text), "0x%" PRIx64 " %s: %s", vc->vc.error_code,
             exit_name(vc->vc.error_code), what);
    kind = find_kind(state, text);
    if (kind == NULL) {
        return;
    }
    if (kind->count++ == 0) {
        kind->exception = vc->number;
        kind->cpu = vc->cpu;
        kind->rip = vc->vc.frame.rip;
    }
}

/* ---- the CPU ---- */

static void set_policy(struct state *state)
{
    const struct trace_info *info = &state->info.info;

    if (!state->has_info || (state->info.flags & SEVC_TRACE_HAS_POLICY) == 0) {
        state->policy = (struct sevc_policy){ .mmio = SEVC_MMIO_EXTENDED,
                                              .user_io = SEVC_USER_IO_BITMAP,
                                              .invd = SEVC_INVD_FORWARD,
                                              .hypercall = &sevc_hypercall_kvm };
        return;
    }
    state->abi = (struct sevc_hypercall_abi){
        .inputs = info->call_inputs,
        .outputs = info->call_outputs,
        .rip = (info->call_flags & SEVC_TRACE_CALL_RIP) != 0,
        .user = (info->call_flags & SEVC_TRACE_CALL_USER) != 0,
    };
    state->policy = (struct sevc_policy){
        .mmio = (enum sevc_mmio_policy)info->mmio,
        .user_io = (enum sevc_user_io_policy)info->user_io,
        .invd = (enum sevc_invd_policy)info->invd,
        .monitor = (enum sevc_monitor_policy)info->monitor,
        .unsupported = (enum sevc_unsupported_policy)info->unsupported,
        .hypercall = (info->call_flags & SEVC_TRACE_CALL_SERVED) != 0 ? &state->abi : NULL,
    };
}

/* The first request tells what INFO may not: where the GHCB is, and which version is spoken. */
static const struct trace_record *first_request(const struct collected *exception)
{
    for (unsigned i = 0; i < exception->count; i++) {
        if (exception->events[i].type == SEVC_TRACE_TYPE_PAGE_SENT) {
            return &exception->events[i];
        }
    }
    return NULL;
}

static struct sevc_cpu *ready_cpu(struct state *state, const struct collected *exception)
{
    struct sevc_cpu *cpu = &state->cpus[exception->vc.cpu % CPUS_MAX];
    const struct trace_record *request = first_request(exception);
    uint64_t gpa = 0x1000;
    uint16_t version = state->has_info ? state->info.info.version : 2;
    uint8_t page[TRACE_GHCB_BYTES];

    if (request != NULL) {
        gpa = request->page.gpa;
        trace_page_expand(&request->page, page);
        if ((page[SEVC_GHCB_OFF_PROTOCOL_VERSION] == 1 ||
             page[SEVC_GHCB_OFF_PROTOCOL_VERSION] == 2) &&
            page[SEVC_GHCB_OFF_PROTOCOL_VERSION + 1] == 0) {
            version = page[SEVC_GHCB_OFF_PROTOCOL_VERSION];
        }
    }
    if (cpu->magic != SEVC_CPU_MAGIC) {
        cpu->dr7 = SEVC_DR7_RESET; /* remembered from one exception to the next */
    }
    cpu->magic = SEVC_CPU_MAGIC;
    cpu->ghcb = (struct sevc_shared_page){ replay_ghcb, gpa };
    cpu->backup = state->backup;
    cpu->policy = &state->policy;
    cpu->depth = 0;
    cpu->platform = (struct sevc_platform){
        .sev_status = state->has_info ? state->info.info.sev_status : 3,
        .version = version == 0 ? 2 : version,
        .c_bit = state->has_info && state->info.info.c_bit != 0 ? state->info.info.c_bit : 51,
    };
    memset(replay_ghcb, 0, sizeof(replay_ghcb));
    return cpu;
}

/* ---- one exception ---- */

static void set_trap(struct sevc_trap *trap, const struct trace_exception *vc)
{
    memcpy(trap->gpr, vc->frame.gpr, sizeof(trap->gpr));
    trap->error_code = vc->error_code;
    trap->rip = vc->frame.rip;
    trap->cs = vc->frame.cs;
    trap->rflags = vc->frame.rflags;
    trap->rsp = vc->frame.rsp;
    trap->ss = vc->frame.ss;
}

/* By the MSR protocol and nothing else: that is the early handler's work. */
static bool is_early(const struct collected *exception)
{
    bool msr = false;

    for (unsigned i = 0; i < exception->count; i++) {
        if (exception->events[i].type == SEVC_TRACE_TYPE_PAGE_SENT) {
            return false;
        }
        msr |= exception->events[i].type == SEVC_TRACE_TYPE_MSR_SENT;
    }
    return msr;
}

/* It reads the instruction where RIP points, so RIP has to point at a copy. */
static enum sevc_result run_early(struct replay *replay)
{
    const uint8_t *bytes;
    unsigned known = collected_insn(replay->exception, &bytes);
    uint64_t rip = replay->trap.rip;
    enum sevc_result result;

    memcpy(replay->code, bytes, known);
    replay->trap.rip = (uint64_t)(uintptr_t)replay->code;
    replay->ghcb_msr = 0;
    result = sevc_early_handle_vc(&replay->trap, &replay->report);
    replay->trap.rip = rip + (replay->trap.rip - (uint64_t)(uintptr_t)replay->code);
    return result;
}

static const char *gpr_name(unsigned gpr)
{
    static const char *const names[] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                         "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15" };

    return names[gpr & 15];
}

static void compare_frame(const struct replay *replay, const struct trace_frame *then)
{
    const struct sevc_trap *now = &replay->trap;
    uint64_t flags = now->rflags ^ then->rflags;

    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP && now->gpr[i] != then->gpr[i]) {
            replay_differ("%s is not the same afterwards", gpr_name(i));
        }
    }
    if (now->rip != then->rip) {
        replay_differ("RIP is not the same afterwards");
    }
    if ((flags & ~SEVC_RFLAGS_RF) != 0) {
        replay_differ("RFLAGS is not the same afterwards");
    } else if (flags != 0) {
        replay_differ("the guest leaves RFLAGS.RF set");
    }
    if (now->rsp != then->rsp || now->cs != then->cs || now->ss != then->ss) {
        replay_differ("RSP, CS or SS is not the same afterwards");
    }
}

/* Both are sevc: every word of the report counts. */
static void compare_report(const struct replay *replay, const struct trace_result *then)
{
    const struct sevc_report *now = &replay->report;
    bool raises = now->result == SEVC_EXCEPTION || now->result == SEVC_OK_TRAP;

    if (now->result != then->result) {
        replay_differ("result %s, recorded %s", sevc_result_name(now->result),
                      trace_result_name(then->result));
    }
    if (strcmp(sevc_reason_name(now->reason), then->reason) != 0) {
        replay_differ("reason %s, recorded %.24s", sevc_reason_name(now->reason), then->reason);
    }
    if (now->vmgexits != then->vmgexits || now->nae_code != then->nae_code) {
        replay_differ("another number or kind of VMGEXITs");
    }
    if (raises && (now->fault.vector != then->vector || now->fault.cr2 != then->cr2 ||
                   now->fault.error_code != then->error_code)) {
        replay_differ("another exception is raised");
    }
}

static void compare_result(struct state *state, struct replay *replay)
{
    const struct trace_record *then = &replay->exception->result;
    enum sevc_result result = replay->report.result;
    bool raised = result == SEVC_EXCEPTION || result == SEVC_OK_TRAP;

    if (replay->out_of_replies || !replay->exception->has_result) {
        return;
    }
    state->results++;
    if ((then->flags & SEVC_TRACE_HAS_REPORT) != 0) {
        compare_report(replay, &then->result);
        compare_frame(replay, &then->result.frame);
    } else if (!raised && result < SEVC_UNSUPPORTED) {
        compare_frame(replay, &then->result.frame);
    } else if (raised && then->result.frame.rip == replay->trap.rip && result == SEVC_EXCEPTION &&
               replay->exception->vc.vc.error_code != SEVC_EXIT_DB) {
        replay_differ("sevc raises an exception, the guest does not");
    }
}

static bool has_report(const struct collected *exception)
{
    return exception->has_result && (exception->result.flags & SEVC_TRACE_HAS_REPORT) != 0;
}

/* Not one of its own making, and the reply of the trace was there. */
static void note_error(struct state *state, const struct replay *replay)
{
    enum sevc_result result = replay->report.result;

    if (result >= SEVC_UNSUPPORTED && !replay->out_of_replies && !has_report(replay->exception)) {
        state->errors++;
        replay_differ("error: %s, %s, %s", sevc_result_name(result),
                      sevc_stage_name(replay->report.stage),
                      sevc_reason_name(replay->report.reason));
    }
}

static bool skip(struct state *state, const struct collected *exception)
{
    if ((exception->vc.flags & SEVC_TRACE_HAS_CODE_BITS) == 0 || exception->vc.vc.code_bits != 64) {
        state->not_64_bit++;
        return true;
    }
    if (!exception->has_result && exception->vmgexits == 0) {
        state->unfinished++;
        return true;
    }
    if (exception->overflow) {
        state->truncated++;
        return true;
    }
    if (state->has_info && (state->info.flags & SEVC_TRACE_CPUID_PINNED) != 0 &&
        exception->vc.vc.error_code == SEVC_EXIT_CPUID && exception->vmgexits == 0) {
        state->pinned++;
        return true;
    }
    return false;
}

static void replay_one(struct collected *exception, void *argument)
{
    struct state *state = argument;
    struct replay replay = {
        .info = state->has_info ? &state->info.info : NULL,
        .info_flags = state->info.flags,
        .exception = exception,
        .differ = differ,
        .argument = state,
    };

    if (state->options->count != 0 && state->replayed >= state->options->count) {
        return;
    }
    if (skip(state, exception)) {
        return;
    }
    state->exception = exception;
    replay_now = &replay;
    set_policy(state);
    set_trap(&replay.trap, &exception->vc.vc);
    replay.cpu = ready_cpu(state, exception);
    replay.ghcb_msr = replay.cpu->ghcb.gpa;
    if (is_early(exception)) {
        replay.report.result = run_early(&replay);
    } else {
        (void)sevc_handle_vc(replay.cpu, &replay.trap, &replay.report);
    }
    replay_host_finish();
    note_error(state, &replay);
    compare_result(state, &replay);
    state->replayed++;
    state->equal += replay.differences == 0;
}

static bool take_loose(const struct trace_record *record, void *argument)
{
    struct state *state = argument;

    if (record->type == SEVC_TRACE_TYPE_INFO && !state->has_info) {
        state->info = *record;
        state->has_info = true;
    }
    state->loose +=
        record->type == SEVC_TRACE_TYPE_PAGE_SENT || record->type == SEVC_TRACE_TYPE_MSR_SENT;
    return true;
}

/* ---- what is expected, and what was found ---- */

/*
 * Lines "kind # reason"; empty ones, and ones that start with '#', are for people. "~ " in front: it
 * need not be there (a part of a trace has not all differences of the whole).
 */
static bool read_known(struct state *state)
{
    FILE *file = fopen(state->options->known, "r");
    char line[512];

    if (file == NULL) {
        complain(state->options, "%s: cannot be opened", state->options->known);
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        char *end = strstr(line, " # ");
        struct kind *kind;

        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (end == NULL) {
            complain(state->options, "%s: a difference without \" # reason\": %s",
                     state->options->known, line);
            (void)fclose(file);
            return false;
        }
        while (end > line && end[-1] == ' ') {
            end--;
        }
        *end = '\0';
        kind = find_kind(state, strncmp(line, "~ ", 2) == 0 ? line + 2 : line);
        if (kind != NULL) {
            kind->known = true;
            kind->maybe = strncmp(line, "~ ", 2) == 0;
        }
    }
    (void)fclose(file);
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct kind *left = a;
    const struct kind *right = b;

    return left->count < right->count ? 1 : left->count > right->count ? -1 : 0;
}

/* Result: how many kinds are not as expected. */
static unsigned print_kinds(struct state *state, FILE *out)
{
    unsigned wrong = 0;

    qsort(state->kinds, state->kind_count, sizeof(state->kinds[0]), by_count);
    for (unsigned i = 0; i < state->kind_count; i++) {
        const struct kind *kind = &state->kinds[i];

        if (kind->count == 0 && kind->maybe) {
            continue;
        }
        if (kind->count == 0) {
            fprintf(out, "expected, but not there: %s\n", kind->text);
            wrong++;
            continue;
        }
        fprintf(out, "%s%s (%" PRIu64 " times; first: exception %u of CPU %u at 0x%" PRIx64 ")\n",
                kind->known ? "known: " : "", kind->text, kind->count, kind->exception, kind->cpu,
                kind->rip);
        wrong += !kind->known;
    }
    return wrong;
}

static void print_skipped(FILE *out, uint64_t count, const char *why)
{
    if (count != 0) {
        fprintf(out, "%" PRIu64 " %s\n", count, why);
    }
}

static int conclude(struct state *state, FILE *out, int status)
{
    unsigned wrong = print_kinds(state, out);

    print_skipped(out, state->not_64_bit, "exceptions of code that is not 64-bit: not replayed");
    print_skipped(out, state->unfinished, "exceptions without request or result: not replayed");
    print_skipped(out, state->pinned,
                  "CPUID exceptions answered from a pinned table: not replayed");
    print_skipped(out, state->truncated, "exceptions with too many records: not replayed");
    print_skipped(out, state->loose, "requests outside of exceptions: nothing to replay");
    print_skipped(out, state->errors, "exceptions that sevc ends with an error");
    fprintf(out,
            "%" PRIu64 " exceptions replayed, %" PRIu64 " without any difference, %" PRIu64
            " with a result to compare\n",
            state->replayed, state->equal, state->results);
    if (state->too_many) {
        complain(state->options, "more kinds of differences than can be counted");
    }
    if (state->replayed == 0) {
        complain(state->options, "%s: there is no exception that could be replayed",
                 state->options->files[0]);
        return status == TOOL_OK ? TOOL_DIFFERENT : status;
    }
    return status == TOOL_OK && (wrong != 0 || state->too_many) ? TOOL_DIFFERENT : status;
}

int command_replay(const struct options *options)
{
    struct state *state = aligned_alloc(4096, (sizeof(*state) + 4095) / 4096 * 4096);
    int status = TOOL_USAGE;
    FILE *out;

    if (state == NULL) {
        complain(options, "no memory");
        return TOOL_FAILED;
    }
    memset(state, 0, sizeof(*state));
    state->options = options;
    out = open_output(options);
    if (out == NULL) {
        status = TOOL_FAILED;
    } else {
        if (options->known == NULL || read_known(state)) {
            status = for_each_exception(options, options->files[0], replay_one, take_loose, state);
            status = conclude(state, out, status);
        }
        status = close_output(options, out, status);
    }
    free(state);
    return status;
}
