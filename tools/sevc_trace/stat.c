/* SPDX-License-Identifier: MIT */
/* sevc-trace stat: how often, how long, and where. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sevc/ghcb_abi.h>

#include "tool.h"

#define EXITS_MAX   64
#define PLACES      8192 /* of the table of addresses: a power of two */
#define PLACES_FULL (PLACES * 3 / 4)
#define HOTTEST     20

struct exit_row {
    uint64_t code;
    uint64_t count, vmgexits, ticks, host_ticks, longest;
};

struct place {
    uint64_t rip, exit, count, vmgexits;
    uint8_t insn[16], insn_bytes, code_bits;
};

struct state {
    const struct options *options;
    struct exit_row rows[EXITS_MAX];
    unsigned row_count;
    struct place places[PLACES];
    unsigned place_count;
    uint64_t elsewhere; /* exceptions at addresses that the table has no room for */
    uint64_t page_requests, msr_requests, results[9], unknown_results;
};

static struct exit_row *row_of(struct state *state, uint64_t code)
{
    for (unsigned i = 0; i < state->row_count; i++) {
        if (state->rows[i].code == code) {
            return &state->rows[i];
        }
    }
    if (state->row_count < EXITS_MAX) {
        state->rows[state->row_count++].code = code;
    }
    return &state->rows[state->row_count - 1];
}

/* A guest with more hot addresses than that has none that is hot. */
static struct place *place_of(struct state *state, const struct collected *exception)
{
    uint64_t rip = exception->vc.vc.frame.rip;
    uint64_t exit = exception->vc.vc.error_code;
    uint64_t at = (rip ^ exit << 7) * 0x9E3779B97F4A7C15u >> 51;
    const uint8_t *bytes;

    for (;; at++) {
        struct place *place = &state->places[at % PLACES];

        if (place->count == 0) {
            if (state->place_count == PLACES_FULL) {
                return NULL;
            }
            state->place_count++;
            place->rip = rip;
            place->exit = exit;
            place->insn_bytes = (uint8_t)collected_insn(exception, &bytes);
            place->code_bits = exception->vc.vc.code_bits;
            memcpy(place->insn, bytes, place->insn_bytes);
            return place;
        }
        if (place->rip == rip && place->exit == exit) {
            return place;
        }
    }
}

/* Between request and reply. */
static uint64_t host_ticks(const struct collected *exception)
{
    uint64_t ticks = 0;
    uint64_t sent = 0;
    bool open = false;

    for (unsigned i = 0; i < exception->count; i++) {
        const struct trace_record *event = &exception->events[i];

        if (event->type == SEVC_TRACE_TYPE_PAGE_SENT || event->type == SEVC_TRACE_TYPE_MSR_SENT) {
            sent = event->time;
            open = true;
        } else if (open && (event->type == SEVC_TRACE_TYPE_PAGE_RETURNED ||
                            event->type == SEVC_TRACE_TYPE_MSR_RETURNED)) {
            ticks += event->time - sent;
            open = false;
        }
    }
    return ticks;
}

static void count(struct collected *exception, void *argument)
{
    struct state *state = argument;
    struct exit_row *row;
    struct place *place;

    if (!matches(state->options, exception)) {
        return;
    }
    row = row_of(state, exception->vc.vc.error_code);
    row->count++;
    row->vmgexits += exception->vmgexits;
    row->host_ticks += host_ticks(exception);
    if (exception->has_result) {
        uint64_t ticks = exception->result.time - exception->vc.time;

        row->ticks += ticks;
        row->longest = ticks > row->longest ? ticks : row->longest;
    }
    if (exception->has_result && (exception->result.flags & SEVC_TRACE_HAS_REPORT) != 0 &&
        exception->result.result.result < 9) {
        state->results[exception->result.result.result]++;
    } else {
        state->unknown_results++;
    }
    place = place_of(state, exception);
    if (place == NULL) {
        state->elsewhere++;
        return;
    }
    place->count++;
    place->vmgexits += exception->vmgexits;
}

static bool count_loose(const struct trace_record *record, void *argument)
{
    struct state *state = argument;

    state->page_requests += record->type == SEVC_TRACE_TYPE_PAGE_SENT;
    state->msr_requests += record->type == SEVC_TRACE_TYPE_MSR_SENT;
    return true;
}

static int rows_by_count(const void *a, const void *b)
{
    const struct exit_row *left = a;
    const struct exit_row *right = b;

    return left->count < right->count ? 1 : left->count > right->count ? -1 : 0;
}

static int places_by_count(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;

    return left->count < right->count ? 1 : left->count > right->count ? -1 : 0;
}

/* Ticks as microseconds, if their rate is known. */
static double in_us(uint64_t ticks)
{
    uint64_t rate = current_header()->ticks;

    return rate == 0 ? (double)ticks : (double)ticks * 1e6 / (double)rate;
}

static void print_rows(struct state *state, FILE *out)
{
    const char *unit = current_header()->ticks == 0 ? "ticks" : "us";

    qsort(state->rows, state->row_count, sizeof(state->rows[0]), rows_by_count);
    fprintf(out, "%-6s %-20s %10s %10s %9s %12s %12s %12s\n", "exit", "", "#VC", "VMGEXIT",
            "per #VC", unit, "longest", "of the host");
    for (unsigned i = 0; i < state->row_count; i++) {
        const struct exit_row *row = &state->rows[i];

        fprintf(out,
                "0x%-4" PRIx64 " %-20s %10" PRIu64 " %10" PRIu64 " %9.2f %12.1f %12.1f %12.1f\n",
                row->code, exit_name(row->code), row->count, row->vmgexits,
                (double)row->vmgexits / (double)row->count, in_us(row->ticks) / (double)row->count,
                in_us(row->longest), in_us(row->host_ticks) / (double)row->count);
    }
}

static void print_places(struct state *state, FILE *out, const struct symbols *symbols)
{
    qsort(state->places, PLACES, sizeof(state->places[0]), places_by_count);
    fprintf(out, "\nhottest instructions\n");
    for (unsigned i = 0; i < HOTTEST && state->places[i].count != 0; i++) {
        const struct place *place = &state->places[i];
        char text[96];
        char name[128];

        disassemble(place->insn, place->insn_bytes, place->code_bits, place->rip, text,
                    sizeof(text));
        symbol_at(symbols, place->rip, name, sizeof(name));
        fprintf(out, "%10" PRIu64 " %10" PRIu64 "  0x%016" PRIx64 "  %-28s %s\n", place->count,
                place->vmgexits, place->rip, text[0] != '\0' ? text : "?", name);
    }
    if (state->elsewhere != 0) {
        fprintf(out, "%10" PRIu64 " exceptions at more than %u other addresses\n", state->elsewhere,
                (unsigned)PLACES_FULL);
    }
}

int command_stat(const struct options *options)
{
    struct state *state = calloc(1, sizeof(*state));
    struct symbols *symbols = symbols_open(options);
    FILE *out = state == NULL ? NULL : open_output(options);
    int status = TOOL_FAILED;

    if (options->elf != NULL && symbols == NULL) {
        status = TOOL_USAGE;
    } else if (out != NULL) {
        state->options = options;
        status = for_each_exception(options, options->files[0], count, count_loose, state);
        print_rows(state, out);
        for (uint8_t i = 0; i < 9; i++) {
            if (state->results[i] != 0) {
                fprintf(out, "%s %" PRIu64 "  ", trace_result_name(i), state->results[i]);
            }
        }
        if (state->unknown_results != 0) {
            fprintf(out, "result not known %" PRIu64, state->unknown_results);
        }
        fprintf(out,
                "\noutside of exceptions: %" PRIu64 " by the page protocol, %" PRIu64
                " by the MSR protocol\n",
                state->page_requests, state->msr_requests);
        print_places(state, out, symbols);
    }
    if (out != NULL) {
        status = close_output(options, out, status);
    }
    symbols_close(symbols);
    free(state);
    return status;
}
