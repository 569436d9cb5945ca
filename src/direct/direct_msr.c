/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR as explicit calls (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "straight.h"

/* One of the two: what SW_EXITINFO1 has, SEVC_MSR_INFO1_READ or _WRITE. */
typedef uint64_t direction;

/* EAX or EDX of the two. */
typedef uint32_t __attribute__((may_alias)) half;

/* By the instruction, or with a session. */
static SEVC_COLD enum sevc_result access_any(struct sevc_cpu *cpu, uint32_t msr, uint64_t *value,
                                             direction info1)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        if (info1 == SEVC_MSR_INFO1_READ) {
            *value = sevc_arch_native_rdmsr(msr);
        } else {
            sevc_arch_native_wrmsr(msr, *value);
        }
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    result = info1 == SEVC_MSR_INFO1_READ ? sevc_event_rdmsr(&direct.session, msr, value)
                                          : sevc_event_wrmsr(&direct.session, msr, *value);
    return sevc_direct_end(&direct, result);
}

/*
 * Neither the MSR by which the library talks to the host nor the one that says what kind of guest this
 * is (sevc_vc_is_protected_msr()) is a driver's to touch, on no machine.
 */
static SEVC_NOINLINE enum sevc_result access(struct sevc_cpu *cpu, uint32_t msr, uint64_t *value,
                                             direction info1)
{
    uint32_t marked = SEVC_HOT_VALID(SEVC_GHCB_OFF_RCX);
    volatile struct sevc_ghcb_page *page;
    uint64_t reply, rflags;

    if (sevc_vc_is_protected_msr(msr)) {
        return sevc_direct_fail(cpu, SEVC_FORBIDDEN, SEVC_REASON_PROTECTED_MSR);
    }
    if (!sevc_straight_take(cpu, &rflags)) {
        return access_any(cpu, msr, value, info1);
    }
    page = sevc_hot_page(cpu);
    page->rcx = msr;
    if (info1 == SEVC_MSR_INFO1_WRITE) {
        sevc_hot_put_rax(page, ((const half *)value)[0]);
        page->rdx = ((const half *)value)[1];
        marked |= SEVC_HOT_VALID(SEVC_GHCB_OFF_RDX);
    }
    sevc_hot_send(cpu, page, SEVC_EXIT_MSR, info1, 0, marked);
    reply = page->sw_exitinfo1;
    if (!sevc_straight_good(reply)) {
        return sevc_straight_refused(cpu, reply, rflags);
    }
    if (info1 == SEVC_MSR_INFO1_READ) {
        if (!sevc_straight_has(&page->valid_bitmap[0], SEVC_VALID_BIT(SEVC_GHCB_OFF_RAX)) ||
            !sevc_straight_has(&page->valid_bitmap[1], SEVC_VALID_BIT(SEVC_GHCB_OFF_RDX))) {
            return sevc_straight_refused(cpu, reply, rflags);
        }
        *value = sevc_hot_low(&page->rax) | (uint64_t)sevc_hot_low(&page->rdx) << 32;
    }
    sevc_exchange_scrub(page);
    return sevc_straight_end(cpu, rflags);
}

enum sevc_result sevc_rdmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t *value)
{
    return access(cpu, msr, value, SEVC_MSR_INFO1_READ);
}

enum sevc_result sevc_wrmsr(struct sevc_cpu *cpu, uint32_t msr, uint64_t value)
{
    return access(cpu, msr, &value, SEVC_MSR_INFO1_WRITE);
}
