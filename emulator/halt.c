/* SPDX-License-Identifier: MIT */
#include "halt.h"

#include <sevc/svm.h>

#include "cpu.h"
#include "hostile.h"
#include "insn.h"
#include "vcpu.h"

#define INTERCEPT_HLT  (1ull << (SEVC_EXIT_HLT - SEVC_EXIT_INTR))
#define INTERCEPT_INTR (1ull << 0)

/*
 * The guest sleeps inside QEMU, in its own HLT, until an interrupt is due; that one exits, so that
 * the watch can go on. The exit also closes a hole: QEMU forgets the interrupt shadow of STI when
 * it resumes a guest, so an interrupt would be taken before the HLT that was to wait for it.
 */
void halt_handle(struct vcpu *v)
{
    if (hostile_wakes_halt(v))
        return;
    v->halt_rip = v->vmcb->rip;
    v->asleep = true;
    if (hold_is_forever())
        report_end(VERDICT_ERROR, "the guest halted for ever at rip=0x%llx: HLT, interrupts off",
                   (unsigned long long)v->vmcb->rip);
    v->vmcb->intercept &= ~INTERCEPT_HLT;
    v->vmcb->intercept |= INTERCEPT_INTR;
}

void halt_abandon(struct vcpu *v)
{
    if (!v->asleep)
        return;
    v->vmcb->intercept |= INTERCEPT_HLT;
    v->vmcb->intercept &= ~INTERCEPT_INTR;
    v->asleep = false;
}

void halt_interrupted(struct vcpu *v)
{
    struct insn insn;

    /* Still on the HLT: the interrupt was there first, and ends it. */
    if (v->vmcb->rip == v->halt_rip && insn_fetch(v, &insn))
        vcpu_advance(v, insn.prefixes + 1u);
    halt_abandon(v);
}

void halt_kicked(struct vcpu *v)
{
    if (v->asleep)
        v->vmcb->rip = v->halt_rip;
}

void halt_wake(struct vcpu *v)
{
    if (v->asleep)
        halt_interrupted(v);
}
