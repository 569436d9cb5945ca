/* SPDX-License-Identifier: MIT */
/* The #VC stack of a CPU that is not ready yet. */
#include <stddef.h>

#include <sevc/idt.h>

void sevc_vc_stack_early(struct sevc_vc_stack *stack, uint64_t *tss_ist)
{
    stack->head.cpu = NULL;
    stack->head.tss_ist = tss_ist;
    *tss_ist = (uint64_t)(uintptr_t)(stack + 1);
}
