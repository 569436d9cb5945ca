/* SPDX-License-Identifier: MIT */
/* A last message, from wherever. */
#include <stddef.h>

#include <sevc/ghcb.h>
#include <sevc/nmi.h>

/* Is the caller on the stack's first level, where #VC begins at rest? */
static bool on_first_level(const struct sevc_vc_stack *stack)
{
    uint64_t top = (uint64_t)(uintptr_t)(stack + 1);
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);

    return top - here < SEVC_VC_LEVEL_BYTES;
}

void sevc_panic_release(struct sevc_cpu *cpu, struct sevc_vc_stack *stack)
{
    sevc_session_drop_all(cpu);
    if (stack != NULL && stack->head.tss_ist != NULL) {
        uint64_t top = (uint64_t)(uintptr_t)(stack + 1);

        *(volatile uint64_t *)stack->head.tss_ist =
            on_first_level(stack) ? top - SEVC_VC_LEVEL_BYTES : top;
    }
}
