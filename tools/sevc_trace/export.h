/* SPDX-License-Identifier: MIT */
/* Between the two formats of sevc-trace export. */
#ifndef SEVC_TRACE_EXPORT_H
#define SEVC_TRACE_EXPORT_H

#include "tool.h"

double microseconds(uint64_t ticks);

int export_html(const struct options *options, FILE *out, const struct symbols *symbols);

#endif
