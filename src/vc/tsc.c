/* SPDX-License-Identifier: MIT */
/* RDTSC and RDTSCP (APM vol. 3; GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "exception.h"

#define CR4_TSD (1ull << 2)

/*
 * With Secure TSC the counter is the guest's own and its reading must not be intercepted: whoever
 * asks the host then gets a time that the host made up (APM vol. 2, 15.36.18).
 */
static enum sevc_result check(struct sevc_exception *vc)
{
    if ((vc->cpu->platform.sev_status & SEVC_STATUS_SECURE_TSC) != 0) {
        return sevc_vc_refuse(vc, SEVC_HOST_ERROR, SEVC_STAGE_POLICY, SEVC_REASON_SECURE_TSC);
    }
    if (sevc_trap_cpl(vc->trap) != 0 && (sevc_os_register(vc->trap, SEVC_OS_CR4) & CR4_TSD) != 0) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_PRIVILEGE);
    }
    return SEVC_OK;
}

static void put_tsc(struct sevc_trap *trap, uint64_t tsc)
{
    trap->gpr[SEVC_RAX] = (uint32_t)tsc;
    trap->gpr[SEVC_RDX] = tsc >> 32;
}

enum sevc_result sevc_vc_rdtsc(struct sevc_exception *vc)
{
    enum sevc_result result = check(vc);
    uint64_t tsc;

    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_rdtsc(&vc->session, &tsc);
    if (result == SEVC_OK) {
        put_tsc(vc->trap, tsc);
    }
    return result;
}

enum sevc_result sevc_vc_rdtscp(struct sevc_exception *vc)
{
    enum sevc_result result = check(vc);
    uint64_t tsc;
    uint32_t aux;

    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_rdtscp(&vc->session, &tsc, &aux);
    if (result == SEVC_OK) {
        put_tsc(vc->trap, tsc);
        vc->trap->gpr[SEVC_RCX] = aux;
    }
    return result;
}
