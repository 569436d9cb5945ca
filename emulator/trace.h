/* SPDX-License-Identifier: MIT */
/*
 * Records of what guest and host say to each other, in the format of docs/trace-format.md, through a
 * ring in the monitor's memory, which the launcher reads from the outside (docs/emulator.md, "Trace").
 * Nothing happens unless trace=on was asked for.
 *
 * Called with the lock, as everything between smp_leave() and smp_enter().
 */
#ifndef EMULATOR_TRACE_H
#define EMULATOR_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* Exceptions of one processor whose return is waited for. */
#define TRACE_PENDING_MAX 4
struct trace_pending {
    uint32_t number; /* of the record */
    uint64_t rsp;
    uint16_t cs;
};
struct trace_cpu {
    uint32_t number; /* of the last record */
    unsigned pending;
    struct trace_pending waits[TRACE_PENDING_MAX];
};

/* How much memory the ring takes: part of the monitor's pool. */
uint64_t trace_pool_bytes(void);

/* Makes the ring and tells the launcher where it lies. */
void trace_start(void);

/*
 * A #VC. prepare: before the frame is pushed; exception: once it has been, and the handler is about to
 * run. Between the two nothing else is recorded.
 */
void trace_prepare(struct vcpu *v, uint32_t exit_code);
void trace_exception(struct vcpu *v);

/* A VMGEXIT, before and after it is served. page: the GHCB, NULL for the MSR protocol (or a bad GPA). */
void trace_sent(struct vcpu *v, uint64_t gpa, const uint8_t *page);
void trace_returned(struct vcpu *v, uint64_t gpa, const uint8_t *page);

/* The exit before an IRET. Result: true if it was asked for here only, and nothing more is to be done. */
bool trace_iret(struct vcpu *v);

#endif
