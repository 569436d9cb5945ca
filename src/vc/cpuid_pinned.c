/* SPDX-License-Identifier: MIT */
/* CPUID from the table. No exit. */
#include "cpuid_answer.h"
#include "exception.h"

/* After sealing a matter of policy, SEVC_OK being all zero; before, the owner is there to ask. */
static enum sevc_result missing(const struct sevc_cpuid_table *table, struct sevc_report *report)
{
    if (table->miss == SEVC_CPUID_MISS_ASK || !sevc_cpuid_sealed(table)) {
        return SEVC_RETRY;
    }
    if (table->miss == SEVC_CPUID_MISS_ZERO) {
        return SEVC_OK;
    }
    return sevc_refuse(report, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_NOT_PINNED);
}

enum sevc_result sevc_cpuid_compute(const struct sevc_cpuid_table *table,
                                    const struct sevc_cpuid_entry *entry,
                                    const struct sevc_trap *trap, union sevc_cpuid_answer *answer,
                                    struct sevc_report *report)
{
    if (entry->cr4_bits != 0) {
        answer->regs.ecx =
            (answer->regs.ecx & ~entry->cr4_bits) | (uint32_t)sevc_cpuid_cr4(entry, trap);
    } else if (entry->used == SEVC_CPUID_SIZE) {
        uint64_t bytes = sevc_cpuid_xsave_bytes(table, entry, sevc_cpuid_features(entry, trap));
        enum sevc_result result = SEVC_OK;

        if (bytes == SEVC_CPUID_NO_BYTES) {
            result = missing(table, report);
        }
        if (result != SEVC_OK) {
            return result;
        }
        if (bytes > UINT32_MAX) { /* cut to 32 bits it would make a buffer too small */
            return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, SEVC_REASON_XSAVE_SIZE);
        }
        answer->regs.ebx = (uint32_t)bytes;
    }
    return SEVC_OK;
}

enum sevc_result sevc_cpuid_pinned(const struct sevc_cpu *cpu, const struct sevc_trap *trap,
                                   union sevc_cpuid_answer *answer, struct sevc_report *report)
{
    const struct sevc_cpuid_table *table = cpu->cpuid_table;
    union sevc_cpuid_answer pinned = { { 0 } };
    const struct sevc_cpuid_entry *entry;
    enum sevc_result result;

    if (table == NULL || !sevc_cpuid_readable(cpu)) {
        return SEVC_RETRY;
    }
    entry = sevc_cpuid_find(table, answer->regs.eax, answer->regs.ecx);
    if (entry == NULL) {
        result = missing(table, report);
    } else {
        const uint32_t *own = cpu->cpuid_own.values[sevc_cpuid_slot(entry->used)];

        if (entry->used >= SEVC_CPUID_OWN && !sevc_cpuid_own_known(cpu, entry->used)) {
            return SEVC_RETRY;
        }
        for (unsigned reg = 0; reg < 4; reg++) {
            pinned.reg[reg] = entry->answer[reg] | own[reg];
        }
        result = sevc_cpuid_compute(table, entry, trap, &pinned, report);
    }
    if (result == SEVC_OK) {
        *answer = pinned;
    }
    return result;
}
