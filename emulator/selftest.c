/* SPDX-License-Identifier: MIT */
#include "selftest.h"

#include <sevc/svm.h>

#include "cpu.h"
#include "device.h"
#include "memory.h"
#include "report.h"
#include "vcpu.h"
#include "vmcb.h"

#define CPUID_SVM     (1u << 2)
#define CPUID_SVM_NPT (1u << 0)

static void check_processor(void)
{
    uint32_t regs[4];

    cpu_cpuid(0x80000001, 0, regs);
    if ((regs[2] & CPUID_SVM) == 0)
        report_end(VERDICT_ERROR, "the processor has no SVM: run QEMU with -accel tcg and "
                                  "-cpu EPYC,+svm,+npt,phys-bits=48");
    cpu_cpuid(0x8000000A, 0, regs);
    if ((regs[3] & CPUID_SVM_NPT) == 0)
        report_end(VERDICT_ERROR, "the processor has no nested paging: add +npt to QEMU's -cpu");
    cpu_cpuid(0x80000008, 0, regs);
    if ((regs[0] & 0xFF) <= DEVICE_C_BIT)
        report_end(VERDICT_ERROR,
                   "%u physical address bits leave no room for the C-bit: add "
                   "phys-bits=48 to QEMU's -cpu",
                   regs[0] & 0xFF);
}

/*
 * One instruction of a guest without paging, under nested tables that map nothing. It has to
 * fault; QEMU before 7.2.15 does not translate such accesses at all and executes the VMMCALL.
 */
static void check_unpaged_guest(void)
{
    struct vmcb *vmcb = memory_alloc_pages(1);
    uint8_t *code = memory_alloc_pages(1), *host_save = memory_alloc_pages(1);
    static uint64_t gpr[16];

    code[0] = 0x0F;
    code[1] = 0x01;
    code[2] = 0xD9;
    vmcb->intercept = 1ull << (SEVC_EXIT_VMRUN - SEVC_EXIT_INTR) |
                      1ull << (SEVC_EXIT_VMMCALL - SEVC_EXIT_INTR) |
                      1ull << (SEVC_EXIT_SHUTDOWN - SEVC_EXIT_INTR);
    vmcb->asid = 1;
    vmcb->nested_control = VMCB_NESTED_PAGING;
    vmcb->nested_cr3 = memory_pa(memory_alloc_pages(1));
    vmcb->cs = (struct vmcb_segment){ 0, 0x9B, 0xFFFF, memory_pa(code) };
    vmcb->ds = vmcb->es = vmcb->ss = (struct vmcb_segment){ 0, 0x93, 0xFFFF, 0 };
    vmcb->efer = EFER_SVME;
    vmcb->cr0 = CR0_ET;
    vmcb->dr6 = 0xFFFF0FF0;
    vmcb->dr7 = 0x400;
    vmcb->rflags = RFLAGS_FIXED;
    cpu_wrmsr(MSR_HSAVE_PA, memory_pa(host_save));
    cpu_clgi();
    vcpu_world_switch(gpr, memory_pa(vmcb));
    if (vmcb->exit_code == SEVC_EXIT_NPF)
        return;
    report_end(VERDICT_ERROR,
               "this QEMU ignores nested paging when the guest has paging off (exit 0x%llx): use "
               "QEMU 7.2.15 or later (Debian 12 with updates: apt-get install qemu-system-x86)",
               (unsigned long long)vmcb->exit_code);
}

void selftest_run(void)
{
    check_processor();
    cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SVME);
    check_unpaged_guest();
}
