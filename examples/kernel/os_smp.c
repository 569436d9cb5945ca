/* SPDX-License-Identifier: MIT */
/* The port of sevc, continued: NMIs, and the other processors. docs/porting.md explains it. */
#include "io.h"
#include "kernel.h"

#define ICR_FIXED 0x4000
#define ICR_INIT  0x4500 /* level asserted */
#define ICR_SIPI  0x4600 /* its vector means nothing to an SEV-ES guest */
#define MSR_EFER  0xC0000080
#define SPINS     5000000ul /* a second or so */
#define WAKE_UPS  20

struct ap aps[MAX_CPUS - 1];
uint64_t nmi_count[MAX_CPUS];

static struct sevc_nmi_stack nmi_stack; /* the boot processor's */

/* ---- which CPU is this? ---- */

_Static_assert(SEVC_NMI_STACK_BYTES == SEVC_VC_STACK_BYTES, "one mask for all stacks");

/* Each stack of an AP begins with the address of its struct sevc_cpu; all others are CPU 0's. */
unsigned this_cpu(void)
{
    uint64_t head = (uint64_t)__builtin_frame_address(0) & ~(SEVC_VC_STACK_BYTES - 1ull);
    uint64_t offset = *(const uint64_t *)head - (uint64_t)aps;

    return offset < sizeof(aps) ? (unsigned)(offset / sizeof(aps[0])) + 1 : 0;
}

struct sevc_cpu *cpu_of(unsigned n)
{
    return n == 0 ? &cpu : &aps[n - 1].cpu;
}

struct sevc_vc_stack *vc_stack_of(unsigned n)
{
    return n == 0 ? &vc_stack : &aps[n - 1].vc_stack;
}

/* ---- NMIs ---- */

/* doc: nmi */
void nmi_init(void)
{
    if (sevc_nmi_init(&nmi_stack, &cpu, &vc_stack, &tss.ist[NMI_IST]) != SEVC_OK)
        panic("the NMI stack");
    sevc_idt_make_gate(&idt[SEVC_NMI_VECTOR], sevc_nmi_entry, KERNEL_CS, NMI_IST);
}

/* The kernel's NMI handler. CPUID stands for all that it may do: #VC inside an NMI. */
void sevc_os_nmi(struct sevc_trap *trap)
{
    __atomic_fetch_add(&nmi_count[this_cpu()], 1, __ATOMIC_RELAXED);
    account_nmi(trap);
    (void)cpuid(0, 0);
}

/* The window is open again, before the IRET; or the host refuses, and there will be no more NMIs. */
void sevc_os_nmi_completed(struct sevc_trap *trap, const struct sevc_report *report)
{
    account_event(report);
    account_nmi_completed();
    if (report->result != SEVC_OK)
        vc_panic(trap, report);
}
/* doc: end */

/* ---- starting a processor ---- */

/* Interrupts are on only here: a command comes with one. */
static void wait_for_command(const struct ap *ap)
{
    while (ap->command == NULL) {
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
    }
}

void ap_command(unsigned n, void (*command)(void))
{
    aps[n - 1].command = command;
    apic_send(aps[n - 1].id, ICR_FIXED | VECTOR_COMMAND);
}

/* doc: ap-main */
/* What an AP executes first in 64-bit mode. No #VC before its IDT is loaded. */
static void ap_main(struct ap *ap)
{
    struct sevc_cpu_config config = {
        .ghcb = ap->ghcb,
        .backup = ap->backup,
        .stack = &ap->vc_stack,
        .tss_ist = &ap->tss.ist[VC_IST],
        .like = &cpu,
    };

    segments_load(ap->gdt, &ap->tss);
    interrupts_load();
    if (sevc_cpu_init(&ap->cpu, &config) != SEVC_OK)
        sevc_terminate(SEVC_TERM_GENERAL);
    apic_enable();
    for (;;) {
        ap->state = AP_ONLINE;
        wait_for_command(ap);
        ap->state = AP_BUSY;
        ap->command();
        ap->command = NULL;
    }
}
/* doc: end */

/* doc: ap-start */
/* All that the AP needs, before it runs. The pages of its GHCB are split already: vc_init(). */
static void ap_prepare(struct ap *ap, unsigned id)
{
    void *ghcb = page_alloc();

    ap->id = id;
    ap->stack.cpu = &ap->cpu;
    ap->ghcb = (struct sevc_shared_page){ .va = ghcb, .gpa = gpa_of(ghcb) };
    ap->backup = page_alloc();
    if (sevc_page_share(&paging, (uint64_t)ghcb, PAGE_BYTES, NULL) != SEVC_OK)
        panic("the GHCB of another processor");
    sevc_vc_stack_early(&ap->vc_stack, &ap->tss.ist[VC_IST]); /* #VC before sevc_cpu_init() */
    if (sevc_nmi_init(&ap->nmi_stack, &ap->cpu, &ap->vc_stack, &ap->tss.ist[NMI_IST]) != SEVC_OK)
        panic("the NMI stack of another processor");
}

bool ap_start(unsigned n, volatile struct sevc_ap_jump_table *table)
{
    struct ap *ap = &aps[n - 1];
    struct sevc_ap_start start = {
        .cr3 = paging.cr3, /* maps the trampoline at virtual = physical too */
        .cr0 = read_cr0(),
        .cr4 = read_cr4(),
        .efer = rdmsr(MSR_EFER),
        .stack = (uint64_t)(&ap->stack + 1),
        .entry = (uint64_t)ap_main,
        .argument = (uint64_t)ap,
        .c_bit = paging.c_bit,
    };

    ap_prepare(ap, n);
    page_map(AP_TRAMPOLINE, AP_TRAMPOLINE, PTE_WRITABLE, true);
    if (sevc_ap_trampoline_place((void *)(LINEAR_MAP + AP_TRAMPOLINE), AP_TRAMPOLINE, &start) !=
            SEVC_OK ||
        sevc_ap_jump_table_write(table, AP_TRAMPOLINE) != SEVC_OK)
        return false;
    return ap_wake(n);
}

/* An INIT that comes before the processor is in reset hold is lost: again. */
bool ap_wake(unsigned n)
{
    const struct ap *ap = &aps[n - 1];

    for (unsigned tries = 0; tries < WAKE_UPS; tries++) {
        apic_send(ap->id, ICR_INIT);
        apic_send(ap->id, ICR_SIPI);
        for (unsigned long i = 0; i < SPINS; i++) {
            if (ap->state == AP_ONLINE)
                return true;
            __builtin_ia32_pause();
        }
    }
    return false;
}
/* doc: end */

/* ---- offline, and back ---- */

/* doc: ap-hold */
/* This processor sleeps until it gets INIT and SIPI, and then goes on here. Interrupts are off. */
void ap_hold(void)
{
    struct ap *ap = &aps[this_cpu() - 1];
    struct sevc_report report;

    ap->state = AP_HELD;
    if (sevc_ap_reset_hold(&ap->cpu, &report) != SEVC_OK)
        panic("AP reset hold");
    account_event(&report);
    apic_enable(); /* INIT has reset it */
}
/* doc: end */

void ap_park(void)
{
    struct ap *ap = &aps[this_cpu() - 1];
    struct sevc_report report;

    account_vmgexits(SEVC_NAE_AP_RESET_HOLD, 1); /* from which nobody comes back to count it */
    ap->state = AP_HELD;
    (void)sevc_ap_reset_hold(&ap->cpu, &report);
    panic("a parked processor was woken");
}
