/* SPDX-License-Identifier: MIT */
/* How a call ends early: result, stage and reason, noted in one place. */
#ifndef SEVC_GHCB_REFUSE_H
#define SEVC_GHCB_REFUSE_H

#include <sevc/status.h>

/* All three in one word, so that a refusal with constants is one argument at the caller's. */
#define SEVC_REFUSAL(result, stage, reason)                                                        \
    ((uint32_t)(result) | (uint32_t)(stage) << 8 | (uint32_t)(reason) << 16)

/* refuse.c. Returns the result. */
enum sevc_result sevc_refuse_as(struct sevc_report *report, uint32_t refusal);

/* Notes what a call ends with, how far it had come, and why. Returns RESULT. */
static inline enum sevc_result sevc_refuse(struct sevc_report *report, enum sevc_result result,
                                           enum sevc_stage stage, enum sevc_reason reason)
{
    return sevc_refuse_as(report, SEVC_REFUSAL(result, stage, reason));
}

#endif
