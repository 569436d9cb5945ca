/* SPDX-License-Identifier: MIT */
/* From the runtime stubs to the handler, and from its result to the kernel. */
#include <stddef.h>

#include <sevc/idt.h>
#include <sevc/os.h>
#include <sevc/vc.h>

#include "dispatch.h"
#include "frame.h"

#define ASSERT_AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #field)

ASSERT_AT(struct sevc_trap, gpr[SEVC_RAX], 0);
ASSERT_AT(struct sevc_trap, gpr[SEVC_RSP], 32);
ASSERT_AT(struct sevc_trap, gpr[SEVC_R15], 120);
ASSERT_AT(struct sevc_trap, error_code, SEVC_TRAP_OFF_ERROR_CODE);
ASSERT_AT(struct sevc_trap, rip, SEVC_TRAP_OFF_RIP);
ASSERT_AT(struct sevc_trap, rip, TRAP_RIP);
ASSERT_AT(struct sevc_trap, rip, SEVC_TRAP_OFF_ERROR_CODE + ENTRY_RIP);
ASSERT_AT(struct sevc_trap, cs, SEVC_TRAP_OFF_CS);
ASSERT_AT(struct sevc_trap, cs, SEVC_TRAP_OFF_ERROR_CODE + ENTRY_CS);
_Static_assert(sizeof(struct sevc_trap) == SEVC_TRAP_BYTES, "struct sevc_trap");
_Static_assert(SEVC_TRAP_BYTES == TRAP_BYTES, "frame.h");
_Static_assert(TRAP_BYTES - SEVC_TRAP_OFF_ERROR_CODE == ENTRY_BYTES, "frame.h");
_Static_assert(TRAP_BYTES % 16 == 0, "the stubs call with an aligned stack");
ASSERT_AT(struct sevc_vc_stack, head.cpu, STACK_CPU);
ASSERT_AT(struct sevc_vc_stack, head.tss_ist, STACK_TSS_IST);
_Static_assert(sizeof(struct sevc_vc_stack) == SEVC_VC_STACK_BYTES, "struct sevc_vc_stack");

void sevc_vc_dispatch(struct sevc_trap *trap, struct sevc_cpu *cpu)
{
    struct sevc_report report;
    enum sevc_result result = sevc_handle_vc(cpu, trap, &report);

    sevc_os_account(&report);
    if (result != SEVC_OK && result != SEVC_RETRY) {
        sevc_os_raise(trap, &report);
    }
}

void sevc_vc_dispatch_plain(struct sevc_trap *trap)
{
    sevc_vc_dispatch(trap, sevc_os_this_cpu());
}
