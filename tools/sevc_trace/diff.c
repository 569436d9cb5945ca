/* SPDX-License-Identifier: MIT */
/*
 * sevc-trace diff: the exceptions of two traces side by side, CPU by CPU in their order. Addresses of
 * the GHCB and times do not count; what is asked, what is answered and what becomes of it does.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sevc/ghcb_abi.h>

#include "tool.h"

#define CPUS_MAX        256
#define DIFFERENCES_MAX 20 /* that are shown */

/* One exception of the second trace, in the same order: read in step with the first. */
struct side {
    struct trace_reader *reader;
    struct collector *collector;
    const char *path;
    /* Complete, and not yet compared: a queue, for CPUs interleave in their own ways. */
    struct summary *queue[CPUS_MAX];
    size_t count[CPUS_MAX], room[CPUS_MAX];
    bool ended, no_memory;
    enum trace_status status;
};

/* What counts of an exception: small, so that a queue of them is. */
struct summary {
    uint64_t error_code, rip, rip_after;
    uint32_t number, sent, returned, after; /* checksums */
    unsigned vmgexits;
    bool has_result;
};

/* Without what moves: protocol and place of the page. */
static uint32_t page_sum(uint32_t before, const struct trace_page *page)
{
    uint8_t bytes[4 + TRACE_GHCB_BYTES];

    memcpy(bytes, &before, sizeof(before));
    trace_page_expand(page, bytes + 4);
    memset(bytes + 4 + SEVC_GHCB_OFF_SW_SCRATCH, 0, 8);
    return trace_crc(bytes, sizeof(bytes));
}

static struct summary summarise(const struct collected *exception)
{
    struct summary summary = {
        .error_code = exception->vc.vc.error_code,
        .rip = exception->vc.vc.frame.rip,
        .number = exception->vc.number,
        .vmgexits = exception->vmgexits,
        .has_result = exception->has_result,
    };

    for (unsigned i = 0; i < exception->count; i++) {
        const struct trace_record *event = &exception->events[i];

        if (event->type == SEVC_TRACE_TYPE_PAGE_SENT) {
            summary.sent = page_sum(summary.sent, &event->page);
        } else if (event->type == SEVC_TRACE_TYPE_PAGE_RETURNED) {
            summary.returned = page_sum(summary.returned, &event->page);
        } else if (event->type == SEVC_TRACE_TYPE_MSR_SENT) {
            summary.sent = trace_crc((const uint8_t *)&event->msr, 8) + summary.sent * 31;
        } else if (event->type == SEVC_TRACE_TYPE_MSR_RETURNED) {
            summary.returned = trace_crc((const uint8_t *)&event->msr, 8) + summary.returned * 31;
        }
    }
    if (exception->has_result) {
        summary.rip_after = exception->result.result.frame.rip;
        summary.after = trace_crc((const uint8_t *)exception->result.result.frame.gpr,
                                  sizeof(exception->result.result.frame.gpr));
    }
    return summary;
}

static void enqueue(struct collected *exception, void *argument)
{
    struct side *side = argument;
    unsigned cpu = exception->vc.cpu % CPUS_MAX;

    if (side->count[cpu] == side->room[cpu]) {
        size_t room = side->room[cpu] == 0 ? 64 : side->room[cpu] * 2;
        struct summary *more = realloc(side->queue[cpu], room * sizeof(*more));

        if (more == NULL) {
            side->no_memory = true;
            return;
        }
        side->queue[cpu] = more;
        side->room[cpu] = room;
    }
    side->queue[cpu][side->count[cpu]++] = summarise(exception);
}

/* Reads on until some exception is complete, or the end. */
static void advance(struct side *side)
{
    struct trace_record record;

    for (unsigned i = 0; i < 256 && !side->ended; i++) {
        side->status = trace_next(side->reader, &record);
        if (side->status == TRACE_RECORD) {
            side->no_memory |= !collector_take(side->collector, &record, enqueue, side);
        } else {
            collector_flush(side->collector, enqueue, side);
            side->ended = true;
        }
    }
}

static const char *difference(const struct summary *a, const struct summary *b)
{
    if (a->error_code != b->error_code) {
        return "another exit";
    }
    if (a->rip != b->rip) {
        return "another RIP";
    }
    if (a->vmgexits != b->vmgexits) {
        return "another number of VMGEXITs";
    }
    if (a->sent != b->sent) {
        return "another request";
    }
    if (a->returned != b->returned) {
        return "another reply";
    }
    if (a->has_result != b->has_result || a->rip_after != b->rip_after) {
        return "another end";
    }
    return a->after != b->after ? "other registers afterwards" : NULL;
}

static void tell(FILE *out, unsigned cpu, uint64_t at, const struct summary *a,
                 const struct summary *b, const char *what)
{
    fprintf(out, "cpu=%u exception %" PRIu64 ": %s\n", cpu, at, what);
    fprintf(out, "  < n=%u exit=0x%" PRIx64 " rip=0x%" PRIx64 " vmgexits=%u\n", a->number,
            a->error_code, a->rip, a->vmgexits);
    fprintf(out, "  > n=%u exit=0x%" PRIx64 " rip=0x%" PRIx64 " vmgexits=%u\n", b->number,
            b->error_code, b->rip, b->vmgexits);
}

static size_t compare_queues(FILE *out, struct side sides[2], uint64_t compared[CPUS_MAX],
                             uint64_t *differences)
{
    size_t steps = 0;

    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        size_t both =
            sides[0].count[cpu] < sides[1].count[cpu] ? sides[0].count[cpu] : sides[1].count[cpu];

        for (size_t i = 0; i < both; i++) {
            const char *what = difference(&sides[0].queue[cpu][i], &sides[1].queue[cpu][i]);

            compared[cpu]++;
            if (what != NULL && ++*differences <= DIFFERENCES_MAX) {
                tell(out, cpu, compared[cpu], &sides[0].queue[cpu][i], &sides[1].queue[cpu][i],
                     what);
            }
        }
        for (unsigned s = 0; s < 2 && both != 0; s++) {
            sides[s].count[cpu] -= both;
            memmove(sides[s].queue[cpu], sides[s].queue[cpu] + both,
                    sides[s].count[cpu] * sizeof(sides[s].queue[cpu][0]));
        }
        steps += both;
    }
    return steps;
}

static int conclude(const struct options *options, FILE *out, struct side sides[2],
                    const uint64_t compared[CPUS_MAX], uint64_t differences)
{
    uint64_t total = 0;
    int status = TOOL_OK;

    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        total += compared[cpu];
        for (unsigned s = 0; s < 2; s++) {
            if (sides[s].count[cpu] != 0) {
                fprintf(out, "cpu=%u: only %s has %zu more exceptions\n", cpu, sides[s].path,
                        sides[s].count[cpu]);
                differences++;
            }
        }
    }
    fprintf(out, "%" PRIu64 " exceptions compared, %" PRIu64 " differences\n", total, differences);
    for (unsigned s = 0; s < 2; s++) {
        if (sides[s].status != TRACE_END) {
            complain(options, "%s: %s", sides[s].path, trace_error(sides[s].reader));
            status = TOOL_DAMAGED;
        }
    }
    return status == TOOL_OK && differences != 0 ? TOOL_DIFFERENT : status;
}

int command_diff(const struct options *options)
{
    static struct side sides[2];
    static uint64_t compared[CPUS_MAX];
    uint64_t differences = 0;
    FILE *out = open_output(options);
    int status;

    if (out == NULL) {
        return TOOL_FAILED;
    }
    for (unsigned s = 0; s < 2; s++) {
        sides[s].path = options->files[s];
        sides[s].reader = trace_open(options->files[s]);
        sides[s].collector = collector_new();
        if (sides[s].reader == NULL || sides[s].collector == NULL) {
            complain(options, "no memory");
            return TOOL_FAILED;
        }
    }
    while (!sides[0].ended || !sides[1].ended) {
        advance(&sides[0]);
        advance(&sides[1]);
        compare_queues(out, sides, compared, &differences);
        if (sides[0].no_memory || sides[1].no_memory) {
            complain(options, "no memory");
            return TOOL_FAILED;
        }
    }
    status = conclude(options, out, sides, compared, differences);
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
            free(sides[s].queue[cpu]);
        }
        trace_close(sides[s].reader);
        collector_free(sides[s].collector);
    }
    return close_output(options, out, status);
}
