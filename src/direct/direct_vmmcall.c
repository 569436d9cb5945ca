/* SPDX-License-Identifier: MIT */
/* VMMCALL as an explicit call. */
#include <sevc/event.h>

#include "direct.h"

#define REGISTERS 16

/* The registers that the convention does not name get zero, and keep what they held. */
static void native(const struct sevc_hypercall_abi *abi, uint64_t gpr[REGISTERS])
{
    unsigned inputs = abi->inputs | SEVC_OUT_RAX;
    unsigned outputs = abi->outputs | SEVC_OUT_RAX;
    uint64_t values[REGISTERS];

    for (unsigned i = 0; i < REGISTERS; i++) {
        values[i] = (inputs & SEVC_OUT(i)) != 0 ? gpr[i] : 0;
    }
    sevc_arch_native_vmmcall(values);
    for (unsigned i = 0; i < REGISTERS; i++) {
        if ((outputs & SEVC_OUT(i)) != 0) {
            gpr[i] = values[i];
        }
    }
}

enum sevc_result sevc_vmmcall(struct sevc_cpu *cpu, const struct sevc_hypercall_abi *abi,
                              uint64_t gpr[REGISTERS])
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (abi == NULL || ((abi->inputs | abi->outputs) & SEVC_OUT(SEVC_RSP)) != 0) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    if (sevc_direct_is_native(cpu)) {
        native(abi, gpr);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    /* At CPL 0; a convention that wants RIP gets the place of the call. */
    result = sevc_event_vmmcall(&direct.session, abi, 0,
                                (uint64_t)(uintptr_t)__builtin_return_address(0), gpr);
    return sevc_direct_end(&direct, result);
}
