/* SPDX-License-Identifier: MIT */
/* RDPMC (APM vol. 3; GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "exception.h"

#define CR4_PCE (1ull << 8)

enum sevc_result sevc_vc_rdpmc(struct sevc_exception *vc)
{
    uint64_t *gpr = vc->trap->gpr;
    enum sevc_result result;
    uint64_t value;

    if (sevc_trap_cpl(vc->trap) != 0 && (sevc_os_register(vc->trap, SEVC_OS_CR4) & CR4_PCE) == 0) {
        return sevc_vc_raise_gp(vc, SEVC_REASON_PRIVILEGE);
    }
    result = sevc_event_rdpmc(&vc->session, (uint32_t)gpr[SEVC_RCX], &value);
    if (result == SEVC_OK) {
        gpr[SEVC_RAX] = (uint32_t)value;
        gpr[SEVC_RDX] = value >> 32;
    }
    return result;
}
