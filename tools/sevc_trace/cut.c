/* SPDX-License-Identifier: MIT */
/* sevc-trace cut: some exceptions of a trace, with all that belongs to them, as a trace. */
#include <errno.h>
#include <string.h>

#include "tool.h"

#define EXITS_MAX 64

struct state {
    const struct options *options;
    struct trace_writer *writer;
    uint64_t kept;
    struct {
        uint64_t code, kept;
    } exits[EXITS_MAX];
    bool failed;
};

static bool start(struct state *state)
{
    if (state->writer == NULL && !state->failed) {
        state->writer = trace_create(state->options->output, current_header());
        state->failed = state->writer == NULL;
        if (state->failed) {
            complain(state->options, "%s: cannot be written: %s", state->options->output,
                     strerror(errno));
        }
    }
    return !state->failed;
}

/* --each: has this exit had its share? */
static bool enough(struct state *state, uint64_t code)
{
    unsigned i = 0;

    if (state->options->each == 0) {
        return false;
    }
    while (i < EXITS_MAX - 1 && state->exits[i].kept != 0 && state->exits[i].code != code) {
        i++;
    }
    state->exits[i].code = code;
    return state->exits[i].kept++ >= state->options->each;
}

static void keep(struct collected *exception, void *argument)
{
    struct state *state = argument;

    if (!matches(state->options, exception) ||
        (state->options->count != 0 && state->kept >= state->options->count) ||
        enough(state, exception->vc.vc.error_code) || !start(state)) {
        return;
    }
    state->kept++;
    trace_put(state->writer, &exception->vc);
    for (unsigned i = 0; i < exception->count; i++) {
        trace_put_bytes(state->writer, exception->events[i].bytes, exception->events[i].length);
    }
    if (exception->has_result) {
        trace_put(state->writer, &exception->result);
    }
}

static bool keep_loose(const struct trace_record *record, void *argument)
{
    struct state *state = argument;

    if (record->type == SEVC_TRACE_TYPE_INFO && start(state)) {
        trace_put(state->writer, record);
    }
    return !state->failed;
}

int command_cut(const struct options *options)
{
    struct state state = { .options = options };
    int status;

    if (options->output == NULL) {
        complain(options, "where to? -o FILE, or -o FILE.zst");
        return TOOL_USAGE;
    }
    status = for_each_exception(options, options->files[0], keep, keep_loose, &state);
    if (state.writer != NULL && !trace_finish(state.writer)) {
        complain(options, "%s: cannot be written: %s", options->output, strerror(errno));
        return TOOL_FAILED;
    }
    if (state.kept == 0 && status == TOOL_OK && !state.failed) {
        complain(options, "%s: no exception is as asked for", options->files[0]);
        return TOOL_DIFFERENT;
    }
    return state.failed ? TOOL_FAILED : status;
}
