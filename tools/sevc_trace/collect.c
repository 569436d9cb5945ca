/* SPDX-License-Identifier: MIT */
/* Puts together what belongs to one exception, in bounded memory: a few open ones for each CPU. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define CPUS_MAX 256
#define OPEN_MAX 4

struct collector {
    struct collected *open[CPUS_MAX][OPEN_MAX];
    unsigned count[CPUS_MAX];
    struct collected *free[OPEN_MAX];
    unsigned free_count;
};

struct collector *collector_new(void)
{
    return calloc(1, sizeof(struct collector));
}

static void free_one(struct collected *exception)
{
    free(exception->events);
    free(exception->bytes);
    free(exception);
}

void collector_free(struct collector *collector)
{
    if (collector == NULL) {
        return;
    }
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        for (unsigned i = 0; i < collector->count[cpu]; i++) {
            free_one(collector->open[cpu][i]);
        }
    }
    for (unsigned i = 0; i < collector->free_count; i++) {
        free_one(collector->free[i]);
    }
    free(collector);
}

static struct collected *new_one(struct collector *collector)
{
    struct collected *exception;

    if (collector->free_count != 0) {
        exception = collector->free[--collector->free_count];
    } else {
        exception = calloc(1, sizeof(*exception));
        if (exception == NULL) {
            return NULL;
        }
        exception->events = calloc(COLLECT_EVENTS_MAX, sizeof(*exception->events));
        exception->bytes = malloc(COLLECT_BYTES_MAX);
        if (exception->events == NULL || exception->bytes == NULL) {
            free_one(exception);
            return NULL;
        }
    }
    exception->count = 0;
    exception->used = 0;
    exception->vmgexits = 0;
    exception->has_result = false;
    exception->overflow = false;
    return exception;
}

static void give_back(struct collector *collector, struct collected *exception)
{
    if (collector->free_count < OPEN_MAX) {
        collector->free[collector->free_count++] = exception;
    } else {
        free_one(exception);
    }
}

static void end(struct collector *collector, unsigned cpu, unsigned at, collected_function *ended,
                void *argument)
{
    struct collected *exception = collector->open[cpu][at];

    collector->count[cpu]--;
    memmove(&collector->open[cpu][at], &collector->open[cpu][at + 1],
            (collector->count[cpu] - at) * sizeof(collector->open[cpu][0]));
    ended(exception, argument);
    give_back(collector, exception);
}

static bool begin(struct collector *collector, const struct trace_record *record,
                  collected_function *ended, void *argument)
{
    unsigned cpu = record->cpu % CPUS_MAX;
    struct collected *exception;

    if (collector->count[cpu] == OPEN_MAX) {
        end(collector, cpu, 0, ended, argument); /* it will not come back any more */
    }
    exception = new_one(collector);
    if (exception == NULL) {
        return false;
    }
    exception->vc = *record;
    exception->vc.bytes = NULL;
    collector->open[cpu][collector->count[cpu]++] = exception;
    return true;
}

/* The copy's pointers must lead into the copy's bytes. */
static void add(struct collected *exception, const struct trace_record *record)
{
    struct trace_record *copy = &exception->events[exception->count];
    uint8_t *bytes = exception->bytes + exception->used;

    if (exception->count == COLLECT_EVENTS_MAX ||
        record->length > COLLECT_BYTES_MAX - exception->used) {
        exception->overflow = true;
        return;
    }
    memcpy(bytes, record->bytes, record->length);
    *copy = *record;
    copy->bytes = bytes;
    if (record->type == SEVC_TRACE_TYPE_MEMORY) {
        copy->memory.data = bytes + SEVC_TRACE_MEM_DATA;
    } else if (record->type == SEVC_TRACE_TYPE_PAGE_SENT ||
               record->type == SEVC_TRACE_TYPE_PAGE_RETURNED) {
        copy->page.data = bytes + SEVC_TRACE_PAGE_DATA;
    }
    exception->vmgexits +=
        record->type == SEVC_TRACE_TYPE_PAGE_SENT || record->type == SEVC_TRACE_TYPE_MSR_SENT;
    exception->count++;
    exception->used += record->length;
}

bool collector_take(struct collector *collector, const struct trace_record *record,
                    collected_function *ended, void *argument)
{
    unsigned cpu = record->cpu % CPUS_MAX;

    if (record->type == SEVC_TRACE_TYPE_EXCEPTION) {
        return begin(collector, record, ended, argument);
    }
    for (unsigned i = collector->count[cpu]; record->exception != 0 && i-- > 0;) {
        struct collected *exception = collector->open[cpu][i];

        if (exception->vc.number != record->exception || exception->vc.cpu != record->cpu) {
            continue;
        }
        if (record->type == SEVC_TRACE_TYPE_RESULT) {
            exception->result = *record;
            exception->has_result = true;
            end(collector, cpu, i, ended, argument);
        } else {
            add(exception, record);
        }
        break;
    }
    return true;
}

void collector_flush(struct collector *collector, collected_function *ended, void *argument)
{
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
        while (collector->count[cpu] != 0) {
            end(collector, cpu, 0, ended, argument);
        }
    }
}

unsigned collected_insn(const struct collected *exception, const uint8_t **bytes)
{
    if ((exception->vc.flags & SEVC_TRACE_HAS_INSN) != 0) {
        *bytes = exception->vc.vc.insn;
        return exception->vc.vc.insn_bytes;
    }
    for (unsigned i = 0; i < exception->count; i++) {
        const struct trace_memory *memory = &exception->events[i].memory;

        if (exception->events[i].type == SEVC_TRACE_TYPE_MEMORY &&
            memory->access == SEVC_TRACE_ACCESS_FETCH) {
            *bytes = memory->data;
            return memory->data_bytes < 15 ? memory->data_bytes : 15;
        }
    }
    *bytes = exception->result.result.insn;
    return exception->has_result ? exception->result.result.insn_bytes : 0;
}
