/* SPDX-License-Identifier: MIT */
/*
 * Trace files: read and written record by record, in constant memory. zstd compression is recognised
 * when reading, and asked for by the suffix .zst when writing.
 */
#ifndef TRACE_FILE_H
#define TRACE_FILE_H

#include <stdio.h>

#include "record.h"

/* What a read ends with. */
enum trace_status {
    TRACE_RECORD,  /* here is one */
    TRACE_END,     /* the file ends behind a whole record */
    TRACE_DAMAGED, /* truncated or altered; what came before is good. Final */
    TRACE_FAILED,  /* the system would not let us read. Final */
};

struct trace_reader;

/* "-" is standard input. Result: NULL without memory; else ask trace_header() whether it is a trace. */
struct trace_reader *trace_open(const char *path);

/* The same over bytes in memory, which must outlive the reader. */
struct trace_reader *trace_open_memory(const void *bytes, size_t count);

/* NULL if the file cannot be opened or is no trace: trace_error() says why. */
const struct trace_header *trace_header(const struct trace_reader *reader);

/* RECORD is valid until the next call. */
enum trace_status trace_next(struct trace_reader *reader, struct trace_record *record);

/* What is wrong, where in the (uncompressed) trace, and what to do; "" if nothing is. */
const char *trace_error(const struct trace_reader *reader);

/* Bytes of the file taken so far, and in all (0 if not known): for a progress line. */
uint64_t trace_bytes_read(const struct trace_reader *reader);
uint64_t trace_bytes_total(const struct trace_reader *reader);

void trace_close(struct trace_reader *reader);

struct trace_writer;

/* "-" is standard output; a suffix .zst compresses. NULL: errno says why. */
struct trace_writer *trace_create(const char *path, const struct trace_header *header);

/* True if it has been written, or may yet be: trace_finish() has the last word. */
bool trace_put(struct trace_writer *writer, const struct trace_record *record);

/* The record as it was read, byte for byte. */
bool trace_put_bytes(struct trace_writer *writer, const uint8_t *bytes, size_t count);

/* False if anything could not be written: errno says why. Frees the writer. */
bool trace_finish(struct trace_writer *writer);

#endif
