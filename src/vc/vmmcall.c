/* SPDX-License-Identifier: MIT */
/*
 * VMMCALL (GHCB spec 2.03, 4.1, table 6). Which registers a hypercall carries is a convention of
 * the hypervisor's, and whatever is carried is disclosed: so no convention is assumed.
 */
#include <stddef.h>

#include <sevc/event.h>

#include "exception.h"

#define BIT(gpr) (1u << (gpr))

/* KVM: number in RAX; arguments in RBX, RCX, RDX, RSI; result in RAX. */
const struct sevc_hypercall_abi sevc_hypercall_kvm = {
    .inputs = BIT(SEVC_RBX) | BIT(SEVC_RCX) | BIT(SEVC_RDX) | BIT(SEVC_RSI),
};

/* Hyper-V (TLFS 3.7): control in RCX, parameters' addresses in RDX and R8; result in RAX. */
const struct sevc_hypercall_abi sevc_hypercall_hyperv = {
    .inputs = BIT(SEVC_RCX) | BIT(SEVC_RDX) | BIT(SEVC_R8),
};

/*
 * VMware: magic in RAX, command and port in RCX and RDX; all low registers both ways. Its tools
 * call it from user mode.
 */
const struct sevc_hypercall_abi sevc_hypercall_vmware = {
    .inputs = BIT(SEVC_RBX) | BIT(SEVC_RCX) | BIT(SEVC_RDX) | BIT(SEVC_RSI) | BIT(SEVC_RDI) |
              BIT(SEVC_RBP),
    .outputs = BIT(SEVC_RBX) | BIT(SEVC_RCX) | BIT(SEVC_RDX) | BIT(SEVC_RSI) | BIT(SEVC_RDI) |
               BIT(SEVC_RBP),
    .rip = true,
    .user = true,
};

/*
 * Outside 64-bit mode there are eight registers of 32 bits; what else they hold is not the
 * caller's.
 */
static enum sevc_result call(struct sevc_exception *vc, const struct sevc_hypercall_abi *abi)
{
    struct sevc_trap *trap = vc->trap;
    bool long_mode = vc->code_bits == 64;
    uint64_t mask = long_mode ? ~0ull : UINT32_MAX;
    unsigned count = long_mode ? 16 : 8;
    unsigned outputs = abi->outputs | SEVC_OUT_RAX;
    uint64_t gpr[16] = { 0 };
    enum sevc_result result;

    for (unsigned i = 0; i < count; i++) {
        gpr[i] = trap->gpr[i] & mask;
    }
    result = sevc_event_vmmcall(&vc->session, abi, sevc_trap_cpl(trap), trap->rip & mask, gpr);
    for (unsigned i = 0; result == SEVC_OK && i < count; i++) {
        if ((outputs & SEVC_OUT(i)) != 0) {
            trap->gpr[i] = gpr[i] & mask;
        }
    }
    return result;
}

enum sevc_result sevc_vc_vmmcall(struct sevc_exception *vc)
{
    const struct sevc_hypercall_abi *abi = vc->cpu->policy->hypercall;

    if (abi == NULL) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_POLICY, SEVC_REASON_HYPERCALL);
    }
    if (sevc_trap_cpl(vc->trap) != 0 && !abi->user) {
        return sevc_vc_raise(vc, SEVC_VECTOR_UD, SEVC_STAGE_POLICY, SEVC_REASON_PRIVILEGE);
    }
    return call(vc, abi);
}
