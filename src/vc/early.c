/* SPDX-License-Identifier: MIT */
/*
 * The early #VC handler: CPUID by the GHCB MSR protocol.
 *
 * It may run identity-mapped, before the kernel has relocated itself: no pointer tables, no
 * writable data, no hook (a test reads the relocations of libsevc_early.a).
 */
#include <sevc/ghcb.h>
#include <sevc/svm.h>
#include <sevc/vc.h>

#include "../arch/arch.h"
#include "../ghcb/refuse.h"
#include "cpuid_lie.h"
#include "cpuid_rules.h"

/* CPUID at RIP, without prefixes: as every compiler writes it. Bytes are read once. */
static bool is_cpuid_at(const struct sevc_trap *trap, struct sevc_report *report)
{
    const volatile uint8_t *code = (const volatile uint8_t *)trap->rip;

    report->insn[0] = code[0];
    report->insn[1] = code[1];
    report->insn_bytes = 2;
    return report->insn[0] == 0x0F && report->insn[1] == 0xA2;
}

static enum sevc_result check_request(const struct sevc_trap *trap, struct sevc_report *report)
{
    uint32_t leaf = (uint32_t)trap->gpr[SEVC_RAX];
    uint32_t subleaf = (uint32_t)trap->gpr[SEVC_RCX];

    if (trap->error_code != SEVC_EXIT_CPUID) {
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_DECODE, SEVC_REASON_NO_SUCH_EXIT);
    }
    if (sevc_trap_cpl(trap) != 0) { /* user memory is read through hooks only */
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_NOT_READY);
    }
    if ((sevc_arch_rdmsr(SEVC_MSR_SEV_STATUS) & SEVC_STATUS_SNP) != 0) {
        /* There CPUID comes from a page that the firmware has checked, never from the host. */
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_SNP);
    }
    if (!is_cpuid_at(trap, report)) {
        return sevc_refuse(report, SEVC_BAD_INSN, SEVC_STAGE_AGREEMENT, SEVC_REASON_MISMATCH);
    }
    /* The MSR protocol has no place for a sub-leaf, nor for XCR0: it asks for sub-leaf 0. */
    if (leaf == SEVC_CPUID_LEAF_XSAVE ||
        (subleaf != 0 && sevc_cpuid_in(&sevc_cpuid_indexed, leaf))) {
        return sevc_refuse(report, SEVC_UNSUPPORTED, SEVC_STAGE_POLICY, SEVC_REASON_CPUID_LEAF);
    }
    return SEVC_OK;
}

static enum sevc_result ask(uint32_t leaf, unsigned reg, uint32_t *value,
                            struct sevc_report *report)
{
    uint64_t response = sevc_msr_exchange(sevc_msr_cpuid_request(leaf, reg));
    enum sevc_result result = sevc_msr_cpuid_response(response, reg, value);

    report->info1 = response;
    report->vmgexits++;
    if (result != SEVC_OK) {
        return sevc_refuse(report, result, SEVC_STAGE_REPLY, SEVC_REASON_BAD_RESPONSE);
    }
    return SEVC_OK;
}

static enum sevc_result ask_all(uint32_t leaf, struct sevc_cpuid_regs *regs,
                                struct sevc_report *report)
{
    uint32_t answer[4];

    for (unsigned reg = SEVC_GHCB_MSR_CPUID_EAX; reg <= SEVC_GHCB_MSR_CPUID_EDX; reg++) {
        enum sevc_result result = ask(leaf, reg, &answer[reg], report);

        if (result != SEVC_OK) {
            return result;
        }
    }
    *regs = (struct sevc_cpuid_regs){ answer[0], answer[1], answer[2], answer[3] };
    return SEVC_OK;
}

enum sevc_result sevc_early_handle_vc(struct sevc_trap *trap, struct sevc_report *report)
{
    uint32_t leaf = (uint32_t)trap->gpr[SEVC_RAX];
    struct sevc_cpuid_regs regs;
    enum sevc_result result;
    enum sevc_reason lie;

    *report = (struct sevc_report){ .exit_code = trap->error_code, .rip = trap->rip };
    result = check_request(trap, report);
    if (result == SEVC_OK) {
        result = ask_all(leaf, &regs, report);
    }
    if (result != SEVC_OK) {
        return result;
    }
    lie = sevc_cpuid_lie(leaf, &regs, 0);
    if (lie != SEVC_REASON_NONE) {
        return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, lie);
    }
    trap->gpr[SEVC_RAX] = regs.eax;
    trap->gpr[SEVC_RBX] = regs.ebx;
    trap->gpr[SEVC_RCX] = regs.ecx;
    trap->gpr[SEVC_RDX] = regs.edx;
    trap->rip += 2;
    trap->rflags &= ~SEVC_RFLAGS_RF;
    return SEVC_OK;
}
