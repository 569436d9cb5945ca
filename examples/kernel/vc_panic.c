/* SPDX-License-Identifier: MIT */
#include "kernel.h"

/* doc: vc-panic */
/* The console raises #VC itself: allowed here, on the way out, one level deep. */
void vc_panic(struct sevc_trap *trap, const struct sevc_report *report)
{
    unsigned me = this_cpu();

    panic_begins();
    if (report->reason == SEVC_REASON_NESTING) /* both GHCBs are in use: take one away */
        sevc_panic_release(cpu_of(me), vc_stack_of(me));
    kprintf("\npanic: #VC exit 0x%lx at 0x%lx (CPL %u): %s, stage %s, reason %s\n",
            report->exit_code, report->rip, sevc_trap_cpl(trap), sevc_result_name(report->result),
            sevc_stage_name(report->stage), sevc_reason_name(report->reason));
    kprintf("  instruction:");
    for (unsigned i = 0; i < report->insn_bytes && i < 15; i++)
        kprintf(" %02x", report->insn[i]);
    kprintf("\n  VMGEXITs %u, last event 0x%lx, host said 0x%lx 0x%lx\n", report->vmgexits,
            report->nae_code, report->info1, report->info2);
    machine_exit(1);
}
/* doc: end */
