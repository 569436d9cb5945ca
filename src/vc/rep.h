/* SPDX-License-Identifier: MIT */
/* rSI, rDI and rCX of a string instruction, in the width of the address size (APM vol. 3, REP). */
#ifndef SEVC_VC_REP_H
#define SEVC_VC_REP_H

#include "exception.h"

/* How many elements are left: rCX, or one where no REP is. */
uint64_t sevc_rep_remaining(const struct sevc_exception *vc);

/* COUNT elements are complete: moves those of rSI and rDI past them whose SEVC_OUT() POINTERS has. */
void sevc_rep_commit(struct sevc_exception *vc, unsigned pointers, uint64_t count);

static inline bool sevc_rep_goes_down(const struct sevc_exception *vc)
{
    return (vc->trap->rflags & SEVC_RFLAGS_DF) != 0;
}

#endif
