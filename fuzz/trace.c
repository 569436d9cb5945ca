/* SPDX-License-Identifier: MIT */
/*
 * The trace reader: any bytes as a file, compressed or not. What it reads can be written again,
 * byte for byte; what it does not, it says why.
 */
#include <stdlib.h>

#include "../tools/trace/file.h"
#include "env/finding.h"
#include "env/input.h"

#define MOST_RECORDS 100000

static uint8_t again[SEVC_TRACE_RECORD_MAX_BYTES];

/* A record that the reader knows, taken apart and put together, is the record. */
static void check_record(const struct trace_record *record)
{
    uint8_t ghcb[TRACE_GHCB_BYTES];
    struct trace_record parsed;
    size_t length;

    FUZZ_CHECK(record->length <= SEVC_TRACE_RECORD_MAX_BYTES, "record", "%u bytes", record->length);
    FUZZ_CHECK(trace_type_name(record->type) != NULL, "record", "a type without a name");
    if (trace_type_name(record->type)[0] == '?') {
        return; /* of a later version: kept as it is */
    }
    if (record->type == SEVC_TRACE_TYPE_PAGE_SENT ||
        record->type == SEVC_TRACE_TYPE_PAGE_RETURNED) {
        trace_page_expand(&record->page, ghcb);
    }
    length = trace_encode(record, again, sizeof(again));
    FUZZ_CHECK(length != 0 && length <= sizeof(again), "again", "type %u cannot be written",
               record->type);
    FUZZ_CHECK(trace_decode(again, (uint32_t)length, &parsed) == NULL, "again",
               "type %u cannot be read again", record->type);
    FUZZ_CHECK(parsed.type == record->type && parsed.cpu == record->cpu &&
                   parsed.number == record->number && parsed.time == record->time,
               "again", "type %u has changed", record->type);
}

/* ---- the mutator: a change that the checksums agree to, mostly ---- */

__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static void put_crc(uint8_t *at, uint32_t crc)
{
    memcpy(at, &crc, sizeof(crc));
}

static void mend(uint8_t *data, size_t size)
{
    uint32_t at, length;

    if (size < SEVC_TRACE_HEADER_BYTES) {
        return;
    }
    put_crc(data + SEVC_TRACE_HEADER_CRC, trace_crc(data, SEVC_TRACE_HEADER_CRC));
    memcpy(&at, data + SEVC_TRACE_HEADER_LENGTH, sizeof(at));
    for (; at < size && size - at >= SEVC_TRACE_RECORD_BYTES; at += length) {
        memcpy(&length, data + at + SEVC_TRACE_LENGTH, sizeof(length));
        if (length < SEVC_TRACE_RECORD_BYTES || length > size - at) {
            return;
        }
        put_crc(data + at + SEVC_TRACE_CRC,
                trace_crc(data + at + SEVC_TRACE_LENGTH, length - SEVC_TRACE_LENGTH));
    }
}

/* A trace of one record of each type, as far as there is room. */
static size_t begin(uint8_t *data, size_t max_size, unsigned seed)
{
    struct trace_header header = { .major = SEVC_TRACE_MAJOR, .recorder = 1, .ticks = 1000 };
    size_t size = SEVC_TRACE_HEADER_BYTES;

    trace_encode_header(&header, data);
    for (unsigned i = 0; i < 4; i++) {
        struct trace_record record = {
            .type = (uint16_t)(1 + (seed + i * 7) % 10),
            .cpu = (uint16_t)(i % 2),
            .number = i + 1,
            .exception = i,
        };

        size += trace_encode(&record, data + size, max_size - size);
    }
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (LLVMFuzzerMutate == NULL) {
        return size;
    }
    if (size < SEVC_TRACE_HEADER_BYTES && max_size > 1024) {
        return begin(data, max_size, seed);
    }
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 16 != 0) {
        mend(data, size);
    }
    return size;
}

/* ---- the target ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace_reader *reader = trace_open_memory(data, size);
    struct trace_record record;
    enum trace_status status;
    unsigned records = 0;

    if (reader == NULL) {
        return 0;
    }
    if (trace_header(reader) == NULL) {
        FUZZ_CHECK(trace_error(reader)[0] != '\0', "error", "no trace, and no reason");
        trace_close(reader);
        return 0;
    }
    while ((status = trace_next(reader, &record)) == TRACE_RECORD) {
        check_record(&record);
        FUZZ_CHECK(++records <= MOST_RECORDS, "bounded", "more records than bytes");
    }
    FUZZ_CHECK((trace_error(reader)[0] == '\0') == (status == TRACE_END), "error",
               "status %d, error '%s'", (int)status, trace_error(reader));
    FUZZ_CHECK(trace_next(reader, &record) == status, "error", "status %d is not final",
               (int)status);
    trace_close(reader);
    return 0;
}
