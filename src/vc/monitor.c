/* SPDX-License-Identifier: MIT */
/*
 * MONITOR(X) and MWAIT(X) (APM vol. 3; GHCB spec 2.03, 4.1, table 6). MWAIT may end at any time
 * for no reason, so doing nothing is right, and tells the host nothing about what the guest waits
 * for.
 */
#include <stddef.h>

#include <sevc/event.h>

#include "exception.h"

/*
 * The processor reads the byte with the rights of the interrupted code before it lets the host know
 * (APM vol. 3, MONITOR): so does the hook, or user mode could learn what is mapped in the kernel.
 */
static enum sevc_result monitor(struct sevc_exception *vc)
{
    const uint64_t *gpr = vc->trap->gpr;
    uint64_t va = sevc_string_address(&vc->insn, vc->trap, SEVC_RAX);
    struct sevc_mapping mapping;
    enum sevc_result result = sevc_vc_copy_all(vc, va, NULL, 1, SEVC_ACCESS_PROBE_READ);

    if (result != SEVC_OK) {
        return result;
    }
    if (!sevc_tap_translate(vc->trap, va, &mapping)) {
        /* The hooks disagree: the mapping has gone meanwhile. */
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_NOT_MAPPED);
    }
    return sevc_event_monitor(&vc->session, mapping.gpa, (uint32_t)gpr[SEVC_RCX],
                              (uint32_t)gpr[SEVC_RDX]);
}

enum sevc_result sevc_vc_wait(struct sevc_exception *vc)
{
    if (vc->cpu->policy->monitor != SEVC_MONITOR_FORWARD) {
        return SEVC_OK;
    }
    return vc->insn.kind == SEVC_INSN_MONITOR || vc->insn.kind == SEVC_INSN_MONITORX
               ? monitor(vc)
               : sevc_vc_registers(vc);
}
