/* SPDX-License-Identifier: MIT */
/* NMIs: the parts that a kernel's own entry uses too. */
#include <stddef.h>

#include <sevc/event.h>
#include <sevc/nmi.h>
#include <sevc/os.h>

#include "frame.h"

enum sevc_result sevc_nmi_init(struct sevc_nmi_stack *stack, struct sevc_cpu *cpu,
                               struct sevc_vc_stack *vc_stack, uint64_t *tss_ist)
{
    if (stack == NULL || tss_ist == NULL || (uintptr_t)stack % SEVC_NMI_STACK_BYTES != 0) {
        return SEVC_INVALID;
    }
    stack->head.cpu = cpu;
    stack->head.vc_stack = vc_stack;
    stack->head.handled = 0;
    stack->state.running = 0;
    stack->state.waiting = 0;
    *tss_ist = (uint64_t)(uintptr_t)(stack + 1);
    return SEVC_OK;
}

/* The interrupted RSP is the kernel's: user mode could make it point anywhere. */
static bool rsp_is_ours(const struct sevc_trap *trap)
{
    return sevc_trap_cpl(trap) == 0 && !sevc_os_user_rsp(trap);
}

void sevc_nmi_enter(struct sevc_nmi *nmi, const struct sevc_vc_stack *stack,
                    const struct sevc_trap *trap)
{
    const uint64_t bottom = (uint64_t)(uintptr_t)stack;
    uint64_t slot;

    nmi->slot = NULL;
    if (stack == NULL || stack->head.tss_ist == NULL || !rsp_is_ours(trap) ||
        trap->rsp - bottom >= SEVC_VC_STACK_BYTES) {
        return;
    }
    slot = *(volatile uint64_t *)stack->head.tss_ist;
    if (trap->rsp >= slot) {
        return; /* its level has been left already: docs/entry.md */
    }
    nmi->slot = stack->head.tss_ist;
    nmi->saved = slot;
    /*
     * In whole levels, as the #VC entry counts them, and no further than it does: below the lowest
     * level is other memory. Only a guest that has ended itself is there (.Lfatal in entry.S).
     */
    while (slot > trap->rsp && slot - bottom >= VC_LOWEST_LEVEL_TOP) {
        slot -= SEVC_VC_LEVEL_BYTES;
    }
    *(volatile uint64_t *)nmi->slot = slot;
}

void sevc_nmi_leave(const struct sevc_nmi *nmi)
{
    if (nmi->slot != NULL) {
        *(volatile uint64_t *)nmi->slot = nmi->saved;
    }
}

enum sevc_result sevc_nmi_complete(struct sevc_cpu *cpu, struct sevc_report *report)
{
    struct sevc_session session;
    enum sevc_result result;

    *report = (struct sevc_report){ 0 };
    result = sevc_session_begin(&session, cpu, report);
    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_nmi_complete(&session);
    sevc_session_end(&session);
    if (result == SEVC_EXCEPTION) { /* there is no instruction that could have raised it */
        report->stage = SEVC_STAGE_REPLY;
        report->reason = SEVC_REASON_BAD_INJECTION;
        result = SEVC_HOST_ERROR;
    }
    report->result = result;
    return result;
}
