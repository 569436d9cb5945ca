/* SPDX-License-Identifier: MIT */
/* A page of private memory that is taken away until the guest next touches it: "mmio-private". */
#include "hostile_internal.h"

#include "memory.h"
#include "npt.h"
#include "view.h"
#include "walk.h"

static uint64_t withheld; /* GPA; 0: none */

void hostile_withhold(uint64_t page)
{
    if (withheld != 0 || page == 0 || !memory_is_guest_ram(page) || view_of(page) != VIEW_PRIVATE)
        return;
    smp_stop_others(SMP_NO_FRAME);
    npt_set(page | NPT_C_BIT, memory_private(page), NPT_NONE);
    withheld = page;
}

bool hostile_give_back(uint64_t gpa)
{
    uint64_t page = withheld;

    if (page == 0 || (gpa & ~PAGE_MASK) != page)
        return false;
    withheld = 0;
    if (view_of(page) == VIEW_PRIVATE) /* else it has been mapped anew meanwhile */
        npt_set(page | NPT_C_BIT, memory_private(page), NPT_FULL);
    return true;
}

/* Stack and pointers: one of them is sure to be used soon. */
void hostile_withhold_some(struct vcpu *v)
{
    const uint64_t places[] = { v->vmcb->rsp, v->gpr[GPR_RBP], v->gpr[GPR_RBX], v->gpr[GPR_RSI],
                                v->gpr[GPR_RDI] };
    uint64_t gpa;

    (void)hostile_give_back(withheld);
    if (walk_encrypted(v, places[hostile_random() % COUNT(places)], &gpa))
        hostile_withhold(gpa & ~PAGE_MASK);
}
