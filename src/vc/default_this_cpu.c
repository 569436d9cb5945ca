/* SPDX-License-Identifier: MIT */
/* The default of a hook, in an object of its own: the integrator's replaces it. */
#include <stddef.h>

#include <sevc/os.h>

/* Kernels that use the entry with IST have no need of it: that finds the CPU by its stack. */
__attribute__((weak)) struct sevc_cpu *sevc_os_this_cpu(void)
{
    return NULL;
}
