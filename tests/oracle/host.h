/* SPDX-License-Identifier: MIT */
/* The honest hypervisor (host.c), and what it shares with emulate.c. */
#ifndef ORACLE_HOST_H
#define ORACLE_HOST_H

#include "emulate.h"

#define ORACLE_HOST_GPA 0x0000000123456000ull

/* Of the case that runs. */
extern struct oracle_trace *oracle_trace;
extern const struct oracle_case *oracle_current;

/* Notes the first thing that a hypervisor or a kernel would have objected to. */
void oracle_object(const char *violation);

/* Is the window unencrypted device memory in this case? */
bool oracle_is_device(enum oracle_window window);

void *oracle_host_page(void);

/* Is the GHCB page all zero, as it must be at rest? */
bool oracle_host_page_is_clean(void);

#endif
