/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <stddef.h>

#include <sevc/trace.h>

#if SEVC_TRACE
/* Nothing is recorded. */
__attribute__((weak)) struct sevc_trace *sevc_os_trace(void)
{
    return NULL;
}
#endif
