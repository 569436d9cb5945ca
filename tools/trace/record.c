/* SPDX-License-Identifier: MIT */
/* Records as bytes and as structures. One table of fields serves both directions. */
#include "record.h"

#include <string.h>

#include <sevc/status.h>

/* ---- little-endian numbers ---- */

static uint64_t load(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static void store(uint8_t *at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t crc_table[256];

/* Before main(), so that threads need not agree on who does it. */
__attribute__((constructor)) static void make_crc_table(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t row = i;

        for (unsigned bit = 0; bit < 8; bit++) {
            row = row >> 1 ^ (0xEDB88320u & (0u - (row & 1)));
        }
        crc_table[i] = row;
    }
}

uint32_t trace_crc(const uint8_t *bytes, size_t count)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < count; i++) {
        crc = crc_table[(crc ^ bytes[i]) & 0xFF] ^ crc >> 8;
    }
    return ~crc;
}

/* ---- the fields ---- */

/* A number at AT in the record, BYTES wide, that stands in the structure at IN. */
struct field {
    uint16_t at;
    uint8_t bytes;
    uint16_t in;
    uint8_t count; /* that follow each other; 0 means 1 */
};

#define IN(member) offsetof(struct trace_record, member)
#define FIELD(offset, name)                                                                        \
    {                                                                                              \
        (offset), sizeof(((struct trace_record *)NULL)->name), IN(name), 0                         \
    }
#define BYTES(offset, name, number)                                                                \
    {                                                                                              \
        (offset), 1, IN(name), (number)                                                            \
    }

static const struct field common_fields[] = {
    FIELD(SEVC_TRACE_TYPE, type),     FIELD(SEVC_TRACE_CPU, cpu),
    FIELD(SEVC_TRACE_NUMBER, number), FIELD(SEVC_TRACE_EXCEPTION, exception),
    FIELD(SEVC_TRACE_FLAGS, flags),   FIELD(SEVC_TRACE_TIME, time),
};

static const struct field info_fields[] = {
    FIELD(SEVC_TRACE_INFO_SEV_STATUS, info.sev_status),
    FIELD(SEVC_TRACE_INFO_VERSION, info.version),
    FIELD(SEVC_TRACE_INFO_C_BIT, info.c_bit),
    FIELD(SEVC_TRACE_INFO_POLICY_MMIO, info.mmio),
    FIELD(SEVC_TRACE_INFO_USER_IO, info.user_io),
    FIELD(SEVC_TRACE_INFO_INVD, info.invd),
    FIELD(SEVC_TRACE_INFO_MONITOR, info.monitor),
    FIELD(SEVC_TRACE_INFO_UNSUPPORTED, info.unsupported),
    FIELD(SEVC_TRACE_INFO_CALL_INPUTS, info.call_inputs),
    FIELD(SEVC_TRACE_INFO_CALL_OUTPUTS, info.call_outputs),
    FIELD(SEVC_TRACE_INFO_CALL_FLAGS, info.call_flags),
};

#define FRAME(name)                                                                                \
    FIELD(SEVC_TRACE_FRAME_RIP, name.frame.rip), FIELD(SEVC_TRACE_FRAME_CS, name.frame.cs),        \
        FIELD(SEVC_TRACE_FRAME_RFLAGS, name.frame.rflags),                                         \
        FIELD(SEVC_TRACE_FRAME_RSP, name.frame.rsp), FIELD(SEVC_TRACE_FRAME_SS, name.frame.ss),    \
    {                                                                                              \
        SEVC_TRACE_FRAME_GPR, 8, IN(name.frame.gpr), 16                                            \
    }

static const struct field vc_fields[] = {
    FRAME(vc),
    FIELD(SEVC_TRACE_VC_ERROR_CODE, vc.error_code),
    FIELD(SEVC_TRACE_VC_CR3, vc.cr3),
    FIELD(SEVC_TRACE_VC_CR4, vc.cr4),
    FIELD(SEVC_TRACE_VC_XCR0, vc.xcr0),
    FIELD(SEVC_TRACE_VC_XSS, vc.xss),
    FIELD(SEVC_TRACE_VC_FS_BASE, vc.fs_base),
    FIELD(SEVC_TRACE_VC_GS_BASE, vc.gs_base),
    FIELD(SEVC_TRACE_VC_CODE_BITS, vc.code_bits),
    FIELD(SEVC_TRACE_VC_INSN_BYTES, vc.insn_bytes),
    BYTES(SEVC_TRACE_VC_INSN, vc.insn, 15),
};

static const struct field map_fields[] = {
    FIELD(SEVC_TRACE_MAP_VA, map.va),
    FIELD(SEVC_TRACE_MAP_GPA, map.gpa),
    FIELD(SEVC_TRACE_MAP_PAGE_BYTES, map.page_bytes),
};

static const struct field memory_fields[] = {
    FIELD(SEVC_TRACE_MEM_VA, memory.va),
    FIELD(SEVC_TRACE_MEM_CR2, memory.cr2),
    FIELD(SEVC_TRACE_MEM_BYTES, memory.bytes),
    FIELD(SEVC_TRACE_MEM_DONE, memory.done),
    FIELD(SEVC_TRACE_MEM_DATA_BYTES, memory.data_bytes),
    FIELD(SEVC_TRACE_MEM_ERROR_CODE, memory.error_code),
    FIELD(SEVC_TRACE_MEM_ACCESS, memory.access),
    FIELD(SEVC_TRACE_MEM_USER, memory.user),
    FIELD(SEVC_TRACE_MEM_VECTOR, memory.vector),
    FIELD(SEVC_TRACE_MEM_HAS_CODE, memory.has_error_code),
};

static const struct field page_fields[] = {
    FIELD(SEVC_TRACE_PAGE_GPA, page.gpa),
    FIELD(SEVC_TRACE_PAGE_RUNS, page.runs),
};

static const struct field msr_fields[] = {
    FIELD(SEVC_TRACE_MSR_VALUE, msr),
};

static const struct field result_fields[] = {
    FRAME(result),
    FIELD(SEVC_TRACE_RESULT_NAE_CODE, result.nae_code),
    FIELD(SEVC_TRACE_RESULT_INFO1, result.info1),
    FIELD(SEVC_TRACE_RESULT_INFO2, result.info2),
    FIELD(SEVC_TRACE_RESULT_CR2, result.cr2),
    FIELD(SEVC_TRACE_RESULT_ERROR_CODE, result.error_code),
    FIELD(SEVC_TRACE_RESULT_VECTOR, result.vector),
    FIELD(SEVC_TRACE_RESULT_HAS_CODE, result.has_error_code),
    FIELD(SEVC_TRACE_RESULT_RESULT, result.result),
    FIELD(SEVC_TRACE_RESULT_INSN_BYTES, result.insn_bytes),
    FIELD(SEVC_TRACE_RESULT_VMGEXITS, result.vmgexits),
    BYTES(SEVC_TRACE_RESULT_STAGE, result.stage, 16),
    BYTES(SEVC_TRACE_RESULT_REASON, result.reason, 24),
    BYTES(SEVC_TRACE_RESULT_INSN, result.insn, 15),
};

static const struct field lost_fields[] = {
    FIELD(SEVC_TRACE_LOST_COUNT, lost),
};

#define TYPE(name, fields, end)                                                                    \
    [SEVC_TRACE_TYPE_##name] = { #name, fields, sizeof(fields) / sizeof((fields)[0]), end }

/* A type: its name, its fields, and how long it is at least. */
static const struct type {
    const char *name;
    const struct field *fields;
    size_t count;
    uint32_t end;
} types[] = {
    TYPE(INFO, info_fields, SEVC_TRACE_INFO_TEXT),
    TYPE(EXCEPTION, vc_fields, SEVC_TRACE_VC_END),
    TYPE(TRANSLATION, map_fields, SEVC_TRACE_MAP_END),
    TYPE(MEMORY, memory_fields, SEVC_TRACE_MEM_DATA),
    TYPE(PAGE_SENT, page_fields, SEVC_TRACE_PAGE_DATA),
    TYPE(PAGE_RETURNED, page_fields, SEVC_TRACE_PAGE_DATA),
    TYPE(MSR_SENT, msr_fields, SEVC_TRACE_MSR_END),
    TYPE(MSR_RETURNED, msr_fields, SEVC_TRACE_MSR_END),
    TYPE(RESULT, result_fields, SEVC_TRACE_RESULT_END),
    TYPE(LOST, lost_fields, SEVC_TRACE_LOST_END),
};

/* NULL if it is not known. */
static const struct type *type_of(uint16_t type)
{
    return type < sizeof(types) / sizeof(types[0]) && types[type].name != NULL ? &types[type]
                                                                               : NULL;
}

static uint64_t in_memory(const void *at, unsigned bytes)
{
    uint64_t value = 0;

    switch (bytes) {
    case 1:
        return *(const uint8_t *)at;
    case 2:
        return *(const uint16_t *)at;
    case 4:
        return *(const uint32_t *)at;
    default:
        memcpy(&value, at, sizeof(value));
        return value;
    }
}

static void to_memory(void *at, unsigned bytes, uint64_t value)
{
    switch (bytes) {
    case 1:
        *(uint8_t *)at = (uint8_t)value;
        break;
    case 2:
        *(uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(uint32_t *)at = (uint32_t)value;
        break;
    default:
        memcpy(at, &value, sizeof(value));
    }
}

static void decode_fields(const struct field *fields, size_t count, const uint8_t *bytes,
                          struct trace_record *record)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &fields[i];

        for (unsigned n = 0; n < (f->count == 0 ? 1u : f->count); n++) {
            to_memory((uint8_t *)record + f->in + (size_t)n * f->bytes, f->bytes,
                      load(bytes + f->at + (size_t)n * f->bytes, f->bytes));
        }
    }
}

static void encode_fields(const struct field *fields, size_t count,
                          const struct trace_record *record, uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &fields[i];

        for (unsigned n = 0; n < (f->count == 0 ? 1u : f->count); n++) {
            store(bytes + f->at + (size_t)n * f->bytes, f->bytes,
                  in_memory((const uint8_t *)record + f->in + (size_t)n * f->bytes, f->bytes));
        }
    }
}

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- what the table cannot say ---- */

static const char *check_memory(struct trace_memory *memory, const uint8_t *bytes, uint32_t length)
{
    if (memory->data_bytes > length - SEVC_TRACE_MEM_DATA) {
        return "MEMORY: more data than the record has room for";
    }
    memory->data = bytes + SEVC_TRACE_MEM_DATA;
    return NULL;
}

/* The bytes of a run; 0 if it does not lie behind the one before it and inside of the page. */
static uint32_t run_bytes(const uint8_t *run, uint32_t next_offset)
{
    uint32_t offset = (uint32_t)load(run, 2);
    uint32_t bytes = (uint32_t)load(run + 2, 2);

    if (offset % 8 != 0 || bytes % 8 != 0 || offset < next_offset ||
        offset + bytes > TRACE_GHCB_BYTES) {
        return 0;
    }
    return bytes;
}

static const char *check_page(struct trace_page *page, const uint8_t *bytes, uint32_t length)
{
    uint32_t at = SEVC_TRACE_PAGE_DATA;
    uint32_t next_offset = 0;

    for (uint32_t i = 0; i < page->runs; i++) {
        uint32_t run;

        if (length - at < SEVC_TRACE_RUN_BYTES) {
            return "PAGE: more runs than the record has room for";
        }
        run = run_bytes(bytes + at, next_offset);
        if (run == 0) {
            return "PAGE: a run that is empty, not in order, or not in the page";
        }
        next_offset = (uint32_t)load(bytes + at, 2) + run;
        at += SEVC_TRACE_RUN_BYTES;
        if (length - at < run) {
            return "PAGE: more data than the record has room for";
        }
        at += run;
    }
    page->data = bytes + SEVC_TRACE_PAGE_DATA;
    return NULL;
}

static const char *check_insn(uint8_t insn_bytes)
{
    return insn_bytes > 15 ? "an instruction of more than 15 bytes" : NULL;
}

static void take_text(struct trace_info *info, const uint8_t *bytes, uint32_t length)
{
    uint32_t room = length - SEVC_TRACE_INFO_TEXT;

    if (room > SEVC_TRACE_INFO_TEXT_BYTES) {
        room = SEVC_TRACE_INFO_TEXT_BYTES;
    }
    memcpy(info->text, bytes + SEVC_TRACE_INFO_TEXT, room);
    info->text[room] = '\0';
}

static const char *finish(struct trace_record *record)
{
    switch (record->type) {
    case SEVC_TRACE_TYPE_INFO:
        take_text(&record->info, record->bytes, record->length);
        return NULL;
    case SEVC_TRACE_TYPE_EXCEPTION:
        return check_insn(record->vc.insn_bytes);
    case SEVC_TRACE_TYPE_RESULT:
        return check_insn(record->result.insn_bytes);
    case SEVC_TRACE_TYPE_MEMORY:
        return check_memory(&record->memory, record->bytes, record->length);
    case SEVC_TRACE_TYPE_PAGE_SENT:
    case SEVC_TRACE_TYPE_PAGE_RETURNED:
        return check_page(&record->page, record->bytes, record->length);
    default:
        return NULL;
    }
}

const char *trace_decode(const uint8_t *bytes, uint32_t length, struct trace_record *record)
{
    const struct type *type;

    if (length < SEVC_TRACE_RECORD_BYTES || length > SEVC_TRACE_RECORD_MAX_BYTES ||
        length % 8 != 0 || load(bytes + SEVC_TRACE_LENGTH, 4) != length) {
        return "a record of an impossible length";
    }
    if (load(bytes, 4) != trace_crc(bytes + 4, length - 4)) {
        return "the checksum does not fit the record";
    }
    memset(record, 0, sizeof(*record));
    record->bytes = bytes;
    record->length = length;
    decode_fields(common_fields, COUNT(common_fields), bytes, record);
    type = type_of(record->type);
    if (type == NULL) {
        return NULL; /* of a later version */
    }
    if (length < type->end) {
        return "a record that is too short for its type";
    }
    decode_fields(type->fields, type->count, bytes, record);
    return finish(record);
}

/* ---- the other way ---- */

static size_t runs_length(const struct trace_page *page)
{
    size_t at = 0;

    for (uint32_t i = 0; i < page->runs; i++) {
        at += SEVC_TRACE_RUN_BYTES + load(page->data + at + 2, 2);
    }
    return at;
}

/* What follows the fields. */
static size_t tail_length(const struct trace_record *record)
{
    switch (record->type) {
    case SEVC_TRACE_TYPE_INFO:
        return strlen(record->info.text);
    case SEVC_TRACE_TYPE_MEMORY:
        return record->memory.data_bytes;
    case SEVC_TRACE_TYPE_PAGE_SENT:
    case SEVC_TRACE_TYPE_PAGE_RETURNED:
        return runs_length(&record->page);
    default:
        return 0;
    }
}

static const void *tail(const struct trace_record *record)
{
    switch (record->type) {
    case SEVC_TRACE_TYPE_INFO:
        return record->info.text;
    case SEVC_TRACE_TYPE_MEMORY:
        return record->memory.data;
    default:
        return record->page.data;
    }
}

size_t trace_encode(const struct trace_record *record, uint8_t *bytes, size_t size)
{
    const struct type *type = type_of(record->type);
    size_t tail_bytes = type == NULL ? 0 : tail_length(record);
    size_t length = type == NULL ? 0 : (type->end + tail_bytes + 7) / 8 * 8;

    if (length == 0 || length > size || length > SEVC_TRACE_RECORD_MAX_BYTES) {
        return 0;
    }
    memset(bytes, 0, length);
    encode_fields(common_fields, COUNT(common_fields), record, bytes);
    encode_fields(type->fields, type->count, record, bytes);
    if (tail_bytes != 0) {
        memcpy(bytes + type->end, tail(record), tail_bytes);
    }
    store(bytes + SEVC_TRACE_LENGTH, 4, length);
    store(bytes + SEVC_TRACE_CRC, 4, trace_crc(bytes + 4, length - 4));
    return length;
}

/* ---- the file's header ---- */

const char *trace_decode_header(const uint8_t bytes[SEVC_TRACE_HEADER_BYTES],
                                struct trace_header *header, uint32_t *skip)
{
    if (load(bytes + SEVC_TRACE_HEADER_MAGIC, 8) != SEVC_TRACE_MAGIC) {
        return "this is no sevc trace: it does not start with SVTRACE";
    }
    header->major = (uint16_t)load(bytes + SEVC_TRACE_HEADER_MAJOR, 2);
    header->minor = (uint16_t)load(bytes + SEVC_TRACE_HEADER_MINOR, 2);
    header->recorder = (uint32_t)load(bytes + SEVC_TRACE_HEADER_RECORDER, 4);
    header->flags = (uint32_t)load(bytes + SEVC_TRACE_HEADER_FLAGS, 4);
    header->ticks = load(bytes + SEVC_TRACE_HEADER_TICKS, 8);
    *skip = (uint32_t)load(bytes + SEVC_TRACE_HEADER_LENGTH, 4);
    if (load(bytes + SEVC_TRACE_HEADER_CRC, 4) != trace_crc(bytes, SEVC_TRACE_HEADER_CRC)) {
        return "the trace's header is damaged: its checksum does not fit";
    }
    if (header->major != SEVC_TRACE_MAJOR) {
        return "a trace of another format version than 1, which this program does not know";
    }
    if (*skip < SEVC_TRACE_HEADER_BYTES || *skip % 8 != 0 || *skip > SEVC_TRACE_RECORD_MAX_BYTES) {
        return "the trace's header has an impossible length";
    }
    return NULL;
}

void trace_encode_header(const struct trace_header *header, uint8_t bytes[SEVC_TRACE_HEADER_BYTES])
{
    store(bytes + SEVC_TRACE_HEADER_MAGIC, 8, SEVC_TRACE_MAGIC);
    store(bytes + SEVC_TRACE_HEADER_MAJOR, 2, header->major);
    store(bytes + SEVC_TRACE_HEADER_MINOR, 2, header->minor);
    store(bytes + SEVC_TRACE_HEADER_LENGTH, 4, SEVC_TRACE_HEADER_BYTES);
    store(bytes + SEVC_TRACE_HEADER_RECORDER, 4, header->recorder);
    store(bytes + SEVC_TRACE_HEADER_FLAGS, 4, header->flags);
    store(bytes + SEVC_TRACE_HEADER_TICKS, 8, header->ticks);
    store(bytes + SEVC_TRACE_HEADER_CRC, 4, trace_crc(bytes, SEVC_TRACE_HEADER_CRC));
    store(bytes + SEVC_TRACE_HEADER_CRC + 4, 4, 0);
}

/* ---- pages ---- */

void trace_page_expand(const struct trace_page *page, uint8_t ghcb[TRACE_GHCB_BYTES])
{
    const uint8_t *run = page->data;

    memset(ghcb, 0, TRACE_GHCB_BYTES);
    for (uint32_t i = 0; i < page->runs; i++) {
        size_t bytes = (size_t)load(run + 2, 2);

        memcpy(ghcb + load(run, 2), run + SEVC_TRACE_RUN_BYTES, bytes);
        run += SEVC_TRACE_RUN_BYTES + bytes;
    }
}

static bool is_zero(const uint8_t *quadword)
{
    return load(quadword, 8) == 0;
}

void trace_page_pack(struct trace_page *page, const uint8_t ghcb[TRACE_GHCB_BYTES], uint8_t *data)
{
    uint8_t *run = data;

    page->data = data;
    page->runs = 0;
    for (unsigned at = 0; at < TRACE_GHCB_BYTES; at += 8) {
        unsigned start = at;

        while (at < TRACE_GHCB_BYTES && !is_zero(ghcb + at)) {
            at += 8;
        }
        if (at == start) {
            continue;
        }
        store(run, 2, start);
        store(run + 2, 2, at - start);
        store(run + 4, 4, 0);
        memcpy(run + SEVC_TRACE_RUN_BYTES, ghcb + start, at - start);
        run += SEVC_TRACE_RUN_BYTES + (at - start);
        page->runs++;
    }
}

/* ---- names ---- */

const char *trace_type_name(uint16_t type)
{
    const struct type *known = type_of(type);

    return known == NULL ? "?" : known->name;
}

const char *trace_result_name(uint8_t result)
{
    static const char *const names[] = { "OK",         "OK_TRAP",     "RETRY",
                                         "EXCEPTION",  "UNSUPPORTED", "BAD_INSN",
                                         "HOST_ERROR", "FORBIDDEN",   "INVALID" };

    _Static_assert(SEVC_INVALID == 8 && SEVC_HOST_ERROR == 6 && SEVC_UNSUPPORTED == 4 &&
                       SEVC_RETRY == 2,
                   "docs/trace-format.md has these numbers: they never change");
    return result < COUNT(names) ? names[result] : "?";
}
