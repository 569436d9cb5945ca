/* SPDX-License-Identifier: MIT */
/*
 * sevc-trace import-kvm: what a real host saw. Reads the text of ftrace with KVM's events
 *
 *     kvm_vmgexit_enter, kvm_vmgexit_exit             vcpu, exit_reason, exit_info1, exit_info2
 *     kvm_vmgexit_msr_protocol_enter, ..._exit        vcpu, ghcb_gpa (and the latter: result)
 *
 * as Linux's arch/x86/kvm/trace.h prints them (vcpu and result decimal, the others hexadecimal), and
 * makes records of what they hold: the three words of the page, the MSR, the handler's result.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sevc/ghcb_abi.h>

#include "tool.h"

#define LINE_BYTES 1024
#define CPUS_MAX   4096

struct state {
    const struct options *options;
    struct trace_writer *writer;
    uint32_t numbers[CPUS_MAX];
    uint64_t records, other_lines, bad_lines, line;
    bool failed;
};

/* The number behind KEY; false if it is not there. */
static bool value_of(const char *text, const char *key, int base, uint64_t *value)
{
    const char *at = strstr(text, key);
    char *end;

    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    errno = 0;
    *value = strtoull(at, &end, base);
    return end != at && errno == 0;
}

/* "  task-123   [004] d..2. 1234.567890: event: ...": the time in front of the event's name. */
static uint64_t time_before(const char *line, const char *event)
{
    const char *at = event;
    uint64_t seconds = 0;
    uint64_t fraction = 0;
    unsigned digits = 0;
    char *end;

    while (at > line && (at[-1] == ' ' || at[-1] == ':')) {
        at--;
    }
    while (at > line && at[-1] != ' ') {
        at--;
    }
    seconds = strtoull(at, &end, 10);
    if (*end != '.') {
        return 0;
    }
    for (at = end + 1; *at >= '0' && *at <= '9' && digits < 9; at++, digits++) {
        fraction = fraction * 10 + (unsigned)(*at - '0');
    }
    for (; digits < 9; digits++) {
        fraction *= 10;
    }
    return seconds * 1000000000u + fraction;
}

static bool put(struct state *state, struct trace_record *record, uint64_t cpu)
{
    record->cpu = (uint16_t)cpu;
    record->number = ++state->numbers[cpu];
    state->records++;
    if (!trace_put(state->writer, record)) {
        state->failed = true;
    }
    return true;
}

static void put_field(uint8_t *page, unsigned offset, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        page[offset + i] = (uint8_t)(value >> (8 * i));
    }
    page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] |= (uint8_t)(1u << offset / 8 % 8);
}

static bool take_page(struct state *state, uint16_t type, const char *text, uint64_t time)
{
    struct trace_record record = { .type = type, .time = time };
    uint8_t page[TRACE_GHCB_BYTES] = { 0 };
    uint8_t runs[TRACE_RUNS_MAX_BYTES];
    uint64_t cpu, reason, info1, info2;

    /* KVM calls them exit_reason, exit_info1, exit_info2. */
    if (!value_of(text, "vcpu ", 10, &cpu) || cpu >= CPUS_MAX ||
        !value_of(text, "exit_reason ", 16, &reason) ||
        !value_of(text, "exit_info1 ", 16, &info1) || !value_of(text, "exit_info2 ", 16, &info2)) {
        return false;
    }
    put_field(page, SEVC_GHCB_OFF_SW_EXITCODE, reason);
    put_field(page, SEVC_GHCB_OFF_SW_EXITINFO1, info1);
    put_field(page, SEVC_GHCB_OFF_SW_EXITINFO2, info2);
    trace_page_pack(&record.page, page, runs);
    return put(state, &record, cpu);
}

static bool take_msr(struct state *state, uint16_t type, const char *text, uint64_t time)
{
    struct trace_record record = { .type = type, .time = time };
    uint64_t cpu;
    uint64_t result = 0;

    if (!value_of(text, "vcpu ", 10, &cpu) || cpu >= CPUS_MAX ||
        !value_of(text, "ghcb_gpa ", 16, &record.msr)) {
        return false;
    }
    if (type == SEVC_TRACE_TYPE_MSR_RETURNED && !value_of(text, "result ", 10, &result)) {
        return false;
    }
    record.flags = (uint32_t)result;
    return put(state, &record, cpu);
}

static const struct {
    const char *name;
    uint16_t type;
    bool (*take)(struct state *state, uint16_t type, const char *text, uint64_t time);
} events[] = {
    { "kvm_vmgexit_enter: ", SEVC_TRACE_TYPE_PAGE_SENT, take_page },
    { "kvm_vmgexit_exit: ", SEVC_TRACE_TYPE_PAGE_RETURNED, take_page },
    { "kvm_vmgexit_msr_protocol_enter: ", SEVC_TRACE_TYPE_MSR_SENT, take_msr },
    { "kvm_vmgexit_msr_protocol_exit: ", SEVC_TRACE_TYPE_MSR_RETURNED, take_msr },
};

static void take_line(struct state *state, const char *line)
{
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        const char *at = strstr(line, events[i].name);

        if (at == NULL) {
            continue;
        }
        if (!events[i].take(state, events[i].type, at + strlen(events[i].name),
                            time_before(line, at))) {
            state->bad_lines++;
            if (state->bad_lines == 1) {
                complain(state->options, "%s:%" PRIu64 ": an event without its numbers",
                         state->options->files[0], state->line);
            }
        }
        return;
    }
    state->other_lines++;
}

static bool put_info(struct state *state)
{
    struct trace_record record = { .type = SEVC_TRACE_TYPE_INFO, .number = 1 };

    snprintf(record.info.text, sizeof(record.info.text), "imported from KVM's trace events: %s",
             state->options->files[0]);
    state->numbers[0] = 1;
    return trace_put(state->writer, &record);
}

static int import(struct state *state, FILE *in)
{
    static char line[LINE_BYTES];

    while (!state->failed && fgets(line, sizeof(line), in) != NULL) {
        state->line++;
        take_line(state, line);
    }
    if (ferror(in)) {
        complain(state->options, "%s: cannot read on", state->options->files[0]);
        return TOOL_DAMAGED;
    }
    if (state->records == 0) {
        complain(
            state->options,
            "%s: none of KVM's vmgexit events is in it (enable kvm:kvm_vmgexit_enter and so on)",
            state->options->files[0]);
        return TOOL_DAMAGED;
    }
    printf("%" PRIu64 " records, %" PRIu64 " other lines, %" PRIu64 " damaged events\n",
           state->records, state->other_lines, state->bad_lines);
    return state->bad_lines == 0 ? TOOL_OK : TOOL_DAMAGED;
}

int command_import_kvm(const struct options *options)
{
    static struct state state;
    const struct trace_header header = { SEVC_TRACE_MAJOR, SEVC_TRACE_MINOR, SEVC_TRACE_BY_KVM,
                                         SEVC_TRACE_NO_MEMORY, 1000000000 };
    FILE *in;
    int status;

    if (options->output == NULL) {
        complain(options, "where to? -o FILE, or -o FILE.zst");
        return TOOL_USAGE;
    }
    state.options = options;
    in = strcmp(options->files[0], "-") == 0 ? stdin : fopen(options->files[0], "r");
    if (in == NULL) {
        complain(options, "%s: cannot be opened: %s", options->files[0], strerror(errno));
        return TOOL_DAMAGED;
    }
    state.writer = trace_create(options->output, &header);
    if (state.writer == NULL || !put_info(&state)) {
        complain(options, "%s: cannot be written: %s", options->output, strerror(errno));
        return TOOL_FAILED;
    }
    status = import(&state, in);
    if (!trace_finish(state.writer)) {
        complain(options, "%s: cannot be written: %s", options->output, strerror(errno));
        status = TOOL_FAILED;
    }
    if (in != stdin) {
        (void)fclose(in);
    }
    return status;
}
