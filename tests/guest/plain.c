/* SPDX-License-Identifier: MIT */
/* The entry without IST: for kernels that have no SYSCALL, so that RSP can be trusted at any moment. */
#include "guest.h"

/* The kernel says which CPU this is; with IST the stack says it. */
struct sevc_cpu *sevc_os_this_cpu(void)
{
    return &cpu;
}

#define TICKS 5

void guest_main(void)
{
    struct sevc_trap state;
    struct cpuid r;
    uint64_t rsp_before, rsp_after, value;

    sevc_idt_set(idt, KERNEL_CS, 0);
    tss.ist[VC_IST] = 0; /* whoever uses it now dies */
    CHECK_EQUAL(idt[SEVC_VC_VECTOR].ist, 0);

    __asm__ volatile("movq %%rsp, %0" : "=r"(rsp_before));
    r = cpuid(0, 0);
    __asm__ volatile("movq %%rsp, %0" : "=r"(rsp_after));
    CHECK_EQUAL(r.ebx, 0x68747541);
    CHECK_EQUAL(rsp_before, rsp_after);

    /* A stack that is not aligned is aligned by the processor. */
    __asm__ volatile("subq $8, %%rsp; xorl %%eax, %%eax; cpuid; addq $8, %%rsp"
                     : "=b"(value)
                     :
                     : "rax", "rcx", "rdx", "memory");
    CHECK_EQUAL(value, 0x68747541);

    apic_init();
    apic_timer_start(5000);
    interrupts_on();
    while (apic_ticks() < TICKS)
        (void)cpuid(0, 0);
    interrupts_off();
    apic_timer_stop();
    CHECK(apic_ticks() >= TICKS);

    CHECK(!rdmsr_safe(0xC0FFEE00, &value)); /* #GP is delivered on the same stack */
    user_run(user_cpuid_code, user_cpuid_end, &state);
    CHECK_EQUAL(state.gpr[SEVC_R8], r.ebx);
}
