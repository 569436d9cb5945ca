/* SPDX-License-Identifier: MIT */
/*
 * CPUID answers that a guest must not believe. A host that denies SEV makes the guest turn
 * encryption off by itself; one that moves the C-bit makes it write its secrets to plain memory
 * (Radev and Morbitzer, 2020). That a #VC arrived at all proves that SEV-ES is active.
 */
#ifndef SEVC_VC_CPUID_LIE_H
#define SEVC_VC_CPUID_LIE_H

#include <sevc/event.h>
#include <sevc/svm.h>

#define SEVC_CPUID_EXTENDED_MAX 0x80000000u

/*
 * Why the host's ANSWER for LEAF is a lie, or SEVC_REASON_NONE. c_bit: the position that is known
 * from elsewhere, or 0 if it is not. Part of libsevc_early.a.
 */
enum sevc_reason sevc_cpuid_lie(uint32_t leaf, const struct sevc_cpuid_regs *answer,
                                unsigned c_bit);

#endif
