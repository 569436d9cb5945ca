/* SPDX-License-Identifier: MIT */
/* What the explicit calls about CPUID share. */
#ifndef SEVC_DIRECT_CPUID_H
#define SEVC_DIRECT_CPUID_H

#include "../vc/cpuid_answer.h"
#include "direct.h"

/* Asks the host, whatever the table says: it is what the answer is compared with, or pinned in. */
enum sevc_result sevc_direct_ask_cpuid(struct sevc_cpu *cpu, union sevc_cpuid_answer *answer);

/* sevc_cpuid(), where it cannot go straight. */
enum sevc_result sevc_direct_cpuid_any(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                                       struct sevc_cpuid_regs *regs);

#endif
