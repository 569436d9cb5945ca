/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR as explicit calls. */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "straight.h"

/*
 * Neither the MSR by which the library talks to the host nor the one that says what kind of guest this
 * is (sevc_vc_is_protected_msr()) is a driver's to touch.
 */
static enum sevc_result refuse(struct sevc_cpu *cpu)
{
    return sevc_direct_fail(cpu, SEVC_FORBIDDEN, SEVC_REASON_PROTECTED_MSR);
}

static __attribute__((noinline)) enum sevc_result rdmsr_any(struct sevc_cpu *cpu, uint32_t msr,
                                                            uint64_t *value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        *value = sevc_arch_native_rdmsr(msr);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    return sevc_direct_end(&direct, sevc_event_rdmsr(&direct.session, msr, value));
}

enum sevc_result sevc_rdmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t *value)
{
    volatile struct sevc_ghcb_page *page;
    struct sevc_report report;
    bool interrupts;

    if (sevc_vc_is_protected_msr(msr)) {
        return refuse(cpu);
    }
    if (!sevc_straight_begin(cpu, &interrupts)) {
        return rdmsr_any(cpu, msr, value);
    }
    page = sevc_hot_page(cpu);
    page->rcx = msr;
    sevc_hot_send(cpu, page, SEVC_EXIT_MSR, SEVC_MSR_INFO1_READ, 0, 0,
                  SEVC_VALID_ALWAYS | SEVC_VALID_BIT(SEVC_GHCB_OFF_RCX));
    if (!sevc_straight_replied(page, &report) ||
        !sevc_straight_has(&page->valid_bitmap[0], SEVC_VALID_BIT(SEVC_GHCB_OFF_RAX)) ||
        !sevc_straight_has(&page->valid_bitmap[1], SEVC_VALID_BIT(SEVC_GHCB_OFF_RDX))) {
        return sevc_straight_refused(cpu, &report, interrupts);
    }
    *value = sevc_hot_low(&page->rax) | (uint64_t)sevc_hot_low(&page->rdx) << 32;
    return sevc_straight_end(cpu, page, interrupts);
}

static __attribute__((noinline)) enum sevc_result wrmsr_any(struct sevc_cpu *cpu, uint32_t msr,
                                                            uint64_t value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        sevc_arch_native_wrmsr(msr, value);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    return sevc_direct_end(&direct, sevc_event_wrmsr(&direct.session, msr, value));
}

enum sevc_result sevc_wrmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t value)
{
    volatile struct sevc_ghcb_page *page;
    struct sevc_report report;
    bool interrupts;

    if (sevc_vc_is_protected_msr(msr)) {
        return refuse(cpu);
    }
    if (!sevc_straight_begin(cpu, &interrupts)) {
        return wrmsr_any(cpu, msr, value);
    }
    page = sevc_hot_page(cpu);
    page->rcx = msr;
    page->rax = (uint32_t)value;
    page->rdx = value >> 32;
    sevc_hot_send(
        cpu, page, SEVC_EXIT_MSR, SEVC_MSR_INFO1_WRITE, 0, SEVC_VALID_BIT(SEVC_GHCB_OFF_RAX),
        SEVC_VALID_ALWAYS | SEVC_VALID_BIT(SEVC_GHCB_OFF_RCX) | SEVC_VALID_BIT(SEVC_GHCB_OFF_RDX));
    if (!sevc_straight_replied(page, &report)) {
        return sevc_straight_refused(cpu, &report, interrupts);
    }
    return sevc_straight_end(cpu, page, interrupts);
}
