/* SPDX-License-Identifier: MIT */
/*
 * MONITOR(X) and MWAIT(X) (APM vol. 3; GHCB spec 2.03, 4.1, table 6). MWAIT may end at any time
 * for no reason, so doing nothing is right, and tells the host nothing about what the guest waits
 * for.
 */
#include <sevc/event.h>

#include "exception.h"

/*
 * The processor reads the byte with the rights of the interrupted code before it lets the host know
 * (APM vol. 3, MONITOR): so does the hook, or user mode could learn what is mapped in the kernel.
 */
static enum sevc_result find(struct sevc_exception *vc, struct sevc_mapping *mapping)
{
    struct sevc_copy probe = {
        .trap = vc->trap,
        .va = sevc_string_address(&vc->insn, vc->trap, SEVC_RAX),
        .bytes = 1,
        .access = SEVC_ACCESS_PROBE_READ,
        .user = sevc_vc_is_user(vc),
    };

    if (!sevc_tap_copy(&probe)) {
        return sevc_vc_raise(vc, SEVC_STAGE_TRANSLATE, SEVC_REASON_COPY_FAULT, probe.fault);
    }
    if (!sevc_tap_translate(vc->trap, probe.va, mapping)) {
        /* The hooks disagree: the mapping has gone meanwhile. */
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_NOT_MAPPED);
    }
    return SEVC_OK;
}

enum sevc_result sevc_vc_monitor(struct sevc_exception *vc)
{
    const uint64_t *gpr = vc->trap->gpr;
    struct sevc_mapping mapping;
    enum sevc_result result;

    if (vc->cpu->policy->monitor != SEVC_MONITOR_FORWARD) {
        return SEVC_OK;
    }
    result = find(vc, &mapping);
    if (result != SEVC_OK) {
        return result;
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
