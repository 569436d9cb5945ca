/* SPDX-License-Identifier: MIT */
/*
 * The work: each thing twice, by the instruction, which as an SEV-ES guest raises #VC, and by the
 * explicit call, which does not. Both must give the same, and on a bare machine they do too.
 */
#include "app.h"

#define MSR_APIC_BASE  0x1B
#define PCI_ADDRESS    0xCF8
#define PCI_DATA       0xCFC
#define IOAPIC         0xFEC00000ull
#define IOAPIC_SELECT  0x00
#define IOAPIC_WINDOW  0x10
#define IOAPIC_VERSION 1

static bool agree(const char *what, uint64_t by_instruction, uint64_t by_call)
{
    put_line("  %s: 0x%lx by the instruction, 0x%lx by the call%s", what, by_instruction, by_call,
             by_instruction == by_call ? "" : ": DIFFERENT");
    return by_instruction == by_call;
}

static bool work_cpuid(uint32_t leaf)
{
    struct sevc_cpuid_regs call = { 0 };
    uint32_t eax, ebx, ecx, edx;

    __asm__ volatile("cpuid" /* #VC */
                     : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx)
                     : "a"(leaf), "c"(0));
    return sevc_cpuid(&uefi.cpu, leaf, 0, &call) == SEVC_OK &&
           agree("CPUID EAX:EBX", (uint64_t)eax << 32 | ebx, (uint64_t)call.eax << 32 | call.ebx) &&
           agree("CPUID ECX:EDX", (uint64_t)ecx << 32 | edx, (uint64_t)call.ecx << 32 | call.edx);
}

static bool work_msr(void)
{
    uint64_t call = 0;
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE)); /* #VC */
    if (sevc_rdmsr(&uefi.cpu, MSR_APIC_BASE, &call) != SEVC_OK)
        return false;
    __asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(MSR_APIC_BASE)); /* #VC */
    return agree("MSR 0x1B", (uint64_t)high << 32 | low, call);
}

/* Vendor and device of the host bridge. */
static bool work_port(void)
{
    uint32_t value, call = 0;

    __asm__ volatile("outl %0, %w1" : : "a"(0x80000000u), "d"(PCI_ADDRESS)); /* #VC */
    __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(PCI_DATA));           /* #VC */
    return sevc_out32(&uefi.cpu, PCI_ADDRESS, 0x80000000u) == SEVC_OK &&
           sevc_in32(&uefi.cpu, PCI_DATA, &call) == SEVC_OK && agree("PCI 0:0.0", value, call);
}

/* Where the firmware has mapped the IOAPIC: identically, and without the C-bit. */
static bool work_mmio(void)
{
    struct sevc_mmio_window window = { .va = (volatile void *)IOAPIC,
                                       .gpa = IOAPIC,
                                       .bytes = 0x20 };
    uint64_t call = 0;
    uint32_t value;

    __asm__ volatile("movl %1, %0" /* #VC */
                     : "=m"(*(volatile uint32_t *)(IOAPIC + IOAPIC_SELECT))
                     : "r"(IOAPIC_VERSION));
    __asm__ volatile("movl %1, %0" /* #VC */
                     : "=r"(value)
                     : "m"(*(volatile uint32_t *)(IOAPIC + IOAPIC_WINDOW)));
    return sevc_mmio_write(&uefi.cpu, &window, IOAPIC_SELECT, 4, IOAPIC_VERSION) == SEVC_OK &&
           sevc_mmio_read(&uefi.cpu, &window, IOAPIC_WINDOW, 4, &call) == SEVC_OK &&
           agree("IOAPIC version", value, call);
}

/* As an SEV-ES guest each of the instructions must have come by way of the handler. */
static bool counted(uint64_t exit_code, uint64_t before, uint64_t least)
{
    uint64_t seen = account_count(exit_code) - before;

    if (!sevc_cpu_ready(&uefi.cpu) || seen >= least)
        return true;
    put_line("  exit 0x%lx: %lu exceptions, at least %lu were due", exit_code, seen, least);
    return false;
}

bool work(void)
{
    uint64_t cpuid = account_count(SEVC_EXIT_CPUID), msr = account_count(SEVC_EXIT_MSR);
    uint64_t port = account_count(SEVC_EXIT_IOIO), mmio = account_count(SEVC_EXIT_NPF);
    bool good = work_cpuid(0) && work_cpuid(0x80000002) && work_msr() && work_port() && work_mmio();

    return good && counted(SEVC_EXIT_CPUID, cpuid, 2) && counted(SEVC_EXIT_MSR, msr, 2) &&
           counted(SEVC_EXIT_IOIO, port, 2) && counted(SEVC_EXIT_NPF, mmio, 2);
}
