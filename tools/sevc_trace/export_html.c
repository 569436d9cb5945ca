/* SPDX-License-Identifier: MIT */
/*
 * sevc-trace export --html: one page that needs nothing else. Its size and the memory to make it do not
 * depend on the trace's: exceptions are counted in slots of time that grow as the trace goes on.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"

#define SLOTS      512 /* of the timeline: even */
#define KINDS_MAX  8   /* exits with a colour of their own; the last is for the others */
#define CPUS_SHOWN 16
#define EXITS_MAX  64
#define PLACES_MAX 4096
#define HOTTEST    15

struct exit_count {
    uint64_t code, vc, vmgexits;
};

struct place {
    uint64_t rip, exit, count;
    uint8_t insn[16], insn_bytes, code_bits;
};

struct state {
    const struct symbols *symbols;
    struct exit_count exits[EXITS_MAX];
    unsigned exit_count;
    struct place places[PLACES_MAX];
    unsigned place_count;
    uint64_t slots[CPUS_SHOWN][SLOTS][KINDS_MAX];
    uint64_t colours[KINDS_MAX]; /* exit codes in the order of their appearance */
    unsigned colour_count;
    uint64_t start, width; /* of a slot, in ticks */
    uint64_t exceptions, vmgexits, loose, last_time;
    unsigned cpus, last_slot;
};

static const char *const palette[KINDS_MAX] = { "#4269d0", "#efb118", "#ff725c", "#6cc5b0",
                                                "#3ca951", "#a463f2", "#97bbf5", "#9c9c9c" };

/* ---- counting ---- */

static unsigned kind_of(struct state *state, uint64_t code)
{
    for (unsigned i = 0; i < state->colour_count; i++) {
        if (state->colours[i] == code) {
            return i;
        }
    }
    if (state->colour_count < KINDS_MAX - 1) {
        state->colours[state->colour_count] = code;
        return state->colour_count++;
    }
    return KINDS_MAX - 1;
}

/* Slots become twice as long, two into one. */
static void widen(struct state *state)
{
    for (unsigned cpu = 0; cpu < CPUS_SHOWN; cpu++) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            for (unsigned kind = 0; kind < KINDS_MAX; kind++) {
                state->slots[cpu][slot][kind] =
                    slot < SLOTS / 2
                        ? state->slots[cpu][2 * slot][kind] + state->slots[cpu][2 * slot + 1][kind]
                        : 0;
            }
        }
    }
    state->width *= 2;
    state->last_slot /= 2;
}

static void note_time(struct state *state, const struct collected *exception)
{
    uint64_t time = exception->vc.time;
    unsigned cpu = exception->vc.cpu;
    unsigned slot;

    if (state->exceptions == 1) {
        state->start = time;
        state->width = 1;
    }
    if (time < state->start) {
        time = state->start; /* another CPU's, a moment earlier */
    }
    while ((time - state->start) / state->width >= SLOTS) {
        widen(state);
    }
    slot = (unsigned)((time - state->start) / state->width);
    state->last_slot = slot > state->last_slot ? slot : state->last_slot;
    state->last_time = time > state->last_time ? time : state->last_time;
    if (cpu < CPUS_SHOWN) {
        state->slots[cpu][slot][kind_of(state, exception->vc.vc.error_code)]++;
    }
    state->cpus = cpu + 1 > state->cpus ? cpu + 1 : state->cpus;
}

static void note_exit(struct state *state, const struct collected *exception)
{
    unsigned i = 0;

    while (i < state->exit_count && state->exits[i].code != exception->vc.vc.error_code) {
        i++;
    }
    if (i == state->exit_count) {
        if (i == EXITS_MAX) {
            return;
        }
        state->exit_count++;
        state->exits[i] = (struct exit_count){ exception->vc.vc.error_code, 0, 0 };
    }
    state->exits[i].vc++;
    state->exits[i].vmgexits += exception->vmgexits;
}

static void note_place(struct state *state, const struct collected *exception)
{
    uint64_t rip = exception->vc.vc.frame.rip;
    uint64_t at = (rip * 0x9E3779B97F4A7C15u >> 52) % PLACES_MAX;
    const uint8_t *bytes;

    for (unsigned tried = 0; tried < 64; tried++, at = (at + 1) % PLACES_MAX) {
        struct place *place = &state->places[at];

        if (place->count == 0) {
            place->rip = rip;
            place->exit = exception->vc.vc.error_code;
            place->insn_bytes = (uint8_t)collected_insn(exception, &bytes);
            place->code_bits = exception->vc.vc.code_bits;
            memcpy(place->insn, bytes, place->insn_bytes);
        }
        if (place->rip == rip) {
            place->count++;
            return;
        }
    }
}

static void take(struct collected *exception, void *argument)
{
    struct state *state = argument;

    state->exceptions++;
    state->vmgexits += exception->vmgexits;
    note_time(state, exception);
    note_exit(state, exception);
    note_place(state, exception);
}

static bool take_loose(const struct trace_record *record, void *argument)
{
    struct state *state = argument;

    state->loose +=
        record->type == SEVC_TRACE_TYPE_PAGE_SENT || record->type == SEVC_TRACE_TYPE_MSR_SENT;
    return true;
}

/* ---- writing ---- */

static void escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>sevc-trace</title>\n"
    "<style>body{font:14px system-ui,sans-serif;margin:24px;max-width:1100px;color:#222}"
    "h2{margin:28px 0 8px;font-size:17px}table{border-collapse:collapse}"
    "td,th{padding:2px 10px;text-align:right}td.l,th.l{text-align:left}"
    "code{font-family:ui-monospace,monospace;font-size:12px}svg{display:block}"
    ".key span{display:inline-block;width:11px;height:11px;margin:0 5px 0 14px}</style></head>"
    "<body>\n";

static int by_vc(const void *a, const void *b)
{
    const struct exit_count *left = a;
    const struct exit_count *right = b;

    return left->vc < right->vc ? 1 : left->vc > right->vc ? -1 : 0;
}

static int by_count(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;

    return left->count < right->count ? 1 : left->count > right->count ? -1 : 0;
}

static const char *colour_of(struct state *state, uint64_t code)
{
    return palette[kind_of(state, code)];
}

static void histogram(struct state *state, FILE *out)
{
    qsort(state->exits, state->exit_count, sizeof(state->exits[0]), by_vc);
    fputs("<h2>Exceptions by exit</h2><table id=\"histogram\"><tr><th class=\"l\">exit</th>"
          "<th class=\"l\"></th><th>#VC</th><th>VMGEXITs</th><th class=\"l\"></th></tr>\n",
          out);
    for (unsigned i = 0; i < state->exit_count; i++) {
        const struct exit_count *row = &state->exits[i];

        fprintf(out,
                "<tr><td class=\"l\"><code>0x%" PRIx64 "</code></td><td class=\"l\">%s</td>"
                "<td>%" PRIu64 "</td><td>%" PRIu64 "</td><td class=\"l\">"
                "<svg width=\"420\" height=\"14\"><rect width=\"%.1f\" height=\"14\" "
                "fill=\"%s\"/></svg></td></tr>\n",
                row->code, exit_name(row->code), row->vc, row->vmgexits,
                1 + 419.0 * (double)row->vc / (double)state->exits[0].vc,
                colour_of(state, row->code));
    }
    fputs("</table>\n", out);
}

static uint64_t slot_total(const struct state *state, unsigned cpu, unsigned slot)
{
    uint64_t total = 0;

    for (unsigned kind = 0; kind < KINDS_MAX; kind++) {
        total += state->slots[cpu][slot][kind];
    }
    return total;
}

#define TRACK_HEIGHT 70.0

static void track(const struct state *state, FILE *out, unsigned cpu, uint64_t most)
{
    double width = 1000.0 / (state->last_slot + 1);

    fprintf(out,
            "<div>CPU %u</div><svg class=\"timeline\" width=\"1000\" height=\"%.0f\" "
            "style=\"background:#f4f4f4\">",
            cpu, TRACK_HEIGHT);
    for (unsigned slot = 0; slot <= state->last_slot; slot++) {
        double top = TRACK_HEIGHT;

        if (slot_total(state, cpu, slot) == 0) {
            continue;
        }
        fprintf(out, "<g><title>from %.1f us: %" PRIu64 " exceptions</title>",
                microseconds(slot * state->width), slot_total(state, cpu, slot));
        for (unsigned kind = 0; kind < KINDS_MAX; kind++) {
            double height = TRACK_HEIGHT * (double)state->slots[cpu][slot][kind] / (double)most;

            if (state->slots[cpu][slot][kind] != 0) {
                top -= height;
                fprintf(out,
                        "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" "
                        "fill=\"%s\"/>",
                        slot * width, top, width, height, palette[kind]);
            }
        }
        fputs("</g>", out);
    }
    fputs("</svg>\n", out);
}

static void timeline(const struct state *state, FILE *out)
{
    unsigned cpus = state->cpus < CPUS_SHOWN ? state->cpus : CPUS_SHOWN;
    uint64_t most = 1;

    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            most = slot_total(state, cpu, slot) > most ? slot_total(state, cpu, slot) : most;
        }
    }
    fprintf(out,
            "<h2>Timeline</h2><p>%.1f us from left to right; full height: %" PRIu64
            " exceptions in %.1f us.</p><p class=\"key\">",
            microseconds((state->last_slot + 1) * state->width), most, microseconds(state->width));
    for (unsigned kind = 0; kind < state->colour_count; kind++) {
        fprintf(out, "<span style=\"background:%s\"></span>%s", palette[kind],
                exit_name(state->colours[kind]));
    }
    if (state->exit_count > KINDS_MAX - 1) {
        fprintf(out, "<span style=\"background:%s\"></span>others", palette[KINDS_MAX - 1]);
    }
    fputs("</p>\n", out);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        track(state, out, cpu, most);
    }
}

static void hottest(struct state *state, FILE *out)
{
    qsort(state->places, PLACES_MAX, sizeof(state->places[0]), by_count);
    fputs("<h2>Hottest instructions</h2><table id=\"hottest\"><tr><th>#VC</th>"
          "<th class=\"l\">exit</th><th class=\"l\">address</th><th class=\"l\">instruction</th>"
          "<th class=\"l\">symbol</th></tr>\n",
          out);
    for (unsigned i = 0; i < HOTTEST && state->places[i].count != 0; i++) {
        const struct place *place = &state->places[i];
        char text[128];

        fprintf(out,
                "<tr><td>%" PRIu64 "</td><td class=\"l\">%s</td><td class=\"l\"><code>0x%016" PRIx64
                "</code></td><td class=\"l\"><code>",
                place->count, exit_name(place->exit), place->rip);
        disassemble(place->insn, place->insn_bytes, place->code_bits, place->rip, text,
                    sizeof(text));
        escaped(out, text);
        fputs("</code></td><td class=\"l\"><code>", out);
        symbol_at(state->symbols, place->rip, text, sizeof(text));
        escaped(out, text);
        fputs("</code></td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

int export_html(const struct options *options, FILE *out, const struct symbols *symbols)
{
    struct state *state = calloc(1, sizeof(*state));
    int status;

    if (state == NULL) {
        complain(options, "no memory");
        return TOOL_FAILED;
    }
    state->symbols = symbols;
    status = for_each_exception(options, options->files[0], take, take_loose, state);
    fputs(head, out);
    fputs("<h1>", out);
    escaped(out, options->files[0]);
    fprintf(out,
            "</h1><p id=\"summary\">Recorded by %s: %" PRIu64 " exceptions with %" PRIu64
            " VMGEXITs on %u CPUs, and %" PRIu64 " VMGEXITs outside of exceptions%s.</p>\n",
            recorder_name(current_header()->recorder), state->exceptions, state->vmgexits,
            state->cpus, state->loose,
            status == TOOL_OK ? "" : "; the trace is damaged, this is what came before");
    if (state->exceptions != 0) {
        histogram(state, out);
        timeline(state, out);
        hottest(state, out);
    }
    fputs("</body></html>\n", out);
    free(state);
    return status;
}
