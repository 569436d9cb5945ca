/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <sevc/trace.h>

#if SEVC_TRACE
/* RDTSC might be intercepted. */
__attribute__((weak)) uint64_t sevc_os_trace_time(void)
{
    return 0;
}
#endif
