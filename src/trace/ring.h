/* SPDX-License-Identifier: MIT */
/* A CPU's ring of records: how one is put into it. Nobody but src/trace includes this. */
#ifndef SEVC_TRACE_RING_H
#define SEVC_TRACE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/trace.h>
#include <sevc/trace_format.h>

#if SEVC_TRACE

/* This CPU's, if it records. */
static inline struct sevc_trace *sevc_trace_current(void)
{
    struct sevc_trace *trace = sevc_os_trace();

    return trace != NULL && trace->ring != NULL ? trace : NULL;
}

/* The exception that is being handled, 0: none. */
static inline uint32_t sevc_trace_exception(const struct sevc_trace *trace)
{
    return trace->open >= 1 && trace->open <= SEVC_TRACE_NESTING
               ? trace->exceptions[trace->open - 1]
               : 0;
}

/* A record while it is being written. All is put in quadwords, in ascending order. */
struct sevc_trace_put {
    struct sevc_trace *trace;
    uint64_t at; /* of the next quadword */
    uint64_t start;
    uint32_t crc; /* of what follows the first four bytes, so far */
    uint32_t length;
};

/* What a record starts with. exception: SEVC_TRACE_ITSELF makes it the record's own number. */
struct sevc_trace_head {
    uint32_t bytes; /* of the record, a multiple of 8 */
    uint16_t type;
    uint32_t exception;
    uint32_t flags;
};
#define SEVC_TRACE_ITSELF 0xFFFFFFFFu

/* False if there is no room: the record is dropped and counted, and nothing may be put. */
bool sevc_trace_begin(struct sevc_trace_put *put, struct sevc_trace *trace,
                      const struct sevc_trace_head *head, uint32_t *number);
void sevc_trace_put(struct sevc_trace_put *put, uint64_t quadword);

/* BYTES of them, and zeros up to the next quadword. */
void sevc_trace_put_bytes(struct sevc_trace_put *put, const void *from, size_t bytes);

/* All quadwords have been put. */
void sevc_trace_end(struct sevc_trace_put *put);

#endif

#endif
