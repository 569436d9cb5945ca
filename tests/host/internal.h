/* SPDX-License-Identifier: MIT */
/* Between the two files of the scripted host. */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "scripted_host.h"

extern _Thread_local struct scripted_host *host_current;

__attribute__((format(printf, 2, 3))) void host_fail(struct scripted_host *host, const char *format,
                                                     ...);
void host_map_ghcb(struct scripted_host *host);
void host_watch_end(struct scripted_host *host);

#endif
