/* SPDX-License-Identifier: MIT */
/* sevc-trace info: what a trace is, and how much is in it. */
#include <inttypes.h>

#include "tool.h"

#define TYPES_MAX 16
#define CPUS_MAX  256

struct counts {
    uint64_t types[TYPES_MAX], others, lost, gaps, records;
    uint32_t last[CPUS_MAX];
    uint64_t first_time, last_time;
    unsigned cpus;
    bool told;
};

static void tell(const struct trace_record *record)
{
    const struct trace_info *info = &record->info;

    if ((record->flags & SEVC_TRACE_HAS_PLATFORM) != 0) {
        printf("platform: SEV_STATUS 0x%" PRIx64 ", GHCB protocol version %u, C-bit %u\n",
               info->sev_status, info->version, info->c_bit);
    }
    if ((record->flags & SEVC_TRACE_HAS_POLICY) != 0) {
        printf("policy: mmio %u, user_io %u, invd %u, monitor %u, unsupported %u, VMMCALL %s%s\n",
               info->mmio, info->user_io, info->invd, info->monitor, info->unsupported,
               (info->call_flags & SEVC_TRACE_CALL_SERVED) != 0 ? "served" : "refused",
               (record->flags & SEVC_TRACE_CPUID_PINNED) != 0 ? ", CPUID pinned" : "");
    }
    printf("text: %s\n", info->text);
}

static bool count(const struct trace_record *record, void *argument)
{
    struct counts *counts = argument;
    unsigned cpu = record->cpu % CPUS_MAX;

    counts->records++;
    if (counts->records == 1 || record->time < counts->first_time) {
        counts->first_time = record->time;
    }
    if (record->time > counts->last_time) {
        counts->last_time = record->time;
    }
    if (record->cpu >= counts->cpus) {
        counts->cpus = record->cpu + 1u;
    }
    if (counts->last[cpu] != 0 && record->number != counts->last[cpu] + 1) {
        counts->gaps++;
    }
    counts->last[cpu] = record->number;
    if (record->type < TYPES_MAX && trace_type_name(record->type)[0] != '?') {
        counts->types[record->type]++;
    } else {
        counts->others++;
    }
    if (record->type == SEVC_TRACE_TYPE_LOST) {
        counts->lost += record->lost;
    }
    if (record->type == SEVC_TRACE_TYPE_INFO && !counts->told) {
        counts->told = true;
        tell(record);
    }
    return true;
}

int command_info(const struct options *options)
{
    struct counts counts = { .told = false };
    int status = for_each_record(options, options->files[0], count, &counts);
    const struct trace_header *header = current_header();

    if (header->major == 0) {
        return status; /* it is no trace: that has been said */
    }
    printf("format: %u.%u, recorded by %s%s\n", header->major, header->minor,
           recorder_name(header->recorder),
           (header->flags & SEVC_TRACE_NO_MEMORY) != 0 ? ", without guest memory" : "");
    printf("records: %" PRIu64 " of %u CPUs", counts.records, counts.cpus);
    if (header->ticks != 0) {
        printf(", %.6f seconds",
               (double)(counts.last_time - counts.first_time) / (double)header->ticks);
    }
    printf("\n");
    for (uint16_t type = 0; type < TYPES_MAX; type++) {
        if (counts.types[type] != 0) {
            printf("  %-13s %10" PRIu64 "\n", trace_type_name(type), counts.types[type]);
        }
    }
    if (counts.others != 0) {
        printf("  %-13s %10" PRIu64 "  of types that this program does not know\n", "others",
               counts.others);
    }
    if (counts.lost != 0 || counts.gaps != 0) {
        printf("missing: %" PRIu64 " records lost by the recorder, %" PRIu64 " gaps\n", counts.lost,
               counts.gaps);
    }
    return status;
}
