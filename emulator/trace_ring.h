/* SPDX-License-Identifier: MIT */
/* The ring of trace.c, and how a record is put into it. */
#ifndef EMULATOR_TRACE_RING_H
#define EMULATOR_TRACE_RING_H

#include <stddef.h>
#include <stdint.h>

struct vcpu;

/* Allocates BYTES (a power of two) and says so on the report channel. */
void trace_ring_start(uint64_t bytes);

/* A record while it is written, quadword by quadword. */
struct trace_put {
    uint64_t start, at; /* in quadwords since the beginning */
    uint32_t crc, length;
};

/* Waits for room if there is none: nothing is lost. */
struct trace_put trace_begin(struct vcpu *v, uint16_t type, uint32_t bytes, uint32_t exception,
                             uint32_t flags);
void trace_put(struct trace_put *put, uint64_t quadword);
void trace_put_bytes(struct trace_put *put, const void *bytes, size_t count);
void trace_end(struct trace_put *put);

/* The parts of a GHCB that are not zero, copied once: the guest may write to it meanwhile. */
struct trace_runs {
    const uint64_t *page;
    unsigned count;
    uint32_t bytes; /* in the record */
};
void trace_find_runs(struct trace_runs *runs, const uint8_t *page);
void trace_put_runs(struct trace_put *put, const struct trace_runs *runs);

#endif
