/* SPDX-License-Identifier: MIT */
/* CPUID (APM vol. 3, CPUID; GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>

#include "cpuid_lie.h"
#include "exception.h"

#define LEAF_XSAVE  0xD
#define CR4_OSXSAVE (1ull << 18)

/* The sizes in leaf 0xD follow from XCR0 and XSS; no other leaf makes the hooks worth a call. */
static void xsave_state(struct sevc_exception *vc, uint64_t *xcr0, uint64_t *xss)
{
    uint64_t cr4 = sevc_os_register(vc->trap, SEVC_OS_CR4);

    *xcr0 = (cr4 & CR4_OSXSAVE) != 0 ? sevc_os_register(vc->trap, SEVC_OS_XCR0) : 1;
    *xss = sevc_os_register(vc->trap, SEVC_OS_XSS);
}

enum sevc_result sevc_vc_cpuid(struct sevc_exception *vc)
{
    uint64_t *gpr = vc->trap->gpr;
    struct sevc_cpuid_regs regs;
    uint64_t xcr0 = 0;
    uint64_t xss = 0;
    enum sevc_result result;
    enum sevc_reason lie;
    uint32_t leaf = (uint32_t)gpr[SEVC_RAX];

    regs.eax = leaf;
    regs.ecx = (uint32_t)gpr[SEVC_RCX];
    if (leaf == LEAF_XSAVE) {
        xsave_state(vc, &xcr0, &xss);
    }
    result = sevc_event_cpuid(&vc->session, &regs, xcr0, xss);
    if (result != SEVC_OK) {
        return result;
    }
    lie = sevc_cpuid_lie(leaf, &regs, vc->cpu->platform.c_bit);
    if (lie != SEVC_REASON_NONE) {
        return sevc_vc_refuse(vc, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, lie);
    }
    gpr[SEVC_RAX] = regs.eax;
    gpr[SEVC_RBX] = regs.ebx;
    gpr[SEVC_RCX] = regs.ecx;
    gpr[SEVC_RDX] = regs.edx;
    return SEVC_OK;
}
