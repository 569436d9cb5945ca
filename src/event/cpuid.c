/* SPDX-License-Identifier: MIT */
/* NAE event 0x72, CPUID (GHCB spec 2.03, 4.1, table 6). */
#include <sevc/event.h>
#include <sevc/svm.h>

#define LEAF_XSAVE 0xD

enum sevc_result sevc_event_cpuid(struct sevc_session *session, struct sevc_cpuid_regs *regs,
                                  uint64_t xcr0, uint64_t xss)
{
    enum sevc_result result;

    sevc_session_put(session, SEVC_GHCB_OFF_RAX, regs->eax);
    sevc_session_put(session, SEVC_GHCB_OFF_RCX, regs->ecx);
    if (regs->eax == LEAF_XSAVE) {
        /* The sizes that leaf 0xD reports depend on what the guest has enabled. */
        sevc_session_put(session, SEVC_GHCB_OFF_XCR0, xcr0);
        if (regs->ecx == 1 && session->cpu->platform.version >= 2) {
            sevc_session_put(session, SEVC_GHCB_OFF_XSS, xss);
        }
    }
    result = sevc_session_exchange(session, SEVC_EXIT_CPUID, 0, 0,
                                   SEVC_OUT_RAX | SEVC_OUT_RBX | SEVC_OUT_RCX | SEVC_OUT_RDX);
    if (result == SEVC_OK) {
        regs->eax = (uint32_t)session->reply.gpr[SEVC_RAX];
        regs->ebx = (uint32_t)session->reply.gpr[SEVC_RBX];
        regs->ecx = (uint32_t)session->reply.gpr[SEVC_RCX];
        regs->edx = (uint32_t)session->reply.gpr[SEVC_RDX];
    }
    return result;
}
