/* SPDX-License-Identifier: MIT */
/* What the commands share: reading with progress, complaining, output, filters. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define PROGRESS_RECORDS 4096 /* between two looks at the clock */

static struct trace_header header;

const struct trace_header *current_header(void)
{
    return &header;
}

void complain(const struct options *options, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "sevc-trace %s: ", options->command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* ---- progress: a line on a terminal, once a second ---- */

struct progress {
    bool shown, wanted;
    time_t last;
    uint64_t records;
};

static void progress_step(struct progress *progress, const struct trace_reader *reader)
{
    uint64_t total = trace_bytes_total(reader);
    time_t now;

    if (++progress->records % PROGRESS_RECORDS != 0 || !progress->wanted) {
        return;
    }
    now = time(NULL);
    if (now == progress->last) {
        return;
    }
    progress->last = now;
    progress->shown = true;
    fprintf(stderr, "\r%llu MiB, %llu records",
            (unsigned long long)(trace_bytes_read(reader) >> 20),
            (unsigned long long)progress->records);
    if (total != 0) {
        fprintf(stderr, ", %u %%", (unsigned)(trace_bytes_read(reader) * 100 / total));
    }
    fputs("  ", stderr);
}

static void progress_end(const struct progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
    }
}

/* ---- reading ---- */

int for_each_record(const struct options *options, const char *path, record_function *take,
                    void *argument)
{
    struct progress progress = { .wanted = !options->quiet && isatty(STDERR_FILENO),
                                 .last = time(NULL) };
    struct trace_reader *reader = trace_open(path);
    enum trace_status status = TRACE_RECORD;
    struct trace_record record;

    if (reader == NULL) {
        complain(options, "no memory");
        return TOOL_FAILED;
    }
    if (trace_header(reader) != NULL) {
        header = *trace_header(reader);
    }
    while ((status = trace_next(reader, &record)) == TRACE_RECORD && take(&record, argument)) {
        progress_step(&progress, reader);
    }
    progress_end(&progress);
    if (status == TRACE_DAMAGED || status == TRACE_FAILED) {
        complain(options, "%s: %s", path, trace_error(reader));
    }
    trace_close(reader);
    return status == TRACE_DAMAGED || status == TRACE_FAILED ? TOOL_DAMAGED : TOOL_OK;
}

struct sorting {
    struct collector *collector;
    collected_function *exception;
    record_function *loose;
    void *argument;
    bool no_memory;
};

static bool sort_record(const struct trace_record *record, void *argument)
{
    struct sorting *sorting = argument;

    if (record->exception == 0 && sorting->loose != NULL &&
        !sorting->loose(record, sorting->argument)) {
        return false;
    }
    sorting->no_memory =
        !collector_take(sorting->collector, record, sorting->exception, sorting->argument);
    return !sorting->no_memory;
}

int for_each_exception(const struct options *options, const char *path,
                       collected_function *exception, record_function *loose, void *argument)
{
    struct sorting sorting = { collector_new(), exception, loose, argument, false };
    int status = TOOL_FAILED;

    if (sorting.collector != NULL) {
        status = for_each_record(options, path, sort_record, &sorting);
        collector_flush(sorting.collector, exception, argument);
    }
    collector_free(sorting.collector);
    if (sorting.collector == NULL || sorting.no_memory) {
        complain(options, "no memory");
        return TOOL_FAILED;
    }
    return status;
}

/* ---- output ---- */

FILE *open_output(const struct options *options)
{
    FILE *file = options->output == NULL ? stdout : fopen(options->output, "w");

    if (file == NULL) {
        complain(options, "%s: cannot be written: %s", options->output, strerror(errno));
    }
    return file;
}

int close_output(const struct options *options, FILE *file, int status)
{
    bool failed = ferror(file) != 0;

    failed |= (file == stdout ? fflush(file) : fclose(file)) != 0;
    if (failed) {
        complain(options, "%s: not all could be written",
                 options->output == NULL ? "standard output" : options->output);
        return TOOL_FAILED;
    }
    return status;
}

/* ---- filters ---- */

bool matches(const struct options *options, const struct collected *exception)
{
    const struct trace_exception *vc = &exception->vc.vc;

    return (!options->by_exit || vc->error_code == options->exit) &&
           (!options->by_cpu || exception->vc.cpu == options->cpu) &&
           (!options->by_rip ||
            (vc->frame.rip >= options->rip_first && vc->frame.rip <= options->rip_last)) &&
           (!options->by_result ||
            (exception->has_result && (exception->result.flags & SEVC_TRACE_HAS_REPORT) != 0 &&
             exception->result.result.result == options->result));
}

uint64_t ghcb_quadword(const uint8_t *page, unsigned offset)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)page[offset + i] << (8 * i);
    }
    return value;
}
