/* SPDX-License-Identifier: MIT */
/*
 * The tap: what the runtime handler does, recorded in the format of docs/trace-format.md. It is there
 * only if the library is compiled with SEVC_TRACE=1 (config.h); otherwise nothing of it is, and the
 * handler is the same to the instruction.
 *
 * Each CPU writes into a ring of its own, without a lock; an NMI that interrupts the writing writes
 * too. One reader, on whichever CPU, takes whole records out. A ring that is full drops records and
 * counts them.
 *
 *     static struct sevc_trace traces[MAX_CPU];
 *     static uint64_t rings[MAX_CPU][32768];            (256 KiB each)
 *
 *     sevc_trace_init(&traces[n], rings[n], sizeof(rings[n]), n, 0);
 *     struct sevc_trace *sevc_os_trace(void) { return &traces[this_cpu()]; }
 *     ... bytes = sevc_trace_header(buffer); write them; then, as often as needed:
 *     while ((bytes = sevc_trace_drain(&traces[n], buffer, sizeof(buffer))) != 0) write them;
 *
 * A trace holds what the guest kept private: registers, instruction bytes, and the guest's side of
 * string instructions unless SEVC_TRACE_WITHOUT_MEMORY. Whoever may read it must be trusted with that.
 */
#ifndef SEVC_TRACE_H
#define SEVC_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEVC_TRACE_NESTING 4

/* Flags of sevc_trace_init(). */
#define SEVC_TRACE_WITHOUT_MEMORY 1u /* no data of the guest's memory, but instruction bytes */

/* One CPU's. The fields are the tap's own. */
struct sevc_trace {
    uint64_t *ring;
    uint64_t quadwords; /* of the ring: a power of two */
    uint64_t reserved;  /* quadwords ever given to records */
    uint64_t committed; /* those before are whole */
    uint64_t drained;   /* those before are the writer's again */
    uint32_t writers;   /* that are at it now: more than 1 in an NMI */
    uint32_t number;    /* of the last record */
    uint32_t open;      /* exceptions that are being handled */
    uint32_t exceptions[SEVC_TRACE_NESTING];
    uint64_t lost; /* records dropped and not yet accounted for */
    uint32_t flags;
    uint16_t cpu;
    uint8_t introduced; /* INFO has been written */
};

/*
 * Readies a trace. ring: 8-byte aligned, private memory, BYTES of it: a power of two from 32 KiB on.
 * cpu: the number that the records carry. Call it before sevc_os_trace() returns the trace.
 * Returns false, and makes a trace that records nothing, if an argument is wrong.
 */
bool sevc_trace_init(struct sevc_trace *trace, uint64_t *ring, size_t bytes, uint16_t cpu,
                     uint32_t flags);

/*
 * Moves whole records, as many as fit, from the ring to TO, and returns their bytes; 0 if there are
 * none. bytes: at least 16384, so that any record fits. One reader at a time, in any context, on any CPU.
 */
size_t sevc_trace_drain(struct sevc_trace *trace, void *to, size_t bytes);

#define SEVC_TRACE_FILE_HEADER_BYTES 40

/*
 * The header that the file starts with. ticks: what sevc_os_trace_time() counts a second, 0 if not known.
 * Returns its length.
 */
size_t sevc_trace_header(uint8_t to[SEVC_TRACE_FILE_HEADER_BYTES], uint32_t flags, uint64_t ticks);

/*
 * Hooks, with the rules of os.h.
 *
 * This CPU's trace, NULL: nothing is recorded. Weak default: NULL.
 */
struct sevc_trace *sevc_os_trace(void);

/* The time stamp. RDTSC may be intercepted, so: only where it is known not to be. Weak default: 0. */
uint64_t sevc_os_trace_time(void);

/*
 * Called at the end of an exception, when more than half of the ring is in use: drain it, or wake
 * who does. Weak default: nothing.
 */
void sevc_os_trace_ready(struct sevc_trace *trace);

#ifdef __cplusplus
}
#endif

#endif
