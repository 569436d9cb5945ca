/* SPDX-License-Identifier: MIT */
/* User mode: what it may do goes through sevc, what it may not ends as the processor would end it. */
#include "guest.h"

/* user_code.S */
extern const char user_io_code[], user_io_end[];
extern const char user_int29_code[], user_int29_end[];
extern const char user_mmio_code[], user_mmio_end[];

struct program {
    const char *code, *end;
    struct sevc_trap state;
};

static void start(void *argument)
{
    struct program *p = argument;

    user_run(p->code, p->end, &p->state);
}

void guest_main(void)
{
    struct program cpuid_program = { .code = user_cpuid_code, .end = user_cpuid_end };
    struct program io = { .code = user_io_code, .end = user_io_end };
    struct program int29 = { .code = user_int29_code, .end = user_int29_end };
    struct program mmio = { .code = user_mmio_code, .end = user_mmio_end };
    struct guest_fault fault;
    struct cpuid r = cpuid(0, 0);

    CHECK(!guest_try(start, &cpuid_program, &fault));
    CHECK_EQUAL(cpuid_program.state.cs, USER_CS);
    CHECK_EQUAL(cpuid_program.state.ss, USER_DS);
    CHECK_EQUAL(cpuid_program.state.gpr[SEVC_R8], r.ebx);
    CHECK_EQUAL(cpuid_program.state.gpr[SEVC_R11], r.eax);
    CHECK(cpuid_program.state.gpr[SEVC_R13] > cpuid_program.state.gpr[SEVC_R12]);
    CHECK_EQUAL(cpuid_program.state.rsp, USER_STACK - 64);

    /*
     * The #VC gate has DPL 0: user mode cannot forge a frame. The error code is vector * 8 + 2 (APM vol. 2,
     * 8.4.1); QEMU 7.2 multiplies by 16.
     */
    CHECK(guest_try(start, &int29, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_GP);
    CHECK(fault.trap.error_code == SEVC_VC_VECTOR * 8 + 2 ||
          fault.trap.error_code == SEVC_VC_VECTOR * 16 + 2);
    CHECK_EQUAL(fault.trap.cs, USER_CS);

    /* No ports: IOPL is 0 and there is no bitmap. */
    CHECK(guest_try(start, &io, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_GP);
    CHECK_EQUAL(fault.trap.cs, USER_CS);
    CHECK_EQUAL(fault.trap.error_code, 0);

    /* MMIO from user mode is refused, not emulated (CVE-2023-46813). */
    page_map(0xC00000, 0xFED00000, PTE_USER | PTE_NX, false);
    CHECK(guest_try(start, &mmio, &fault));
    CHECK_EQUAL(fault.vector, SEVC_VC_VECTOR);
    CHECK_EQUAL(fault.report.result, SEVC_FORBIDDEN);
    CHECK_EQUAL(fault.report.reason, SEVC_REASON_USER_MMIO);
    CHECK_EQUAL(fault.report.vmgexits, 0);
}
