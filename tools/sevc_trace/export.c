/* SPDX-License-Identifier: MIT */
/* sevc-trace export --json: the event format that Chrome's and Perfetto's viewers open. */
#include <inttypes.h>

#include <sevc/ghcb_abi.h>

#include "export.h"

struct state {
    FILE *out;
    const struct symbols *symbols;
    uint64_t first_time, events;
};

double microseconds(uint64_t ticks)
{
    uint64_t rate = current_header()->ticks;

    /* Without a rate a tick is shown as a nanosecond: the proportions are right. */
    return rate == 0 ? (double)ticks / 1000 : (double)ticks * 1e6 / (double)rate;
}

static void slice(struct state *state, unsigned cpu, const char *name, uint64_t from, uint64_t to)
{
    if (state->events == 0) {
        state->first_time = from;
    }
    fprintf(state->out,
            "%s\n{\"name\":\"%s\",\"cat\":\"sevc\",\"ph\":\"X\",\"pid\":1,\"tid\":%u,"
            "\"ts\":%.3f,\"dur\":%.3f,\"args\":{",
            state->events == 0 ? "" : ",", name, cpu,
            from < state->first_time ? -microseconds(state->first_time - from)
                                     : microseconds(from - state->first_time),
            microseconds(to > from ? to - from : 0));
    state->events++;
}

static void put_request(struct state *state, const struct trace_record *sent,
                        const struct trace_record *returned)
{
    uint64_t end = returned == NULL ? sent->time : returned->time;

    if (sent->type == SEVC_TRACE_TYPE_MSR_SENT) {
        slice(state, sent->cpu, "VMGEXIT (MSR protocol)", sent->time, end);
        fprintf(state->out, "\"request\":\"0x%" PRIx64 " %s\"}}", sent->msr,
                msr_request_name(sent->msr));
        return;
    }
    uint8_t page[TRACE_GHCB_BYTES];
    uint64_t code;

    trace_page_expand(&sent->page, page);
    code = ghcb_quadword(page, SEVC_GHCB_OFF_SW_EXITCODE);
    slice(state, sent->cpu, "VMGEXIT", sent->time, end);
    fprintf(state->out,
            "\"event\":\"0x%" PRIx64 " %s\",\"info1\":\"0x%" PRIx64 "\",\"info2\":\"0x%" PRIx64
            "\"}}",
            code, exit_name(code), ghcb_quadword(page, SEVC_GHCB_OFF_SW_EXITINFO1),
            ghcb_quadword(page, SEVC_GHCB_OFF_SW_EXITINFO2));
}

static bool is_reply(const struct trace_record *record, const struct trace_record *to)
{
    return record->type == to->type + 1;
}

static void put_exception(struct collected *exception, void *argument)
{
    struct state *state = argument;
    const struct trace_record *vc = &exception->vc;
    uint64_t end = vc->time;
    char symbol[128];

    for (unsigned i = 0; i < exception->count; i++) {
        end = exception->events[i].time > end ? exception->events[i].time : end;
    }
    end = exception->has_result ? exception->result.time : end;
    symbol_at(state->symbols, vc->vc.frame.rip, symbol, sizeof(symbol));
    slice(state, vc->cpu, exit_name(vc->vc.error_code), vc->time, end);
    fprintf(state->out, "\"exit\":\"0x%" PRIx64 "\",\"rip\":\"0x%" PRIx64 "\",\"symbol\":\"",
            vc->vc.error_code, vc->vc.frame.rip);
    for (const char *at = symbol; *at != '\0'; at++) {
        fputc(*at == '"' || *at == '\\' || *at < ' ' ? '_' : *at, state->out);
    }
    fprintf(state->out, "\",\"vmgexits\":%u,\"number\":%u}}", exception->vmgexits, vc->number);
    for (unsigned i = 0; i < exception->count; i++) {
        const struct trace_record *sent = &exception->events[i];

        if (sent->type == SEVC_TRACE_TYPE_PAGE_SENT || sent->type == SEVC_TRACE_TYPE_MSR_SENT) {
            bool replied = i + 1 < exception->count && is_reply(&exception->events[i + 1], sent);

            put_request(state, sent, replied ? &exception->events[i + 1] : NULL);
        }
    }
}

/* Explicit requests: as moments, for their replies are records of their own. */
static bool put_loose(const struct trace_record *record, void *argument)
{
    if (record->type == SEVC_TRACE_TYPE_PAGE_SENT || record->type == SEVC_TRACE_TYPE_MSR_SENT) {
        put_request(argument, record, NULL);
    }
    return true;
}

static int export_json(const struct options *options, FILE *out, const struct symbols *symbols)
{
    struct state state = { out, symbols, 0, 0 };
    int status;

    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
    status = for_each_exception(options, options->files[0], put_exception, put_loose, &state);
    fputs("\n]}\n", out);
    return status;
}

int command_export(const struct options *options)
{
    struct symbols *symbols = symbols_open(options);
    FILE *out;
    int status;

    if (options->elf != NULL && symbols == NULL) {
        return TOOL_USAGE;
    }
    if (options->html && options->json) {
        complain(options, "--html or --json, not both");
        symbols_close(symbols);
        return TOOL_USAGE;
    }
    out = open_output(options);
    status = TOOL_FAILED;
    if (out != NULL) {
        status =
            options->html ? export_html(options, out, symbols) : export_json(options, out, symbols);
        status = close_output(options, out, status);
    }
    symbols_close(symbols);
    return status;
}
