/* SPDX-License-Identifier: MIT */
/* The records of a trace in C: what docs/trace-format.md lays out in bytes, both ways. */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/trace_format.h>

#define TRACE_GHCB_BYTES 4096

struct trace_header {
    uint16_t major, minor;
    uint32_t recorder, flags;
    uint64_t ticks; /* per second */
};

struct trace_info {
    uint64_t sev_status;
    uint16_t version;
    uint8_t c_bit;
    uint8_t mmio, user_io, invd, monitor, unsupported;
    uint16_t call_inputs, call_outputs;
    uint8_t call_flags;
    char text[SEVC_TRACE_INFO_TEXT_BYTES + 1]; /* always ends in a zero */
};

struct trace_frame {
    uint64_t rip, cs, rflags, rsp, ss;
    uint64_t gpr[16];
};

struct trace_exception {
    struct trace_frame frame;
    uint64_t error_code;
    uint64_t cr3, cr4, xcr0, xss, fs_base, gs_base;
    uint8_t code_bits;
    uint8_t insn_bytes; /* 0 to 15 */
    uint8_t insn[16];
};

struct trace_translation {
    uint64_t va, gpa, page_bytes;
};

struct trace_memory {
    uint64_t va, cr2;
    uint32_t bytes, done, data_bytes, error_code;
    uint8_t access, user, vector, has_error_code;
    const uint8_t *data; /* in the record's bytes */
};

struct trace_page {
    uint64_t gpa;
    uint32_t runs;
    const uint8_t *data; /* in the record's bytes: checked by trace_decode() */
};

struct trace_result {
    struct trace_frame frame;
    uint64_t nae_code, info1, info2, cr2;
    uint32_t error_code, vmgexits;
    uint8_t vector, has_error_code, result;
    uint8_t insn_bytes; /* 0 to 15 */
    uint8_t insn[16];
    char stage[17], reason[25]; /* end in a zero */
};

/* One record. Of the union the member that TYPE names; none of a type that is not known here. */
struct trace_record {
    uint16_t type, cpu;
    uint32_t number, exception, flags;
    uint64_t time;
    union {
        struct trace_info info;
        struct trace_exception vc;
        struct trace_translation map;
        struct trace_memory memory;
        struct trace_page page;
        uint64_t msr;
        struct trace_result result;
        uint64_t lost;
    };
    const uint8_t *bytes; /* as in the file, from trace_decode() only */
    uint32_t length;
};

/* CRC-32 of IEEE 802.3, the one of zlib and PNG. */
uint32_t trace_crc(const uint8_t *bytes, size_t count);

/*
 * Takes one record apart. bytes: LENGTH of them, whose first four are the checksum.
 * Result: NULL, or what is wrong with it. *record then is not valid. Pointers in it lead into BYTES.
 */
const char *trace_decode(const uint8_t *bytes, uint32_t length, struct trace_record *record);

/*
 * Writes a record of a known type; trace_page.data and .runs are taken as they are, see below.
 * Result: its length, 0 if it does not fit into SIZE bytes (SEVC_TRACE_RECORD_MAX_BYTES always do).
 */
size_t trace_encode(const struct trace_record *record, uint8_t *bytes, size_t size);

/* The header of a file, both ways. Result: NULL, or what is wrong. *skip: where records start. */
const char *trace_decode_header(const uint8_t bytes[SEVC_TRACE_HEADER_BYTES],
                                struct trace_header *header, uint32_t *skip);
void trace_encode_header(const struct trace_header *header, uint8_t bytes[SEVC_TRACE_HEADER_BYTES]);

/* The whole GHCB of a PAGE record. */
void trace_page_expand(const struct trace_page *page, uint8_t ghcb[TRACE_GHCB_BYTES]);

/* The runs of a GHCB: fills DATA, at most TRACE_RUNS_MAX_BYTES, and sets page->data and ->runs. */
#define TRACE_RUNS_MAX_BYTES (TRACE_GHCB_BYTES + TRACE_GHCB_BYTES / 2)
void trace_page_pack(struct trace_page *page, const uint8_t ghcb[TRACE_GHCB_BYTES], uint8_t *data);

/* "EXCEPTION", "PAGE_SENT"; "?" if it is not known. */
const char *trace_type_name(uint16_t type);

/* "OK", "RETRY": the numbers of enum sevc_result; "?" if it is not known. */
const char *trace_result_name(uint8_t result);

#endif
