/* SPDX-License-Identifier: MIT */
/*
 * A program of the build: prints the table of recorded.h, made of the traces that it is given.
 *
 * Of exceptions that ask for the same thing by the same instruction the first is enough.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sevc/ghcb_abi.h>
#include <sevc/svm.h>

#include "../../tools/trace/file.h"
#include "recorded.h"

#define CPUS     64
#define MOST     1024
#define RSP      4
#define NEEDED   (SEVC_TRACE_HAS_FRAME | SEVC_TRACE_HAS_CODE_BITS | SEVC_TRACE_HAS_INSN)
#define LOW_WORD 0xFFFFu

/* The exception of each CPU that has not ended; number 0: none. */
static struct {
    uint32_t number;
    struct fuzz_recorded row;
} open[CPUS];

static struct fuzz_recorded rows[MOST];
static size_t count;

static uint64_t quadword(const uint8_t *page, size_t offset)
{
    uint64_t value;

    memcpy(&value, page + offset, sizeof(value));
    return value;
}

/* Which register says what is asked for, apart from the instruction. */
static uint64_t subject(const struct fuzz_recorded *row)
{
    switch (row->exit_code) {
    case SEVC_EXIT_CPUID:
        return (uint32_t)row->gpr[0];
    case SEVC_EXIT_MSR:
        return (uint32_t)row->gpr[1];
    case SEVC_EXIT_IOIO:
        return row->gpr[2] & LOW_WORD;
    default:
        return 0;
    }
}

static bool same(const struct fuzz_recorded *a, const struct fuzz_recorded *b)
{
    /* Two bytes are the whole of these; what lies behind is another instruction. */
    bool short_one = a->exit_code == SEVC_EXIT_CPUID || a->exit_code == SEVC_EXIT_MSR;

    return a->exit_code == b->exit_code && a->code_bits == b->code_bits &&
           memcmp(a->insn, b->insn, short_one ? 2 : sizeof(a->insn)) == 0 &&
           subject(a) == subject(b);
}

static void keep(const struct fuzz_recorded *row)
{
    for (size_t i = 0; i < count; i++) {
        if (same(row, &rows[i])) {
            return;
        }
    }
    if (count == MOST) {
        fprintf(stderr, "recorded_table: more than %d different exceptions: raise MOST\n", MOST);
        exit(1);
    }
    rows[count++] = *row;
}

static void begin(const struct trace_record *record)
{
    const struct trace_exception *vc = &record->vc;
    struct fuzz_recorded *row = &open[record->cpu % CPUS].row;

    open[record->cpu % CPUS].number = 0;
    if ((record->flags & NEEDED) != NEEDED) {
        return;
    }
    open[record->cpu % CPUS].number = record->number;
    *row = (struct fuzz_recorded){
        .exit_code = vc->error_code,
        .rip = vc->frame.rip,
        .cs = vc->frame.cs,
        .rflags = vc->frame.rflags,
        .rsp = vc->frame.rsp,
        .cr4 = vc->cr4,
        .xcr0 = vc->xcr0,
        .xss = vc->xss,
        .fs_base = vc->fs_base,
        .gs_base = vc->gs_base,
        .code_bits = vc->code_bits,
    };
    memcpy(row->gpr, vc->frame.gpr, sizeof(row->gpr));
    memcpy(row->insn, vc->insn, vc->insn_bytes < 15 ? vc->insn_bytes : 15);
}

static void answer(const struct trace_record *record, struct fuzz_recorded *row)
{
    uint8_t page[TRACE_GHCB_BYTES];

    if (row->has_reply != 0) {
        return;
    }
    trace_page_expand(&record->page, page);
    row->has_reply = 1;
    row->reply_info1 = quadword(page, SEVC_GHCB_OFF_SW_EXITINFO1);
    row->reply_info2 = quadword(page, SEVC_GHCB_OFF_SW_EXITINFO2);
    row->reply_bitmap[0] = quadword(page, SEVC_GHCB_OFF_VALID_BITMAP);
    row->reply_bitmap[1] = quadword(page, SEVC_GHCB_OFF_VALID_BITMAP + 8);
    for (size_t gpr = 1; gpr < 16; gpr++) { /* RCX to R15 follow each other as in the encodings */
        if (gpr != RSP) {
            row->reply_gpr[gpr] = quadword(page, SEVC_GHCB_OFF_RCX + 8 * (gpr - 1));
        }
    }
    row->reply_gpr[0] = quadword(page, SEVC_GHCB_OFF_RAX);
}

static void take(const struct trace_record *record)
{
    uint32_t number = open[record->cpu % CPUS].number;
    bool ours = number != 0 && record->exception == number;

    if (record->type == SEVC_TRACE_TYPE_EXCEPTION) {
        begin(record);
    } else if (record->type == SEVC_TRACE_TYPE_PAGE_RETURNED && ours) {
        answer(record, &open[record->cpu % CPUS].row);
    } else if (record->type == SEVC_TRACE_TYPE_RESULT && ours) {
        keep(&open[record->cpu % CPUS].row);
        open[record->cpu % CPUS].number = 0;
    }
}

static bool read_trace(const char *path)
{
    struct trace_reader *reader = trace_open(path);
    struct trace_record record;
    enum trace_status status = TRACE_FAILED;

    if (reader != NULL && trace_header(reader) != NULL) {
        while ((status = trace_next(reader, &record)) == TRACE_RECORD) {
            take(&record);
        }
    }
    if (status != TRACE_END) {
        fprintf(stderr, "recorded_table: %s: %s\n", path,
                reader != NULL ? trace_error(reader) : "no memory");
    }
    trace_close(reader);
    return status == TRACE_END;
}

/* ---- output ---- */

static void print_array(const char *name, const uint64_t *values, size_t length)
{
    printf("      .%s = { ", name);
    for (size_t i = 0; i < length; i++) {
        printf("0x%" PRIx64 ", ", values[i]);
    }
    printf("},\n");
}

static void print_row(const struct fuzz_recorded *row)
{
    printf("    { .exit_code = 0x%" PRIx64 ", .rip = 0x%" PRIx64 ", .cs = 0x%" PRIx64
           ", .rflags = 0x%" PRIx64 ", .rsp = 0x%" PRIx64 ",\n",
           row->exit_code, row->rip, row->cs, row->rflags, row->rsp);
    printf("      .cr4 = 0x%" PRIx64 ", .xcr0 = 0x%" PRIx64 ", .xss = 0x%" PRIx64
           ", .fs_base = 0x%" PRIx64 ", .gs_base = 0x%" PRIx64 ", .code_bits = %u,\n",
           row->cr4, row->xcr0, row->xss, row->fs_base, row->gs_base, row->code_bits);
    printf("      .insn = { ");
    for (size_t i = 0; i < sizeof(row->insn); i++) {
        printf("0x%02x, ", row->insn[i]);
    }
    printf("},\n      .has_reply = %u, .reply_info1 = 0x%" PRIx64 ", .reply_info2 = 0x%" PRIx64
           ",\n",
           row->has_reply, row->reply_info1, row->reply_info2);
    print_array("gpr", row->gpr, 16);
    print_array("reply_bitmap", row->reply_bitmap, 2);
    print_array("reply_gpr", row->reply_gpr, 16);
    printf("    },\n");
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!read_trace(argv[i])) {
            return 1;
        }
    }
    if (count == 0) {
        fprintf(stderr, "recorded_table: no exception that ended, in %d traces\n", argc - 1);
        return 1;
    }
    printf("/* SPDX-License-Identifier: MIT */\n/* Made by recorded_table.c. */\n"
           "#include \"recorded.h\"\n\nconst struct fuzz_recorded fuzz_recorded[] = {\n");
    for (size_t i = 0; i < count; i++) {
        print_row(&rows[i]);
    }
    printf("};\nconst size_t fuzz_recorded_count = %zu;\n", count);
    return ferror(stdout) || fflush(stdout) != 0;
}
