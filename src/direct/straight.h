/* SPDX-License-Identifier: MIT */
/*
 * One exchange of an explicit call, as straight as src/vc/hot.h is for an exception: the page is
 * taken, filled, handed over, read and given back, without a session.
 *
 * Where a session is needed (one is open on this CPU, or a request of the MSR protocol; the firmware
 * has left something in the page; the tap wants to see it) nothing has been touched, and the call
 * takes the general way (direct.h), by a jump, so that the straight one needs no frame.
 */
#ifndef SEVC_DIRECT_STRAIGHT_H
#define SEVC_DIRECT_STRAIGHT_H

#include "../vc/hot.h"
#include "direct.h"

#define SEVC_NOINLINE __attribute__((noinline))
#define SEVC_COLD     __attribute__((noinline, cold))

/*
 * Takes the page of CPU, if it is ready and its page at rest, with interrupts off. What comes between
 * the look at the depth and CLI has left the page at rest again. The MSR: see sevc_hot_take().
 */
SEVC_INLINE bool sevc_straight_take(struct sevc_cpu *cpu, uint64_t *rflags)
{
    if (SEVC_TRACE || !SEVC_LIKELY(sevc_direct_is_ready(cpu) && sevc_hot_at_rest(cpu))) {
        return false;
    }
    *rflags = sevc_arch_interrupts_save();
    sevc_cpu_set_depth(cpu, 1);
    if (SEVC_LIKELY(sevc_arch_rdmsr(SEVC_MSR_GHCB) == cpu->ghcb.gpa)) {
        return true;
    }
    sevc_cpu_set_depth(cpu, 0);
    sevc_arch_interrupts_restore(*rflags);
    return false;
}

/* SW_EXITINFO1 of a reply: is it one to go on with? */
SEVC_INLINE bool sevc_straight_good(uint64_t info1)
{
    return SEVC_LIKELY(sevc_hot_is_zero((uint32_t)info1)); /* SEVC_REPLY_OK */
}

/* Has the host marked all of BITS in HALF of the bitmap? Once for each half. */
SEVC_INLINE bool sevc_straight_has(const volatile uint64_t *half, uint64_t bits)
{
    return SEVC_LIKELY((~*half & bits) == 0);
}

/* All that is wanted of the reply has been taken, and the page is zero. */
SEVC_INLINE enum sevc_result sevc_straight_end(struct sevc_cpu *cpu, uint64_t rflags)
{
    sevc_cpu_set_depth(cpu, 0);
    sevc_arch_interrupts_restore(rflags);
    return SEVC_OK;
}

/*
 * The reply, of which INFO1 has been taken, is none to go on with: says why, and gives the page
 * back. (direct_session.c)
 */
enum sevc_result sevc_straight_refused(struct sevc_cpu *cpu, uint64_t info1, uint64_t rflags);

#endif
