/* SPDX-License-Identifier: MIT */
/* CPUID as an explicit call. */
#include "direct_cpuid.h"
#include "straight.h"

/* Straight: without a table. Of leaf 0xD more is asked, of upper leaves more is checked. */
enum sevc_result sevc_cpuid(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                            struct sevc_cpuid_regs *regs)
{
    volatile struct sevc_ghcb_page *page;
    uint64_t rflags;
    uint64_t info1;

    if (leaf == SEVC_CPUID_LEAF_XSAVE || leaf >= SEVC_CPUID_EXTENDED_MAX || cpu == NULL ||
        cpu->cpuid_table != NULL || !sevc_straight_take(cpu, &rflags)) {
        return sevc_direct_cpuid_any(cpu, leaf, subleaf, regs);
    }
    page = sevc_hot_page(cpu);
    sevc_hot_put_rax(page, leaf);
    page->rcx = subleaf;
    sevc_hot_send(cpu, page, SEVC_EXIT_CPUID, 0, 0, SEVC_HOT_VALID(SEVC_GHCB_OFF_RCX));
    info1 = page->sw_exitinfo1;
    if (!sevc_straight_good(info1) ||
        !sevc_straight_has(&page->valid_bitmap[0], SEVC_VALID_BIT(SEVC_GHCB_OFF_RAX)) ||
        !sevc_straight_has(&page->valid_bitmap[1], 7 * SEVC_VALID_BIT(SEVC_GHCB_OFF_RCX))) {
        return sevc_straight_refused(cpu, info1, rflags);
    }
    regs->eax = sevc_hot_low(&page->rax);
    regs->ebx = sevc_hot_low(&page->rbx);
    regs->ecx = sevc_hot_low(&page->rcx);
    regs->edx = sevc_hot_low(&page->rdx);
    sevc_exchange_scrub(page);
    return sevc_straight_end(cpu, rflags);
}
