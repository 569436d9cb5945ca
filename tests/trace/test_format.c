/* SPDX-License-Identifier: MIT */
/* The bytes of docs/trace-format.md, written here by hand, against the reader and the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"

#define U16(v) (v) & 0xFF, (v) >> 8 & 0xFF
#define U32(v) U16(v), (v) >> 16 & 0xFF, (v) >> 24 & 0xFF
#define U64(v) U32((v)&0xFFFFFFFF), U32((uint64_t)(v) >> 32)
#define Z8     0, 0, 0, 0, 0, 0, 0, 0
#define Z16    Z8, Z8

/* A trace of one CPUID: checksums by Python's zlib.crc32(). */
static const uint8_t golden[] = {
    /* the header */
    'S', 'V', 'T', 'R', 'A', 'C', 'E', '\n', U16(1), U16(0), U32(40), U32(2), U32(0),
    U64(1000000000), U32(0x9BC76C1B), U32(0),
    /* INFO, platform known: SEV and SEV-ES, version 2, C-bit 51, "golden" */
    U32(0xD130F20E), U32(72), U16(1), U16(3), U32(1), U32(0), U32(1), U64(100), U64(3), U64(0),
    U16(2), 51, 0, 0, 0, 0, 0, Z8, 'g', 'o', 'l', 'd', 'e', 'n', 0, 0,
    /* EXCEPTION 0x72 at 0x1000: all but XSS known; 0F A2 */
    U32(0x8479643A), U32(280), U16(2), U16(3), U32(2), U32(2), U32(0x1EF), U64(200), U64(0x1000),
    U64(0x10), U64(0x202), U64(0x8000), U64(0x18), U64(1), U64(0x1111), U64(0x2222), U64(0x3333),
    Z8, U64(5), U64(6), U64(7), Z16, Z16, Z16, Z8, U64(0xF15), U64(0x72), U64(0x5000), U64(0x20),
    U64(7), Z8, U64(0xF5), U64(0x65), 64, 2, 0, 0, 0, 0, 0, 0, 0x0F, 0xA2, 0, 0, 0, 0, 0, 0, Z8,
    /* MEMORY: 2 of 15 bytes fetched, then #PF(0x10) at 0x1002 */
    U32(0xF031D7AC), U32(80), U16(4), U16(3), U32(3), U32(2), U32(1), U64(210), U64(0x1000),
    U64(0x1002), U32(15), U32(2), U32(2), U32(0x10), 2, 0, 14, 1, U32(0), 0x0F, 0xA2, 0, 0, 0, 0, 0,
    0,
    /* PAGE_SENT: RAX = 1 (one run), EXITCODE = 0x72 (another) */
    U32(0x9292DBAC), U32(80), U16(5), U16(3), U32(4), U32(2), U32(0), U64(220), U64(0xABC000),
    U32(2), U32(0), U16(0x1F8), U16(8), U32(0), U64(1), U16(0x390), U16(8), U32(0), U64(0x72),
    /* PAGE_RETURNED: the last quadword but one */
    U32(0x2179C3C0), U32(64), U16(6), U16(3), U32(5), U32(2), U32(0), U64(230), U64(0xABC000),
    U32(1), U32(0), U16(0xFF0), U16(8), U32(0), U64(0x1122334455667788),
    /* RESULT: OK at 0x1002, by sevc */
    U32(0x4F6CCA20), U32(304), U16(9), U16(3), U32(6), U32(2), U32(0x201), U64(300), U64(0x1002),
    U64(0x10), U64(0x202), U64(0x8000), U64(0x18), U64(0xA), U64(0xC), U64(0xD), U64(0xB), Z8,
    U64(5), U64(6), U64(7), Z16, Z16, Z16, Z8, U64(0xF15), U64(0x72), Z8, Z8, U64(0xC2), U32(4), 14,
    1, 0, 2, U32(1), U32(0), 'A', 'P', 'P', 'L', 'Y', 0, 0, 0, Z8, 'N', 'O', 'N', 'E', 0, 0, 0, 0,
    Z16, 0x0F, 0xA2, 0, 0, 0, 0, 0, 0, Z8,
    /* TRANSLATION, MSR_SENT, MSR_RETURNED, LOST */
    U32(0x3C185DCE), U32(56), U16(3), U16(3), U32(7), U32(0), U32(0x17), U64(310),
    U64(0xFFFF888000001234), U64(0xFED00234), U64(0x200000), U32(0x27DE3408), U32(40), U16(7),
    U16(3), U32(8), U32(0), U32(0), U64(320), U64(2), U32(0x6BDD95AA), U32(40), U16(8), U16(3),
    U32(9), U32(0), U32(0), U64(330), U64(0x0002000133000001), U32(0x855A47BE), U32(40), U16(10),
    U16(3), U32(10), U32(0), U32(0), U64(340), U64(77)
};

/* Where each record ends. */
static const size_t ends[] = { 40, 112, 392, 472, 552, 616, 920, 976, 1016, 1056, 1096 };
#define RECORDS 10

static struct trace_reader *open_bytes(const void *bytes, size_t count)
{
    struct trace_reader *reader = trace_open_memory(bytes, count);

    assert_non_null(reader);
    return reader;
}

static void next(struct trace_reader *reader, struct trace_record *record, uint16_t type,
                 uint32_t number, uint64_t time)
{
    if (trace_next(reader, record) != TRACE_RECORD) {
        fail_msg("record %u: %s", number, trace_error(reader));
    }
    assert_int_equal(record->type, type);
    assert_int_equal(record->cpu, 3);
    assert_int_equal(record->number, number);
    assert_int_equal(record->time, time);
}

static void check_frame(const struct trace_frame *frame, uint64_t rip, uint64_t rax)
{
    assert_int_equal(frame->rip, rip);
    assert_int_equal(frame->cs, 0x10);
    assert_int_equal(frame->rflags, 0x202);
    assert_int_equal(frame->rsp, 0x8000);
    assert_int_equal(frame->ss, 0x18);
    assert_int_equal(frame->gpr[0], rax);
    assert_int_equal(frame->gpr[5], 5);
    assert_int_equal(frame->gpr[15], 0xF15);
}

static void check_exception(const struct trace_record *record)
{
    assert_int_equal(record->exception, 2);
    assert_int_equal(record->flags, 0x1EF);
    check_frame(&record->vc.frame, 0x1000, 1);
    assert_int_equal(record->vc.error_code, 0x72);
    assert_int_equal(record->vc.cr3, 0x5000);
    assert_int_equal(record->vc.cr4, 0x20);
    assert_int_equal(record->vc.xcr0, 7);
    assert_int_equal(record->vc.xss, 0);
    assert_int_equal(record->vc.fs_base, 0xF5);
    assert_int_equal(record->vc.gs_base, 0x65);
    assert_int_equal(record->vc.code_bits, 64);
    assert_int_equal(record->vc.insn_bytes, 2);
    assert_memory_equal(record->vc.insn, "\x0F\xA2\0", 3);
}

static void check_memory(const struct trace_memory *memory)
{
    assert_int_equal(memory->va, 0x1000);
    assert_int_equal(memory->cr2, 0x1002);
    assert_int_equal(memory->bytes, 15);
    assert_int_equal(memory->done, 2);
    assert_int_equal(memory->data_bytes, 2);
    assert_int_equal(memory->error_code, 0x10);
    assert_int_equal(memory->access, SEVC_TRACE_ACCESS_FETCH);
    assert_int_equal(memory->vector, 14);
    assert_int_equal(memory->has_error_code, 1);
    assert_memory_equal(memory->data, "\x0F\xA2", 2);
}

static uint64_t quadword(const uint8_t *page, unsigned offset)
{
    uint64_t value;

    memcpy(&value, page + offset, sizeof(value));
    return value;
}

static void check_pages(struct trace_reader *reader, struct trace_record *record)
{
    uint8_t page[TRACE_GHCB_BYTES];
    uint8_t expected[TRACE_GHCB_BYTES] = { 0 };

    next(reader, record, SEVC_TRACE_TYPE_PAGE_SENT, 4, 220);
    assert_int_equal(record->page.gpa, 0xABC000);
    trace_page_expand(&record->page, page);
    expected[0x1F8] = 1;
    expected[0x390] = 0x72;
    assert_memory_equal(page, expected, sizeof(page));

    next(reader, record, SEVC_TRACE_TYPE_PAGE_RETURNED, 5, 230);
    trace_page_expand(&record->page, page);
    assert_int_equal(quadword(page, 0xFF0), 0x1122334455667788);
    assert_int_equal(quadword(page, 0x390), 0);
}

static void check_result(const struct trace_record *record)
{
    assert_int_equal(record->flags, SEVC_TRACE_HAS_FRAME | SEVC_TRACE_HAS_REPORT);
    check_frame(&record->result.frame, 0x1002, 0xA);
    assert_int_equal(record->result.nae_code, 0x72);
    assert_int_equal(record->result.cr2, 0xC2);
    assert_int_equal(record->result.error_code, 4);
    assert_int_equal(record->result.vector, 14);
    assert_int_equal(record->result.has_error_code, 1);
    assert_int_equal(record->result.result, 0);
    assert_int_equal(record->result.vmgexits, 1);
    assert_string_equal(record->result.stage, "APPLY");
    assert_string_equal(record->result.reason, "NONE");
    assert_int_equal(record->result.insn_bytes, 2);
    assert_memory_equal(record->result.insn, "\x0F\xA2\0", 3);
}

static void the_golden_bytes_are_read_field_by_field(void **state)
{
    struct trace_reader *reader = open_bytes(golden, sizeof(golden));
    struct trace_record record;

    (void)state;
    assert_non_null(trace_header(reader));
    assert_int_equal(trace_header(reader)->recorder, SEVC_TRACE_BY_EMULATOR);
    assert_int_equal(trace_header(reader)->ticks, 1000000000);
    next(reader, &record, SEVC_TRACE_TYPE_INFO, 1, 100);
    assert_int_equal(record.info.sev_status, 3);
    assert_int_equal(record.info.version, 2);
    assert_int_equal(record.info.c_bit, 51);
    assert_string_equal(record.info.text, "golden");
    next(reader, &record, SEVC_TRACE_TYPE_EXCEPTION, 2, 200);
    check_exception(&record);
    next(reader, &record, SEVC_TRACE_TYPE_MEMORY, 3, 210);
    assert_int_equal(record.flags, SEVC_TRACE_MEM_FAULTED);
    check_memory(&record.memory);
    check_pages(reader, &record);
    next(reader, &record, SEVC_TRACE_TYPE_RESULT, 6, 300);
    check_result(&record);
    next(reader, &record, SEVC_TRACE_TYPE_TRANSLATION, 7, 310);
    assert_int_equal(record.flags, 0x17);
    assert_int_equal(record.map.va, 0xFFFF888000001234);
    assert_int_equal(record.map.gpa, 0xFED00234);
    assert_int_equal(record.map.page_bytes, 0x200000);
    next(reader, &record, SEVC_TRACE_TYPE_MSR_SENT, 8, 320);
    assert_int_equal(record.msr, 2);
    next(reader, &record, SEVC_TRACE_TYPE_MSR_RETURNED, 9, 330);
    assert_int_equal(record.msr, 0x0002000133000001);
    next(reader, &record, SEVC_TRACE_TYPE_LOST, 10, 340);
    assert_int_equal(record.lost, 77);
    assert_int_equal(trace_next(reader, &record), TRACE_END);
    assert_string_equal(trace_error(reader), "");
    trace_close(reader);
}

/* ---- writing ---- */

static void the_writer_makes_the_golden_bytes_again(void **state)
{
    struct trace_reader *reader = open_bytes(golden, sizeof(golden));
    uint8_t bytes[SEVC_TRACE_RECORD_MAX_BYTES];
    uint8_t header[SEVC_TRACE_HEADER_BYTES];
    uint8_t page[TRACE_GHCB_BYTES];
    uint8_t runs[TRACE_RUNS_MAX_BYTES];
    struct trace_record record;

    (void)state;
    trace_encode_header(trace_header(reader), header);
    assert_memory_equal(header, golden, sizeof(header));
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_int_equal(trace_next(reader, &record), TRACE_RECORD);
        if (record.type == SEVC_TRACE_TYPE_PAGE_SENT ||
            record.type == SEVC_TRACE_TYPE_PAGE_RETURNED) {
            trace_page_expand(&record.page, page);
            trace_page_pack(&record.page, page, runs);
        }
        assert_int_equal(trace_encode(&record, bytes, sizeof(bytes)), ends[i + 1] - ends[i]);
        assert_memory_equal(bytes, golden + ends[i], ends[i + 1] - ends[i]);
        assert_int_equal(trace_encode(&record, bytes, ends[i + 1] - ends[i] - 1), 0);
    }
    trace_close(reader);
}

static void check_file(const char *suffix)
{
    char path[] = "/tmp/sevc-trace-XXXXXX.zst";
    struct trace_reader *golden_reader = open_bytes(golden, sizeof(golden));
    struct trace_writer *writer;
    struct trace_reader *reader;
    struct trace_record record;
    unsigned count = 0;

    memcpy(path + sizeof(path) - 5, suffix, strlen(suffix) + 1);
    assert_true(mkstemps(path, (int)strlen(suffix)) >= 0);
    writer = trace_create(path, trace_header(golden_reader));
    assert_non_null(writer);
    while (trace_next(golden_reader, &record) == TRACE_RECORD) {
        assert_true(trace_put(writer, &record));
    }
    assert_true(trace_finish(writer));
    trace_close(golden_reader);

    reader = trace_open(path);
    assert_non_null(trace_header(reader));
    while (trace_next(reader, &record) == TRACE_RECORD) {
        assert_memory_equal(record.bytes, golden + ends[count], record.length);
        count++;
    }
    assert_string_equal(trace_error(reader), "");
    assert_int_equal(count, RECORDS);
    trace_close(reader);
    unlink(path);
}

static void a_file_comes_back_as_it_was_written(void **state)
{
    (void)state;
    check_file("");
    check_file(".zst");
}

/* Every second quadword set: as many runs as there can be. */
static void the_largest_page_fits_and_comes_back(void **state)
{
    uint8_t page[TRACE_GHCB_BYTES] = { 0 };
    uint8_t again[TRACE_GHCB_BYTES];
    uint8_t runs[TRACE_RUNS_MAX_BYTES];
    uint8_t bytes[SEVC_TRACE_RECORD_MAX_BYTES];
    struct trace_record record = { .type = SEVC_TRACE_TYPE_PAGE_SENT };
    size_t length;

    (void)state;
    for (unsigned at = 0; at < sizeof(page); at += 16) {
        page[at] = (uint8_t)(at / 16 + 1) | 1;
    }
    trace_page_pack(&record.page, page, runs);
    assert_int_equal(record.page.runs, 256);
    length = trace_encode(&record, bytes, sizeof(bytes));
    assert_int_equal(length, 48 + 256 * 16);
    assert_null(trace_decode(bytes, (uint32_t)length, &record));
    trace_page_expand(&record.page, again);
    assert_memory_equal(page, again, sizeof(page));
    memset(page, 0xA5, sizeof(page));
    trace_page_pack(&record.page, page, runs);
    assert_int_equal(trace_encode(&record, bytes, sizeof(bytes)), 48 + 8 + 4096);
}

/* ---- damage ---- */

/* Reads all there is: how many good records, and how it ended. */
static unsigned read_all(const uint8_t *bytes, size_t count, enum trace_status *status)
{
    struct trace_reader *reader = open_bytes(bytes, count);
    struct trace_record record;
    unsigned records = 0;

    while ((*status = trace_next(reader, &record)) == TRACE_RECORD) {
        assert_memory_equal(record.bytes, golden + ends[records], record.length);
        records++;
    }
    assert_int_equal(trace_next(reader, &record), *status); /* final */
    assert_int_equal(trace_error(reader)[0] == '\0', *status == TRACE_END);
    trace_close(reader);
    return records;
}

static void cut_anywhere_all_records_before_are_kept(void **state)
{
    (void)state;
    for (size_t count = 0; count < sizeof(golden); count++) {
        uint8_t *exact = malloc(count + 1); /* so that a sanitizer sees a byte beyond */
        enum trace_status status;
        unsigned whole = 0;
        bool at_end = false;

        for (unsigned i = 0; i <= RECORDS; i++) {
            whole += i > 0 && ends[i] <= count;
            at_end |= ends[i] == count;
        }
        memcpy(exact, golden, count);
        assert_int_equal(read_all(exact, count, &status), whole);
        assert_int_equal(status, at_end ? TRACE_END : TRACE_DAMAGED);
        free(exact);
    }
}

static void any_flipped_bit_is_seen_and_all_records_before_are_kept(void **state)
{
    uint8_t bytes[sizeof(golden)];

    (void)state;
    for (size_t bit = SEVC_TRACE_HEADER_BYTES * 8; bit < sizeof(golden) * 8; bit++) {
        enum trace_status status;
        unsigned before = 0;

        memcpy(bytes, golden, sizeof(bytes));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        for (unsigned i = 1; i <= RECORDS; i++) {
            before += ends[i] <= bit / 8;
        }
        assert_int_equal(read_all(bytes, sizeof(bytes), &status), before);
        assert_int_equal(status, TRACE_DAMAGED);
    }
}

static void a_header_that_is_not_ours_is_refused(void **state)
{
    uint8_t bytes[sizeof(golden)];

    (void)state;
    for (size_t bit = 0; bit < 36 * 8; bit++) {
        struct trace_reader *reader;
        struct trace_record record;

        memcpy(bytes, golden, sizeof(bytes));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        reader = open_bytes(bytes, sizeof(bytes));
        assert_int_equal(trace_next(reader, &record), TRACE_DAMAGED);
        assert_null(trace_header(reader));
        assert_string_not_equal(trace_error(reader), "");
        trace_close(reader);
    }
}

static void the_error_says_where_the_damage_is(void **state)
{
    struct trace_reader *reader = open_bytes(golden, sizeof(golden) - 1);
    struct trace_record record;
    enum trace_status status;

    (void)state;
    while ((status = trace_next(reader, &record)) == TRACE_RECORD) {
    }
    assert_int_equal(status, TRACE_DAMAGED);
    assert_non_null(strstr(trace_error(reader), "truncated: the record at byte 1056"));
    trace_close(reader);

    reader = trace_open("/nonexistent/trace");
    assert_null(trace_header(reader));
    assert_int_equal(trace_next(reader, &record), TRACE_FAILED);
    assert_non_null(strstr(trace_error(reader), "No such file"));
    trace_close(reader);
}

/* ---- damage that a checksum does not show ---- */

static const char *decode_altered(size_t record, size_t at, uint8_t value)
{
    static uint8_t bytes[SEVC_TRACE_RECORD_MAX_BYTES];
    struct trace_record decoded;
    size_t length = ends[record + 1] - ends[record];
    uint32_t crc;

    memcpy(bytes, golden + ends[record], length);
    bytes[at] = value;
    crc = trace_crc(bytes + 4, length - 4);
    memcpy(bytes, &crc, sizeof(crc));
    return trace_decode(bytes, (uint32_t)length, &decoded);
}

static void a_record_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    assert_null(decode_altered(1, 264, 0x90));
    assert_non_null(decode_altered(1, 257, 16));  /* instruction of 16 bytes */
    assert_non_null(decode_altered(5, 239, 16));  /* the same in RESULT */
    assert_null(decode_altered(2, 56, 8));        /* 8 bytes of data: as many as there are */
    assert_non_null(decode_altered(2, 56, 9));    /* one more */
    assert_non_null(decode_altered(2, 59, 0x80)); /* many more */
    assert_null(decode_altered(3, 40, 1));        /* a run less */
    assert_non_null(decode_altered(3, 40, 3));    /* a run more */
    assert_non_null(decode_altered(3, 43, 0xFF)); /* many more */
    assert_non_null(decode_altered(3, 50, 0));    /* an empty run */
    assert_non_null(decode_altered(3, 50, 4));    /* half a quadword */
    assert_non_null(decode_altered(3, 50, 0x18)); /* data into the next run's place, and beyond */
    assert_non_null(decode_altered(3, 48, 0xFC)); /* not at a quadword */
    assert_non_null(decode_altered(3, 65, 0x01)); /* the second run before the end of the first */
    assert_non_null(decode_altered(4, 49, 0x1F)); /* behind the page */
    assert_null(decode_altered(4, 48, 0xF8));     /* the page's last quadword */
    assert_non_null(decode_altered(6, 8, 2));     /* too short for EXCEPTION */
}

/* ---- later versions ---- */

static void a_later_minor_version_is_read_as_far_as_it_is_known(void **state)
{
    uint8_t bytes[48 + 48 + 48] = { 0 };
    struct trace_reader *reader;
    struct trace_record record;
    uint32_t crc;

    (void)state;
    /* A header of 48 bytes, version 1.9; an unknown type; LOST with a field that was added. */
    memcpy(bytes, golden, 40);
    bytes[10] = 9;
    bytes[12] = 48;
    crc = trace_crc(bytes, 32);
    memcpy(bytes + 32, &crc, 4);
    memcpy(bytes + 48, golden + ends[9], 40);
    bytes[48 + 4] = 48;
    bytes[48 + 8] = 200;
    crc = trace_crc(bytes + 52, 44);
    memcpy(bytes + 48, &crc, 4);
    memcpy(bytes + 96, golden + ends[9], 40);
    bytes[96 + 4] = 48;
    bytes[96 + 40] = 0xEE;
    crc = trace_crc(bytes + 100, 44);
    memcpy(bytes + 96, &crc, 4);

    reader = open_bytes(bytes, sizeof(bytes));
    assert_int_equal(trace_next(reader, &record), TRACE_RECORD);
    assert_int_equal(record.type, 200);
    assert_string_equal(trace_type_name(record.type), "?");
    assert_int_equal(trace_next(reader, &record), TRACE_RECORD);
    assert_int_equal(record.type, SEVC_TRACE_TYPE_LOST);
    assert_int_equal(record.lost, 77);
    assert_int_equal(trace_next(reader, &record), TRACE_END);
    trace_close(reader);
}

static void a_compressed_file_that_is_cut_or_altered_is_not_taken_for_whole(void **state)
{
    char path[] = "/tmp/sevc-trace-XXXXXX.zst";
    struct trace_reader *reader = open_bytes(golden, sizeof(golden));
    struct trace_writer *writer;
    struct trace_record record;
    uint8_t bytes[2048];
    enum trace_status status;
    size_t count;
    FILE *file;

    (void)state;
    assert_true(mkstemps(path, 4) >= 0);
    writer = trace_create(path, trace_header(reader));
    while (trace_next(reader, &record) == TRACE_RECORD) {
        assert_true(trace_put(writer, &record));
    }
    trace_close(reader);
    assert_true(trace_finish(writer));
    file = fopen(path, "rb");
    assert_non_null(file);
    count = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    unlink(path);
    assert_int_equal(read_all(bytes, count, &status), RECORDS);
    assert_int_equal(status, TRACE_END);
    for (size_t cut = 0; cut < count; cut++) {
        read_all(bytes, cut, &status);
        assert_int_equal(status, TRACE_DAMAGED);
    }
    bytes[count - 5] ^= 1;
    read_all(bytes, count, &status);
    assert_int_equal(status, TRACE_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_bytes_are_read_field_by_field),
        cmocka_unit_test(the_writer_makes_the_golden_bytes_again),
        cmocka_unit_test(a_file_comes_back_as_it_was_written),
        cmocka_unit_test(the_largest_page_fits_and_comes_back),
        cmocka_unit_test(cut_anywhere_all_records_before_are_kept),
        cmocka_unit_test(any_flipped_bit_is_seen_and_all_records_before_are_kept),
        cmocka_unit_test(a_header_that_is_not_ours_is_refused),
        cmocka_unit_test(the_error_says_where_the_damage_is),
        cmocka_unit_test(a_record_that_contradicts_itself_is_refused),
        cmocka_unit_test(a_later_minor_version_is_read_as_far_as_it_is_known),
        cmocka_unit_test(a_compressed_file_that_is_cut_or_altered_is_not_taken_for_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
