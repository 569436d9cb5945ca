/* SPDX-License-Identifier: MIT */
/*
 * One explicit call: interrupts off, a session, its exchange, the session's end, interrupts as
 * they were. A register's worth of state besides the session; no part of it is needed again
 * afterwards.
 */
#ifndef SEVC_DIRECT_DIRECT_H
#define SEVC_DIRECT_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include <sevc/direct.h>
#include <sevc/ghcb.h>

#include "../arch/native.h"

struct sevc_direct {
    uint64_t rflags; /* were interrupts on? */
    struct sevc_report report;
    struct sevc_session session;
};

/* Is it a SEV-ES guest's, with a GHCB? */
static inline bool sevc_direct_is_ready(const struct sevc_cpu *cpu)
{
    return cpu != NULL && cpu->magic == SEVC_CPU_MAGIC;
}

/* Does this machine execute the instruction itself? */
static inline bool sevc_direct_is_native(const struct sevc_cpu *cpu)
{
    return cpu == NULL || cpu->magic == SEVC_CPU_NATIVE_MAGIC;
}

/* Notes why a call failed, if there is a place for it, and returns RESULT. (direct.c) */
enum sevc_result sevc_direct_fail(struct sevc_cpu *cpu, enum sevc_result result,
                                  enum sevc_reason reason);

/*
 * Takes the GHCB of CPU, which is not native, with interrupts off. If the result is not SEVC_OK
 * they are as they were, and there is nothing to end. (direct_session.c)
 */
enum sevc_result sevc_direct_begin(struct sevc_direct *direct, struct sevc_cpu *cpu);

/* Gives it back. Returns RESULT, the exchange's, and notes why it is not SEVC_OK. */
enum sevc_result sevc_direct_end(struct sevc_direct *direct, enum sevc_result result);

#endif
