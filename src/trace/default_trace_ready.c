/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/trace.h>

#if SEVC_TRACE
/* Whoever wants the records comes for them. */
__attribute__((weak)) void sevc_os_trace_ready(struct sevc_trace *trace)
{
    (void)trace;
}
#endif
