/* SPDX-License-Identifier: MIT */
/*
 * The port of sevc to this kernel, all of it: a function for the first moment, one that gives
 * the CPU its GHCB, and the hooks of <sevc/os.h>. docs/porting.md explains it piece by piece.
 */
#include "io.h"
#include "kernel.h"

/* doc: vc-early */
static struct cpuid early_cpuid(uint32_t leaf)
{
    early_cpuids++;
    return cpuid(leaf, 0);
}

uint8_t vc_early(void)
{
    static struct sevc_idt_gate early_idt[SEVC_EARLY_IDT_GATES];
    struct cpuid encryption;
    unsigned c_bit;

    sevc_early_install(early_idt, KERNEL_CS); /* before the first CPUID */

    /* The early handler has made sure that the host does not deny what SEV_STATUS says. */
    if (early_cpuid(0x80000000).eax < SEVC_CPUID_MEMORY_ENCRYPTION)
        sevc_terminate(SEVC_TERM_GENERAL);
    encryption = early_cpuid(SEVC_CPUID_MEMORY_ENCRYPTION);
    if ((encryption.eax & SEVC_CPUID_EAX_SEV_ES) == 0)
        sevc_terminate(SEVC_TERM_GENERAL); /* no SEV-ES guest: this kernel has no other life */

    /* The C-bit is not the host's to choose: the loader has built its page tables with it. */
    c_bit = encryption.ebx & SEVC_CPUID_EBX_C_BIT_MASK;
    if ((read_cr3() >> c_bit & 1) == 0)
        sevc_terminate(SEVC_TERM_GENERAL);
    return (uint8_t)c_bit;
}
/* doc: end */

/* doc: vc-init */
struct sevc_cpu cpu;
struct sevc_vc_stack vc_stack;
static uint64_t cr4; /* does not change after vc_init() */

void vc_init(void)
{
    uint64_t table = gpa_of(page_alloc()); /* for splitting the 2 MiB page around the GHCB */
    struct sevc_table_pages tables = { .gpa = &table, .count = 1 };
    void *ghcb = page_alloc();
    struct sevc_cpu_config config = {
        .ghcb = { .va = ghcb, .gpa = gpa_of(ghcb) },
        .backup = page_alloc(),
        .stack = &vc_stack,
        .tss_ist = &tss.ist[VC_IST],
    };

    cr4 = read_cr4();
    if (sevc_page_share(&paging, (uint64_t)ghcb, PAGE_BYTES, &tables) != SEVC_OK ||
        sevc_cpu_init(&cpu, &config) != SEVC_OK || cpu.platform.c_bit != paging.c_bit)
        sevc_terminate(SEVC_TERM_GENERAL); /* there is no console without a GHCB */
    sevc_idt_set(idt, KERNEL_CS, VC_IST);
}
/* doc: end */

/* doc: hooks */
bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap; /* one address space; others walk from the interrupted one's CR3 */
    return sevc_walk(&paging, va, mapping);
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    return sevc_walk_copy(&paging, copy);
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    switch (which) {
    case SEVC_OS_CR4:
        return cr4; /* the kernel's own copy: a hook may not read CR4 itself */
    case SEVC_OS_XCR0:
        return 1; /* this kernel leaves CR4.OSXSAVE off */
    case SEVC_OS_CODE_BITS:
        return 64;
    case SEVC_OS_FS_BASE:
        return rdmsr(SEVC_MSR_FS_BASE); /* there is no SWAPGS in this kernel */
    case SEVC_OS_GS_BASE:
        return rdmsr(SEVC_MSR_GS_BASE);
    case SEVC_OS_XSS:
        break;
    }
    return 0;
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    if (report->result == SEVC_EXCEPTION || report->result == SEVC_OK_TRAP)
        trap_deliver(trap, &report->fault);
    else
        vc_panic(trap, report);
}
/* doc: end */
