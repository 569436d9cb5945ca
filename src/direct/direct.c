/* SPDX-License-Identifier: MIT */
/* What all explicit calls have in common. */
#include "direct.h"

void sevc_native_init(struct sevc_cpu *cpu)
{
    *cpu = (struct sevc_cpu){ .magic = SEVC_CPU_NATIVE_MAGIC };
}

enum sevc_reason sevc_direct_reason(const struct sevc_cpu *cpu)
{
    return cpu == NULL ? SEVC_REASON_NONE : (enum sevc_reason)cpu->direct_reason;
}

/* A CPU that nobody has initialised is memory that is not ours to write to. */
enum sevc_result sevc_direct_fail(struct sevc_cpu *cpu, enum sevc_result result,
                                  enum sevc_reason reason)
{
    if (cpu != NULL && (cpu->magic == SEVC_CPU_MAGIC || cpu->magic == SEVC_CPU_NATIVE_MAGIC)) {
        cpu->direct_reason = (uint32_t)reason;
    }
    return result;
}
