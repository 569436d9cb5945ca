/* SPDX-License-Identifier: MIT */
/* Reading a trace: plain or compressed, from a file, a pipe or memory. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zstd.h>

#include "file.h"

#define INPUT_BYTES (1u << 17)

/*
 * The bytes as they lie in the file, from there the trace's, from there one record. A compressed
 * file is taken apart by zstd in between.
 */
struct trace_reader {
    FILE *file; /* NULL: memory */
    bool is_stdin;
    const uint8_t *memory;
    size_t memory_left;

    uint8_t input[INPUT_BYTES];
    size_t input_at, input_end;
    uint64_t read, total;

    ZSTD_DStream *zstd; /* NULL: not compressed */
    bool frame_open;    /* zstd expects more */

    uint64_t offset; /* in the trace, of the next byte */
    struct trace_header header;
    bool is_trace;
    enum trace_status ended; /* TRACE_RECORD: not yet */
    uint8_t record[SEVC_TRACE_RECORD_MAX_BYTES];
    char error[256];
};

static enum trace_status end(struct trace_reader *reader, enum trace_status status,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum trace_status end(struct trace_reader *reader, enum trace_status status,
                             const char *format, ...)
{
    va_list arguments;

    if (reader->ended != TRACE_RECORD) {
        return reader->ended; /* the first says most */
    }
    va_start(arguments, format);
    vsnprintf(reader->error, sizeof(reader->error), format, arguments);
    va_end(arguments);
    reader->ended = status;
    return status;
}

/* ---- bytes of the file ---- */

/* Moves what is left to the front and adds more. False at the end of the file. */
static bool fill(struct trace_reader *reader)
{
    size_t left = reader->input_end - reader->input_at;
    size_t got;

    memmove(reader->input, reader->input + reader->input_at, left);
    reader->input_at = 0;
    reader->input_end = left;
    if (reader->file != NULL) {
        got = fread(reader->input + left, 1, INPUT_BYTES - left, reader->file);
        if (got == 0 && ferror(reader->file)) {
            end(reader, TRACE_FAILED, "cannot read on: %s", strerror(errno));
        }
    } else {
        got = reader->memory_left < INPUT_BYTES - left ? reader->memory_left : INPUT_BYTES - left;
        memcpy(reader->input + left, reader->memory, got);
        reader->memory += got;
        reader->memory_left -= got;
    }
    reader->input_end += got;
    reader->read += got;
    return got != 0;
}

static size_t available(const struct trace_reader *reader)
{
    return reader->input_end - reader->input_at;
}

/* ---- bytes of the trace ---- */

static size_t take_plain(struct trace_reader *reader, uint8_t *to, size_t count)
{
    size_t done = 0;

    while (done < count && (available(reader) != 0 || fill(reader))) {
        size_t part = available(reader) < count - done ? available(reader) : count - done;

        memcpy(to + done, reader->input + reader->input_at, part);
        reader->input_at += part;
        done += part;
    }
    return done;
}

static size_t take_compressed(struct trace_reader *reader, uint8_t *to, size_t count)
{
    ZSTD_outBuffer output = { to, count, 0 };

    while (output.pos < count) {
        ZSTD_inBuffer input = { reader->input, reader->input_end, reader->input_at };
        size_t before = output.pos;
        size_t result = ZSTD_decompressStream(reader->zstd, &output, &input);

        if (ZSTD_isError(result)) {
            end(reader, TRACE_DAMAGED, "the compression is damaged at byte %llu: %s",
                (unsigned long long)(reader->read - available(reader)), ZSTD_getErrorName(result));
            break;
        }
        if (input.pos != reader->input_at || output.pos != before) { /* else nothing to tell by */
            reader->frame_open = result != 0;
        }
        reader->input_at = input.pos;
        if (output.pos == before && available(reader) == 0 && !fill(reader)) {
            break;
        }
    }
    return output.pos;
}

static size_t take(struct trace_reader *reader, uint8_t *to, size_t count)
{
    size_t done =
        reader->zstd != NULL ? take_compressed(reader, to, count) : take_plain(reader, to, count);

    reader->offset += done;
    return done;
}

/* ---- opening ---- */

static const uint8_t zstd_magic[] = { 0x28, 0xB5, 0x2F, 0xFD };

static bool start_compression(struct trace_reader *reader)
{
    while (available(reader) < sizeof(zstd_magic) && fill(reader)) {
    }
    if (available(reader) < sizeof(zstd_magic) ||
        memcmp(reader->input, zstd_magic, sizeof(zstd_magic)) != 0) {
        return true;
    }
    reader->zstd = ZSTD_createDStream();
    return reader->zstd != NULL && !ZSTD_isError(ZSTD_initDStream(reader->zstd));
}

static void read_header(struct trace_reader *reader)
{
    uint8_t bytes[SEVC_TRACE_HEADER_BYTES] = { 0 };
    uint32_t skip;
    const char *why;

    if (!start_compression(reader)) {
        end(reader, TRACE_FAILED, "no memory for zstd");
        return;
    }
    if (take(reader, bytes, sizeof(bytes)) != sizeof(bytes)) {
        end(reader, TRACE_DAMAGED, "this is no sevc trace: it is shorter than a trace's header");
        return;
    }
    why = trace_decode_header(bytes, &reader->header, &skip);
    if (why != NULL) {
        end(reader, TRACE_DAMAGED, "%s", why);
        return;
    }
    skip -= SEVC_TRACE_HEADER_BYTES; /* of a later version: not ours to know */
    if (take(reader, reader->record, skip) != skip) {
        end(reader, TRACE_DAMAGED, "truncated in the trace's header");
        return;
    }
    reader->is_trace = true;
}

static struct trace_reader *new_reader(void)
{
    struct trace_reader *reader = calloc(1, sizeof(*reader));

    if (reader != NULL) {
        reader->ended = TRACE_RECORD;
    }
    return reader;
}

struct trace_reader *trace_open(const char *path)
{
    struct trace_reader *reader = new_reader();
    struct stat facts;

    if (reader == NULL) {
        return NULL;
    }
    reader->is_stdin = strcmp(path, "-") == 0;
    reader->file = reader->is_stdin ? stdin : fopen(path, "rb");
    if (reader->file == NULL) {
        end(reader, TRACE_FAILED, "cannot be opened: %s", strerror(errno));
        return reader;
    }
    if (fstat(fileno(reader->file), &facts) == 0 && S_ISREG(facts.st_mode)) {
        reader->total = (uint64_t)facts.st_size;
    }
    read_header(reader);
    return reader;
}

struct trace_reader *trace_open_memory(const void *bytes, size_t count)
{
    struct trace_reader *reader = new_reader();

    if (reader == NULL) {
        return NULL;
    }
    reader->memory = bytes;
    reader->memory_left = count;
    reader->total = count;
    read_header(reader);
    return reader;
}

void trace_close(struct trace_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->file != NULL && !reader->is_stdin) {
        (void)fclose(reader->file);
    }
    ZSTD_freeDStream(reader->zstd);
    free(reader);
}

/* ---- records ---- */

static uint32_t length_at(const uint8_t *record)
{
    const uint8_t *at = record + SEVC_TRACE_LENGTH;

    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static enum trace_status truncated(struct trace_reader *reader, uint64_t at)
{
    return end(reader, TRACE_DAMAGED,
               "truncated: the record at byte %llu of the trace is not whole; "
               "all records before it are good",
               (unsigned long long)at);
}

static enum trace_status damaged(struct trace_reader *reader, uint64_t at, const char *why)
{
    return end(reader, TRACE_DAMAGED,
               "damaged at byte %llu of the trace: %s; all records before it are good",
               (unsigned long long)at, why);
}

/* A file that ends behind a whole record ends well, if the compression does too. */
static enum trace_status at_end(struct trace_reader *reader)
{
    return reader->frame_open ? truncated(reader, reader->offset)
                              : end(reader, TRACE_END, "%s", "");
}

enum trace_status trace_next(struct trace_reader *reader, struct trace_record *record)
{
    uint64_t at = reader->offset;
    uint32_t length;
    const char *why;
    size_t got;

    if (reader->ended != TRACE_RECORD) {
        return reader->ended;
    }
    got = take(reader, reader->record, SEVC_TRACE_RECORD_BYTES);
    if (reader->ended != TRACE_RECORD) {
        return reader->ended;
    }
    if (got == 0) {
        return at_end(reader);
    }
    if (got < SEVC_TRACE_RECORD_BYTES) {
        return truncated(reader, at);
    }
    length = length_at(reader->record);
    if (length < SEVC_TRACE_RECORD_BYTES || length > SEVC_TRACE_RECORD_MAX_BYTES) {
        return damaged(reader, at, "a record of an impossible length");
    }
    got = take(reader, reader->record + SEVC_TRACE_RECORD_BYTES, length - SEVC_TRACE_RECORD_BYTES);
    if (got < length - SEVC_TRACE_RECORD_BYTES) {
        return truncated(reader, at);
    }
    why = trace_decode(reader->record, length, record);
    return why == NULL ? TRACE_RECORD : damaged(reader, at, why);
}

/* ---- questions ---- */

const struct trace_header *trace_header(const struct trace_reader *reader)
{
    return reader->is_trace ? &reader->header : NULL;
}

const char *trace_error(const struct trace_reader *reader)
{
    return reader->error;
}

uint64_t trace_bytes_read(const struct trace_reader *reader)
{
    return reader->read - available(reader);
}

uint64_t trace_bytes_total(const struct trace_reader *reader)
{
    return reader->total;
}
