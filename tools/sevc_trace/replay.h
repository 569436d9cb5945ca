/* SPDX-License-Identifier: MIT */
/* One recorded exception, driven through libsevc: what replay.c and its host and hooks share. */
#ifndef SEVC_TRACE_REPLAY_H
#define SEVC_TRACE_REPLAY_H

#include <sevc/sevc.h>

#include "tool.h"

/* A difference, in words that do not depend on the values, so that it can be counted. */
#define DIFFERENCE_BYTES 96
typedef void difference_function(const char *text, void *argument);

struct replay {
    const struct trace_info *info; /* NULL: the trace has none */
    uint32_t info_flags;
    const struct collected *exception;
    struct sevc_cpu *cpu;
    struct sevc_trap trap;
    struct sevc_report report;

    difference_function *differ;
    void *argument;
    unsigned differences;

    /* The host. */
    uint64_t ghcb_msr;
    unsigned next;       /* event from which the next request is looked for */
    bool out_of_replies; /* the library asked for more than is recorded */
    bool memory_unknown; /* what it sent of the guest's memory cannot be compared */
    uint8_t code[16];    /* for the early handler, which reads at RIP */
};

/* Puts *REPLAY into place for the hooks and the processor of replay_host.c and replay_os.c. */
extern struct replay *replay_now;

/* The GHCB that libsevc is lent. */
extern uint8_t replay_ghcb[TRACE_GHCB_BYTES];

void replay_differ(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Requests that were recorded and that the library has not made. */
void replay_host_finish(void);

#endif
