/* SPDX-License-Identifier: MIT */
/* Writing a trace, plain or compressed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "file.h"

#define OUTPUT_BYTES (1u << 17)
#define ZSTD_LEVEL   19 /* traces are written once and kept */

struct trace_writer {
    FILE *file;
    int error; /* errno of the first failure */
    ZSTD_CStream *zstd;
    uint8_t record[SEVC_TRACE_RECORD_MAX_BYTES];
    uint8_t output[OUTPUT_BYTES];
};

static bool failed(struct trace_writer *writer)
{
    if (writer->error == 0) {
        writer->error = errno != 0 ? errno : EIO;
    }
    return false;
}

static bool put_plain(struct trace_writer *writer, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, writer->file) == count || failed(writer);
}

static bool compress(struct trace_writer *writer, const void *bytes, size_t count,
                     ZSTD_EndDirective directive)
{
    ZSTD_inBuffer input = { bytes, count, 0 };
    size_t left;

    do {
        ZSTD_outBuffer output = { writer->output, OUTPUT_BYTES, 0 };

        left = ZSTD_compressStream2(writer->zstd, &output, &input, directive);
        if (ZSTD_isError(left)) {
            errno = EIO;
            return failed(writer);
        }
        if (!put_plain(writer, writer->output, output.pos)) {
            return false;
        }
    } while (input.pos < input.size || (directive == ZSTD_e_end && left != 0));
    return true;
}

bool trace_put_bytes(struct trace_writer *writer, const uint8_t *bytes, size_t count)
{
    if (writer->error != 0) {
        return false;
    }
    return writer->zstd != NULL ? compress(writer, bytes, count, ZSTD_e_continue)
                                : put_plain(writer, bytes, count);
}

bool trace_put(struct trace_writer *writer, const struct trace_record *record)
{
    size_t length = trace_encode(record, writer->record, sizeof(writer->record));

    if (length == 0) {
        errno = EINVAL;
        return failed(writer);
    }
    return trace_put_bytes(writer, writer->record, length);
}

static bool wants_compression(const char *path)
{
    size_t length = strlen(path);

    return length > 4 && strcmp(path + length - 4, ".zst") == 0;
}

static bool start_compression(struct trace_writer *writer)
{
    writer->zstd = ZSTD_createCStream();
    return writer->zstd != NULL &&
           !ZSTD_isError(
               ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1));
}

struct trace_writer *trace_create(const char *path, const struct trace_header *header)
{
    struct trace_writer *writer = calloc(1, sizeof(*writer));
    uint8_t bytes[SEVC_TRACE_HEADER_BYTES];

    if (writer == NULL) {
        return NULL;
    }
    writer->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    if (writer->file == NULL) {
        free(writer);
        return NULL;
    }
    if (wants_compression(path) && !start_compression(writer)) {
        writer->error = ENOMEM;
        (void)trace_finish(writer);
        errno = ENOMEM;
        return NULL;
    }
    trace_encode_header(header, bytes);
    (void)trace_put_bytes(writer, bytes, sizeof(bytes));
    return writer;
}

bool trace_finish(struct trace_writer *writer)
{
    int error;

    if (writer->zstd != NULL && writer->error == 0) {
        (void)compress(writer, NULL, 0, ZSTD_e_end);
    }
    if ((writer->file == stdout ? fflush(writer->file) : fclose(writer->file)) != 0) {
        (void)failed(writer);
    }
    ZSTD_freeCStream(writer->zstd);
    error = writer->error;
    free(writer);
    errno = error;
    return error == 0;
}
