/* SPDX-License-Identifier: MIT */
/* The time before there is a GHCB: negotiation, and CPUID by the MSR protocol. */
#include "victim.h"

extern const char insn_cpuid[];

static bool same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

/* ---- sevc_platform_init() ---- */

/* By fields: what lies between and behind them is nobody's. */
static bool same_platform(const struct sevc_platform *a, const struct sevc_platform *b)
{
    return a->sev_status == b->sev_status && a->reserved == b->reserved &&
           a->version == b->version && a->usage == b->usage && a->c_bit == b->c_bit;
}

static bool negotiation_is_good(struct lie lie, enum sevc_result result,
                                const struct sevc_platform *platform,
                                const struct sevc_platform *before)
{
    bool refused = result == SEVC_HOST_ERROR && same(platform, before, sizeof(*platform));
    bool right = result == SEVC_OK && same_platform(platform, &cpu.platform);

    if (lie.told == 0 || lie.expect == EXPECT_SUCCESS)
        return right;
    if (lie.expect == EXPECT_VALUE)
        return refused || result == SEVC_OK;
    return refused;
}

static bool negotiate(unsigned skip, uint64_t msr)
{
    unsigned variants = 1;
    bool any = false;

    for (unsigned variant = 0; variant < variants; variant++) {
        struct sevc_platform platform, before;
        struct sevc_report report;
        memset(&platform, 0xA5, sizeof(platform));
        before = platform;
        host_arm(variant, skip);
        wrmsr(SEVC_MSR_GHCB, msr);
        attempt.report.result = sevc_platform_init(&platform, &report);
        wrmsr(SEVC_MSR_GHCB, cpu.ghcb.gpa);
        struct lie lie = host_disarm();
        attempt.report.reason = report.reason;
        check(negotiation_is_good(lie, attempt.report.result, &platform, &before),
              "not as it must be", "negotiation", variant);
        any = any || lie.told != 0;
        if (lie.told != 0)
            variants = lie.variants;
    }
    return any;
}

/* ---- The early handler ---- */

static struct sevc_trap early_trap(uint32_t leaf)
{
    struct sevc_trap trap = { 0 };

    for (unsigned i = 0; i < 16; i++)
        trap.gpr[i] = SECRET(i);
    trap.gpr[SEVC_RAX] = OVER_SECRET(0, leaf);
    trap.gpr[SEVC_RCX] = OVER_SECRET(1, 0);
    trap.error_code = SEVC_EXIT_CPUID;
    trap.rip = (uint64_t)insn_cpuid;
    trap.cs = KERNEL_CS;
    trap.ss = KERNEL_DS;
    trap.rflags = 0x8D7;
    return trap;
}

/* The registers that CPUID writes are the host's word; the others are nobody's. */
static bool value_is_good(const struct sevc_trap *trap, const struct sevc_trap *honest)
{
    struct sevc_trap open = *trap;

    for (unsigned r = SEVC_RAX; r <= SEVC_RBX; r++) {
        if (trap->gpr[r] >> 32 != 0)
            return false;
        open.gpr[r] = honest->gpr[r];
    }
    return same(&open, honest, sizeof(open));
}

static bool early_is_good(struct lie lie, enum sevc_result result, const struct sevc_trap *trap,
                          const struct sevc_trap *before, const struct sevc_trap *honest)
{
    bool refused = result == SEVC_HOST_ERROR && same(trap, before, sizeof(*trap));

    if (lie.told == 0 || lie.expect == EXPECT_SUCCESS)
        return result == SEVC_OK && same(trap, honest, sizeof(*trap));
    if (lie.expect == EXPECT_VALUE)
        return refused || (result == SEVC_OK && value_is_good(trap, honest));
    return refused;
}

static bool ask_early(uint32_t leaf, unsigned skip)
{
    const struct sevc_trap before = early_trap(leaf);
    struct sevc_trap honest = before;
    struct sevc_report report;
    unsigned variants = 1;
    bool any = false;

    if (sevc_early_handle_vc(&honest, &report) != SEVC_OK)
        panic("the early handler does not know CPUID");
    for (unsigned variant = 0; variant < variants; variant++) {
        struct sevc_trap trap = before;
        host_arm(variant, skip);
        attempt.report.result = sevc_early_handle_vc(&trap, &report);
        struct lie lie = host_disarm();
        attempt.report.reason = report.reason;
        check(early_is_good(lie, attempt.report.result, &trap, &before, &honest),
              "not as it must be", "early CPUID", variant);
        any = any || lie.told != 0;
        if (lie.told != 0)
            variants = lie.variants;
    }
    return any;
}

void test_protocol(void)
{
    static const uint32_t leaves[] = { 0, 1, 0x80000000, 0x8000001F };
    const uint64_t at_reset = sevc_msr_exchange(sevc_msr_sev_info_request());
    const uint64_t msrs[] = { cpu.ghcb.gpa, at_reset };
    unsigned skip;

    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        skip = 0;
        while (negotiate(skip, msrs[i]))
            skip++;
    }
    for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        skip = 0;
        while (ask_early(leaves[i], skip) ||
               skip < 3) /* four registers, not all of them lied about */
            skip++;
    }
}
