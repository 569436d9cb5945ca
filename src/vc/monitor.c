/* SPDX-License-Identifier: MIT */
/*
 * MONITOR(X) and MWAIT(X) (APM vol. 3; GHCB spec 2.03, 4.1, table 6). MWAIT may end at any time for no
 * reason, so doing nothing is right, and tells the host nothing about what the guest waits for.
 */
#include <sevc/event.h>

#include "exception.h"

static uint64_t page_fault_code(const struct sevc_exception *vc)
{
    return sevc_vc_is_user(vc) ? 1u << 2 : 0;
}

enum sevc_result sevc_vc_monitor(struct sevc_exception *vc)
{
    const uint64_t *gpr = vc->trap->gpr;
    struct sevc_mapping mapping;
    uint64_t va;

    if (vc->cpu->policy->monitor != SEVC_MONITOR_FORWARD) {
        return SEVC_OK;
    }
    va = sevc_string_address(&vc->insn, vc->trap, SEVC_RAX);
    if (!sevc_os_translate(vc->trap, va, &mapping)) {
        return sevc_vc_raise(vc, SEVC_STAGE_TRANSLATE, SEVC_REASON_NOT_MAPPED,
                             (struct sevc_fault){ .cr2 = va,
                                                  .error_code = (uint32_t)page_fault_code(vc),
                                                  .vector = SEVC_VECTOR_PF,
                                                  .has_error_code = true });
    }
    return sevc_event_monitor(&vc->session, mapping.gpa, (uint32_t)gpr[SEVC_RCX],
                              (uint32_t)gpr[SEVC_RDX]);
}

enum sevc_result sevc_vc_mwait(struct sevc_exception *vc)
{
    const uint64_t *gpr = vc->trap->gpr;

    if (vc->cpu->policy->monitor != SEVC_MONITOR_FORWARD) {
        return SEVC_OK;
    }
    return sevc_event_mwait(&vc->session, (uint32_t)gpr[SEVC_RAX], (uint32_t)gpr[SEVC_RCX]);
}
