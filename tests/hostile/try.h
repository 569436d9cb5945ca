/* SPDX-License-Identifier: MIT */
/* struct attempt, as try.S finds it. */
#ifndef HOSTILE_TRY_H
#define HOSTILE_TRY_H

#define ATTEMPT_IN        0
#define ATTEMPT_OUT       128
#define ATTEMPT_FLAGS_IN  256
#define ATTEMPT_FLAGS_OUT 264
#define ATTEMPT_CODE      272
#define ATTEMPT_RSP       280

#endif
