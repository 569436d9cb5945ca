/* SPDX-License-Identifier: MIT */
/* The runtime #VC handler (APM vol. 2, 15.35; GHCB spec 2.03, 4.1). */
#include <stddef.h>

#include "exception.h"
#include "hot.h"
#include "mmio_access.h"

/* The exits of handle_hot() lie close together. */
static inline bool is_hot(uint64_t exit_code)
{
    return exit_code - SEVC_EXIT_RDTSC <= SEVC_EXIT_MSR - SEVC_EXIT_RDTSC;
}

/*
 * Opcode and exit code together: nothing is done for an exit that the instruction cannot raise. In
 * the order of what they may cost. Not inline: what this needs to save, other exits need not.
 */
static __attribute__((noinline)) enum sevc_result handle_hot(struct sevc_cpu *cpu,
                                                             struct sevc_trap *trap,
                                                             struct sevc_report *report)
{
    unsigned opcode;

    if (!sevc_hot_context(trap)) {
        return sevc_vc_handle_any(cpu, trap, report, false);
    }
    if (!sevc_hot_fetch(trap, report)) {
        return sevc_vc_handle_any(cpu, trap, report, true);
    }
    opcode = sevc_hot_opcode(report);
    if (SEVC_LIKELY(opcode == SEVC_HOT_OPCODE(0x0F, 0x31)) && trap->error_code == SEVC_EXIT_RDTSC) {
        return sevc_hot_rdtsc(cpu, trap, report);
    }
    if (opcode == SEVC_HOT_OPCODE(0x0F, 0x30) && trap->error_code == SEVC_EXIT_MSR) {
        return sevc_hot_wrmsr(cpu, trap, report);
    }
    if (opcode == SEVC_HOT_OPCODE(0x0F, 0x32) && trap->error_code == SEVC_EXIT_MSR) {
        return sevc_hot_rdmsr(cpu, trap, report);
    }
    if (opcode == SEVC_HOT_OPCODE(0x0F, 0xA2) && trap->error_code == SEVC_EXIT_CPUID) {
        return cpu->cpuid_table == NULL ? sevc_hot_cpuid(cpu, trap, report)
                                        : sevc_hot_pinned_cpuid(cpu, trap, report);
    }
    return sevc_vc_handle_fetched(cpu, trap, report);
}

enum sevc_result sevc_handle_vc(struct sevc_cpu *cpu, struct sevc_trap *trap,
                                struct sevc_report *report)
{
    if (cpu == NULL || cpu->magic != SEVC_CPU_MAGIC) {
        return sevc_vc_handle_not_ready(cpu, trap, report);
    }
    if (trap->error_code == SEVC_EXIT_IOIO) {
        return sevc_hot_io(cpu, trap, report);
    }
    if (is_hot(trap->error_code)) {
        return handle_hot(cpu, trap, report);
    }
    return trap->error_code == SEVC_EXIT_NPF ? sevc_hot_mmio(cpu, trap, report)
                                             : sevc_vc_handle_any(cpu, trap, report, false);
}
