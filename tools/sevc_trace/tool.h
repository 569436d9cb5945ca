/* SPDX-License-Identifier: MIT */
/* What the commands of sevc-trace share. docs/sevc-trace.md is the description for people. */
#ifndef SEVC_TRACE_TOOL_H
#define SEVC_TRACE_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "file.h"

/* Exit statuses. */
enum {
    TOOL_OK = 0,
    TOOL_DIFFERENT = 1, /* replay, diff: there is a difference */
    TOOL_USAGE = 2,
    TOOL_DAMAGED = 3, /* the trace is damaged or cannot be read: all before the damage was used */
    TOOL_FAILED = 4,  /* the output cannot be written; no memory */
};

/* The options of all commands: each takes those that its table names. */
struct options {
    const char *command;
    const char *files[2];
    unsigned file_count;
    const char *output;
    const char *elf;   /* for symbols */
    const char *known; /* replay: a file with the differences that are expected */
    bool full;         /* show: all fields */
    bool html, json;
    bool quiet;     /* no progress */
    uint64_t each;  /* cut: how many of each exit; 0: all */
    uint64_t count; /* cut, show: how many exceptions at most; 0: all */

    /* Which exceptions: all that are given must hold. */
    bool by_exit, by_cpu, by_rip, by_result;
    uint64_t exit;
    uint16_t cpu;
    uint64_t rip_first, rip_last;
    uint8_t result;
};

/* ---- one exception with all that belongs to it (collect.c) ---- */

#define COLLECT_EVENTS_MAX 512
#define COLLECT_BYTES_MAX  (1u << 20)

struct collected {
    struct trace_record vc;     /* EXCEPTION; its bytes are not kept */
    struct trace_record result; /* RESULT, if has_result */
    bool has_result;
    bool overflow; /* more events than fit: those after are missing */
    unsigned vmgexits;
    unsigned count;
    struct trace_record *events; /* in between, in order; pointers into BYTES */
    uint8_t *bytes;
    size_t used;
};

/* What comes out of a stream of records: an exception that is complete, or a record of none. */
struct collector;
struct collector *collector_new(void);
void collector_free(struct collector *collector);

/* Calls ENDED for an exception that this record ends; false without memory. */
typedef void collected_function(struct collected *exception, void *argument);
bool collector_take(struct collector *collector, const struct trace_record *record,
                    collected_function *ended, void *argument);

/* At the end of the trace: those that never ended. */
void collector_flush(struct collector *collector, collected_function *ended, void *argument);

/* The instruction: of EXCEPTION, of a fetch, or of RESULT. Result: how many bytes are known. */
unsigned collected_insn(const struct collected *exception, const uint8_t **bytes);

/* ---- reading with progress, and what went wrong (tool.c) ---- */

/*
 * Gives each record to TAKE until that returns false. Result: the command's exit status; what is wrong
 * with the trace has been said.
 */
typedef bool record_function(const struct trace_record *record, void *argument);
int for_each_record(const struct options *options, const char *path, record_function *take,
                    void *argument);

/* The same, sorted into exceptions. LOOSE (may be NULL) gets what belongs to none. */
int for_each_exception(const struct options *options, const char *path,
                       collected_function *exception, record_function *loose, void *argument);

const struct trace_header *current_header(void); /* of the trace that is being read */

/* "sevc-trace COMMAND: ..." on standard error. */
void complain(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Standard output, or the file of --output. NULL: it has been said. */
FILE *open_output(const struct options *options);
int close_output(const struct options *options, FILE *file, int status);

bool matches(const struct options *options, const struct collected *exception);

/* A field of a GHCB. */
uint64_t ghcb_quadword(const uint8_t *page, unsigned offset);

/* ---- names (names.c) ---- */

const char *exit_name(uint64_t code);
const char *msr_request_name(uint64_t msr);
const char *recorder_name(uint32_t recorder);

/* The name of a quadword of the GHCB: "RAX", "SW_SCRATCH", "reserved". */
const char *ghcb_field_name(unsigned offset);

/* ---- symbols and instructions (symbols.c) ---- */

struct symbols;
struct symbols *symbols_open(const struct options *options); /* NULL: none, or it has been said */
void symbols_close(struct symbols *symbols);

/* "function+0x12" into TO, "" if it is not known. */
void symbol_at(const struct symbols *symbols, uint64_t address, char *to, size_t size);

/* In Intel syntax; "" if the bytes are no instruction. */
void disassemble(const uint8_t *bytes, unsigned count, unsigned code_bits, uint64_t rip, char *to,
                 size_t size);

/* ---- commands: each returns the exit status ---- */

int command_info(const struct options *options);
int command_show(const struct options *options);
int command_stat(const struct options *options);
int command_diff(const struct options *options);
int command_export(const struct options *options);
int command_replay(const struct options *options);
int command_cut(const struct options *options);
int command_import_kvm(const struct options *options);

#endif
