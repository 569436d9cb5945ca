/* SPDX-License-Identifier: MIT */
/* The runtime #VC handler (APM vol. 2, 15.35; GHCB spec 2.03, 4.1). */
#include <stddef.h>

#include "exception.h"
#include "hot.h"

#define RDTSC     SEVC_HOT_OPCODE(0x0F, 0x31)
#define WRMSR     SEVC_HOT_OPCODE(0x0F, 0x30)
#define MSR_READS 0x200u /* RDMSR is 0F 32: the bit in which it differs from WRMSR */

/* The exits of handle_hot(), and CPUID, lie close together. */
static inline bool is_hot(uint64_t exit_code)
{
    return exit_code - SEVC_EXIT_RDTSC <= SEVC_EXIT_MSR - SEVC_EXIT_RDTSC;
}

/* ---- the requests; false: the general way's, and nothing has been touched ---- */

SEVC_INLINE bool ask_tsc(struct sevc_cpu *cpu, struct sevc_report *report,
                         volatile struct sevc_ghcb_page *page)
{
    const uint8_t *status = (const uint8_t *)&cpu->platform.sev_status;

    if (sevc_hot_any(status + 1, SEVC_STATUS_SECURE_TSC >> 8) || !sevc_hot_take(cpu)) {
        return false;
    }
    sevc_hot_note(report, SEVC_EXIT_RDTSC, SEVC_EXIT_RDTSC);
    sevc_hot_send(cpu, page, SEVC_EXIT_RDTSC, 0, 0, 0);
    return true;
}

SEVC_INLINE bool ask_msr(struct sevc_cpu *cpu, const struct sevc_trap *trap,
                         struct sevc_report *report, volatile struct sevc_ghcb_page *page,
                         bool write)
{
    uint32_t msr = sevc_hot_gpr32(trap, SEVC_RCX);

    if (sevc_vc_is_protected_msr(msr) || !sevc_hot_take(cpu)) {
        return false;
    }
    sevc_hot_note(report, SEVC_EXIT_MSR, SEVC_EXIT_MSR);
    page->rcx = msr;
    if (!write) {
        sevc_hot_send(cpu, page, SEVC_EXIT_MSR, SEVC_MSR_INFO1_READ, 0,
                      SEVC_HOT_VALID(SEVC_GHCB_OFF_RCX));
        return true;
    }
    sevc_hot_put_rax(page, sevc_hot_gpr32(trap, SEVC_RAX));
    page->rdx = sevc_hot_gpr32(trap, SEVC_RDX);
    sevc_hot_send(cpu, page, SEVC_EXIT_MSR, SEVC_MSR_INFO1_WRITE, 0,
                  SEVC_HOT_VALID(SEVC_GHCB_OFF_RCX) | SEVC_HOT_VALID(SEVC_GHCB_OFF_RDX));
    return true;
}

/*
 * Opcode and exit code together: nothing is done for an exit that the instruction cannot raise. In
 * the order of what they may cost; from the reply on they go the same way, each from where it joins.
 * Not inline: what this needs to save, other exits need not.
 */
static __attribute__((noinline)) enum sevc_result handle_hot(struct sevc_cpu *cpu,
                                                             struct sevc_trap *trap,
                                                             struct sevc_report *report)
{
    volatile struct sevc_ghcb_page *page;
    unsigned opcode;

    if (!sevc_hot_context(trap)) {
        return sevc_vc_handle_any(cpu, trap, report, false);
    }
    if (!sevc_hot_fetch(trap, report)) {
        return sevc_vc_handle_any(cpu, trap, report, true);
    }
    opcode = sevc_hot_opcode(report);
    page = sevc_hot_page(cpu);
    if (SEVC_LIKELY(opcode == RDTSC) && trap->error_code == SEVC_EXIT_RDTSC) {
        if (!ask_tsc(cpu, report, page)) {
            goto general;
        }
    } else if ((opcode & ~MSR_READS) == WRMSR && trap->error_code == SEVC_EXIT_MSR) {
        if (!ask_msr(cpu, trap, report, page, (opcode & MSR_READS) == 0)) {
            goto general;
        }
        if ((opcode & MSR_READS) == 0) {
            if (!sevc_hot_replied(page, report)) {
                goto refused;
            }
            goto complete;
        }
    } else {
        goto general;
    }
    if (!sevc_hot_replied(page, report)) {
        goto refused;
    }
    if (!sevc_hot_marked(page, SEVC_GHCB_OFF_RAX, 1)) {
        goto refused;
    }
    if (!sevc_hot_marked(page, SEVC_GHCB_OFF_RDX, 1)) {
        goto refused;
    }
    trap->gpr[SEVC_RAX] = sevc_hot_low(&page->rax);
    trap->gpr[SEVC_RDX] = sevc_hot_low(&page->rdx);
complete:
    sevc_hot_give_back(cpu, page);
    return sevc_hot_complete(trap, report, 2, 1);
refused:
    return sevc_hot_refused(cpu, report);
general:
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
        return trap->error_code == SEVC_EXIT_CPUID ? sevc_hot_cpuid(cpu, trap, report)
                                                   : handle_hot(cpu, trap, report);
    }
    return trap->error_code == SEVC_EXIT_NPF ? sevc_hot_mmio(cpu, trap, report)
                                             : sevc_vc_handle_any(cpu, trap, report, false);
}
