/* SPDX-License-Identifier: MIT */
/* From the NMI stub to the kernel's handler, and to NMI_COMPLETE. */
#include <stddef.h>

#include <sevc/os.h>
#include <sevc/vc.h>

#include "dispatch.h"
#include "frame.h"

#define ASSERT_AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #field)

ASSERT_AT(struct sevc_nmi_stack, state.running, NMI_RUNNING);
ASSERT_AT(struct sevc_nmi_stack, state.waiting, NMI_WAITING);
_Static_assert(sizeof(struct sevc_nmi_stack) == SEVC_NMI_STACK_BYTES, "struct sevc_nmi_stack");
_Static_assert(TRAP_BYTES - TRAP_RIP == NMI_FRAME_BYTES, "the frame ends the trap");
_Static_assert(NMI_TRAP % 16 == 0, "nmi.S calls with an aligned stack");

/*
 * Completed last, when there is nothing left to do but to return: an earlier NMI_COMPLETE would win
 * nothing, because the next NMI has to wait for the end of this handler anyway.
 */
void sevc_nmi_dispatch(struct sevc_trap *trap, struct sevc_nmi_stack *stack)
{
    struct sevc_report report;
    struct sevc_nmi nmi;

    sevc_nmi_enter(&nmi, stack->head.vc_stack, trap);
    sevc_os_nmi(trap);
    stack->head.handled++;
    if (sevc_cpu_ready(stack->head.cpu)) {
        (void)sevc_nmi_complete(stack->head.cpu, &report);
        sevc_os_nmi_completed(trap, &report);
    }
    sevc_nmi_leave(&nmi);
}
