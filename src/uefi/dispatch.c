/* SPDX-License-Identifier: MIT */
/* From the entry under firmware to the handler, or on to the firmware's. */
#include <stddef.h>

#include <sevc/msr_protocol.h>
#include <sevc/svm.h>
#include <sevc/vc.h>

#include "../arch/arch.h"
#include "../idt/dispatch.h"
#include "../idt/frame.h"
#include "uefi.h"

_Static_assert(offsetof(struct sevc_trap, gpr[SEVC_R15]) == TRAP_R15, "frame.h");

/*
 * A processor that the firmware starts is at first given the IDT of the one that starts it (EDK2's
 * MpInitLib), ours; but its GHCB MSR names its own GHCB. The host can change that MSR, too: the
 * firmware's handler, which writes to what it names, never gets to see what cannot be a GHCB.
 */
static bool is_another_processor(const struct sevc_uefi *uefi)
{
    uint64_t msr = sevc_arch_rdmsr(SEVC_MSR_GHCB);

    return msr != uefi->firmware_msr && msr == sevc_msr_ghcb(msr) && sevc_uefi_is_shared(uefi, msr);
}

uint64_t sevc_uefi_dispatch(struct sevc_trap *trap)
{
    struct sevc_uefi *uefi = sevc_os_uefi();

    if (is_another_processor(uefi)) {
        return uefi->firmware_entry;
    }
    sevc_vc_dispatch(trap, &uefi->cpu);
    return 0;
}
