/* SPDX-License-Identifier: MIT */
/* Where the straight way (hot.h) ends otherwise than with an instruction that is complete. */
#include "hot.h"

/* The host's answer is none to go on with. Registers, memory and RIP are as they were. */
enum sevc_result sevc_hot_refused(struct sevc_cpu *cpu, struct sevc_report *report)
{
    enum sevc_result result = sevc_reply_refused(report);

    report->vmgexits = 1;
    report->insn_bytes = SEVC_INSN_MAX_BYTES;
    sevc_hot_give_back(cpu, sevc_hot_page(cpu));
    return result;
}

/* Complete, but RFLAGS.TF asks for #DB. */
enum sevc_result sevc_hot_stepped(struct sevc_trap *trap, struct sevc_report *report)
{
    sevc_os_fix_shadow_stack(trap, report->rip);
    report->fault = (struct sevc_fault){ .vector = SEVC_VECTOR_DB };
    report->result = SEVC_OK_TRAP;
    return SEVC_OK_TRAP;
}
