/* SPDX-License-Identifier: MIT */
/*
 * Where the library is tapped. Without SEVC_TRACE these are the hooks and the exchange themselves, or
 * nothing at all: tests/trace compiles both and compares.
 */
#ifndef SEVC_TRACE_TAP_H
#define SEVC_TRACE_TAP_H

#include <sevc/config.h>
#include <sevc/ghcb.h>
#include <sevc/os.h>

#if SEVC_TRACE

/* general.c: around one exception of the runtime handler. */
void sevc_tap_exception(const struct sevc_cpu *cpu, const struct sevc_trap *trap);
void sevc_tap_result(const struct sevc_trap *trap, const struct sevc_report *report);

/* session.c: around VMGEXIT. The page is the host's as well: what is recorded may differ from what is used. */
void sevc_tap_sent(const struct sevc_session *session);
void sevc_tap_returned(const struct sevc_session *session);

/* Instead of sevc_msr_exchange(), which has no hooks to ask for a trace. */
uint64_t sevc_tap_msr_exchange(uint64_t request);

/* Instead of the hooks whose answers a replay needs. */
bool sevc_tap_copy(struct sevc_copy *copy);
bool sevc_tap_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping);

#else

#define sevc_tap_exception(cpu, trap)         ((void)0)
#define sevc_tap_result(trap, report)         ((void)0)
#define sevc_tap_sent(session)                ((void)0)
#define sevc_tap_returned(session)            ((void)0)
#define sevc_tap_msr_exchange(request)        sevc_msr_exchange(request)
#define sevc_tap_copy(copy)                   sevc_os_copy(copy)
#define sevc_tap_translate(trap, va, mapping) sevc_os_translate(trap, va, mapping)

#endif

#endif
