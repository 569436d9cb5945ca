/* SPDX-License-Identifier: MIT */
/*
 * An SEV-ES guest at work: one section for each thing that a kernel does and that raises #VC.
 * "test=NAME,..." on the command line runs only the named ones.
 */
#include "io.h"
#include "kernel.h"

static unsigned failures;

static void expect(bool good, const char *what)
{
    if (good)
        return;
    failures++;
    kprintf("  FAILED: %s\n", what);
}

/* ---- The hypervisor ---- */

/* doc: hv-features */
/* Version 1 of the protocol does not know the question. Interrupts are off. */
static uint64_t hv_features(void)
{
    struct sevc_report report = { 0 };
    struct sevc_session session;
    uint64_t features = 0;
    enum sevc_result result = sevc_session_begin(&session, &cpu, &report);

    if (result == SEVC_OK) {
        result = sevc_event_hv_features(&session, &features);
        sevc_session_end(&session);
    }
    account_event(&report);
    if (result != SEVC_OK && result != SEVC_UNSUPPORTED)
        panic("the hypervisor's features");
    return features;
}
/* doc: end */

/* ---- CPUID ---- */

static void print_vendor(uint32_t b, uint32_t d, uint32_t c)
{
    const uint32_t words[] = { b, d, c };

    for (unsigned i = 0; i < 12; i++)
        kprintf("%c", (int)(words[i / 4] >> 8 * (i % 4) & 0xFF));
}

static void show_cpuid(void)
{
    static const uint32_t leaves[] = { 0x1, 0x7, 0xD, 0x80000001, 0x8000001F };
    struct cpuid r = cpuid(0, 0);

    kprintf("  vendor ");
    print_vendor(r.ebx, r.edx, r.ecx);
    kprintf(", leaves up to 0x%x", r.eax);
    expect(r.eax >= 0xD, "CPUID knows leaf 0xD");
    kprintf(" and 0x%x\n", cpuid(0x80000000, 0).eax);
    for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        r = cpuid(leaves[i], 0);
        kprintf("  leaf %08x: %08x %08x %08x %08x\n", leaves[i], r.eax, r.ebx, r.ecx, r.edx);
    }
    r = cpuid(SEVC_CPUID_MEMORY_ENCRYPTION, 0);
    expect((r.eax & SEVC_CPUID_EAX_SEV_ES) != 0, "CPUID admits SEV-ES");
    expect((r.ebx & SEVC_CPUID_EBX_C_BIT_MASK) == paging.c_bit, "the C-bit has not moved");
    r = cpuid(0xD, 0);
    expect(r.ebx >= 576, "leaf 0xD: the XSAVE area holds at least legacy state and header");
}

/* ---- MSRs ---- */

#define MSR_APIC_BASE 0x1B
#define MSR_TSC_AUX   0xC0000103
#define MSR_NO_SUCH   0xC0FFEE00
#define TSC_AUX       0x5EC

static void show_msr(void)
{
    uint64_t value = rdmsr(MSR_APIC_BASE);

    kprintf("  APIC_BASE   = 0x%lx\n", value);
    expect((value & 0x800) != 0, "the local APIC is enabled");
    wrmsr(MSR_TSC_AUX, TSC_AUX);
    value = rdmsr(MSR_TSC_AUX);
    kprintf("  TSC_AUX     = 0x%lx, as written\n", value);
    expect(value == TSC_AUX, "an MSR keeps what was written");
    kprintf("  SEV_STATUS  = 0x%lx, and that is no #VC\n", rdmsr(SEVC_MSR_SEV_STATUS));
}

/* The host answers "#GP", sevc_os_raise() delivers it, the kernel's own handler skips the RDMSR. */
static void show_gp(void)
{
    uint64_t value = 0;
    bool there = rdmsr_safe(MSR_NO_SUCH, &value);

    kprintf("  MSR 0x%x %s\n", MSR_NO_SUCH,
            there ? "exists?!" : "raised #GP, which the kernel's own handler took");
    expect(!there, "an MSR that does not exist raises #GP");
    expect(rdmsr_safe(MSR_APIC_BASE, &value), "one that exists does not");
}

/* ---- Ports ---- */

#define UART_SCRATCH (PORT_UART + 7)

static void show_uart(void)
{
    out8(UART_SCRATCH, 0x5A);
    expect(in8(UART_SCRATCH) == 0x5A, "the UART's scratch register keeps 5A");
    out8(UART_SCRATCH, 0xA5);
    expect(in8(UART_SCRATCH) == 0xA5, "the UART's scratch register keeps A5");
    kprintf("  COM1 answers; all of this text goes through it, IN and OUT for each letter\n");
}

static void show_pci(void)
{
    expect(pci_list() >= 2, "there is a host bridge and something behind it");
}

/* ---- String I/O ---- */

#define PICTURE_ROWS  32
#define PICTURE_WIDTH 68 /* with two blanks in front and the end of the line */

/* Pascal's triangle modulo 2. A byte that is lost where two chunks meet would shift the rest. */
static void draw(char *picture)
{
    for (unsigned row = 0; row < PICTURE_ROWS; row++) {
        char *line = picture + (size_t)row * PICTURE_WIDTH;
        unsigned indent = PICTURE_ROWS - row;

        memset(line, ' ', PICTURE_WIDTH);
        for (unsigned i = 0; i <= row; i++) {
            if ((i & (row - i)) == 0)
                line[2 + indent + 2 * i] = '*';
        }
        line[PICTURE_WIDTH - 1] = '\n';
    }
}

static void show_string(void)
{
    static char picture[PICTURE_ROWS * PICTURE_WIDTH];
    char signature[5] = "";
    uint64_t before = account_exits(SEVC_EXIT_IOIO);

    draw(picture);
    rep_outs8(PORT_DEBUG, picture, sizeof(picture));
    expect(account_exits(SEVC_EXIT_IOIO) - before == 2, "2176 bytes take two exits");
    kprintf("  %lu bytes by one REP OUTSB to the debug console: 2 exits\n", sizeof(picture));

    out16(PORT_FW_CFG, 0);
    rep_ins8(PORT_FW_CFG + 1, signature, 4);
    kprintf("  4 bytes by REP INSB from fw_cfg: \"%s\"\n", signature);
    expect(memcmp(signature, "QEMU", 4) == 0, "fw_cfg's signature");
}

/* ---- Memory-mapped devices ---- */

#define APIC_ID      0x020
#define APIC_VERSION 0x030
#define APIC_TPR     0x080

static void show_mmio(void)
{
    volatile uint32_t *apic = (volatile uint32_t *)(MMIO_MAP + 0xFEE00000);
    uint32_t version = apic_read(APIC_VERSION);
    uint64_t widened, capabilities;
    uint32_t first, second;

    kprintf("  local APIC: id %u, version 0x%x, %u LVT entries\n", apic_read(APIC_ID) >> 24,
            version & 0xFF, (version >> 16 & 0xFF) + 1);

    /* The same with other forms of MOV: an immediate, a cleared and a sign-extended upper half. */
    __asm__ volatile("movl $0x20, %0" : "=m"(apic[APIC_TPR / 4]));
    expect(apic_read(APIC_TPR) == 0x20, "the task priority register keeps 20");
    apic_write(APIC_TPR, 0);
    __asm__ volatile("movq $-1, %0\n\t"
                     "movl %1, %k0"
                     : "=&r"(widened)
                     : "m"(apic[APIC_VERSION / 4]));
    expect(widened == version, "a 32-bit MOV clears the upper half of its register");
    __asm__ volatile("movslq %1, %0" : "=r"(widened) : "m"(apic[APIC_VERSION / 4]));
    expect(widened == version, "MOVSXD copies the sign, which is 0 here");

    capabilities = hpet_capabilities();
    kprintf("  HPET: vendor 0x%x, period %lu fs", (unsigned)(capabilities >> 16 & 0xFFFF),
            capabilities >> 32);
    hpet_start();
    first = hpet_counter();
    second = hpet_counter();
    kprintf(", %u ticks between two reads\n", second - first);
    expect(first != second, "the HPET counts");
}

/* ---- Time ---- */

static void show_tsc(void)
{
    uint64_t first = rdtsc();
    uint32_t aux = 0;
    uint64_t second = rdtscp(&aux);

    kprintf("  RDTSC, then RDTSCP: %lu cycles apart, TSC_AUX 0x%x\n", second - first, aux);
    expect(second > first, "the TSC counts");
    expect(aux == rdmsr(MSR_TSC_AUX), "RDTSCP returns TSC_AUX");
}

#define TICKS 20

static void show_timer(void)
{
    unsigned long cpuids = 0;

    apic_timer_start(5000);
    interrupts_on();
    while (apic_ticks() < TICKS) {
        (void)cpuid(0, 0);
        cpuids++;
    }
    interrupts_off();
    apic_timer_stop();
    kprintf("  %u timer interrupts of 5 ms, between %lu CPUIDs\n", apic_ticks(), cpuids);
    expect(cpuids > TICKS, "there was time for CPUID between the interrupts");
}

/* ---- User mode ---- */

static void show_user(void)
{
    struct sevc_trap state;
    struct cpuid r = cpuid(0, 0);

    user_run(user_cpuid_code, user_cpuid_end, &state);
    kprintf("  CPUID at CPL %u: ", sevc_trap_cpl(&state));
    print_vendor((uint32_t)state.gpr[SEVC_R8], (uint32_t)state.gpr[SEVC_R9],
                 (uint32_t)state.gpr[SEVC_R10]);
    kprintf("; RDTSC advanced by %lu\n", state.gpr[SEVC_R13] - state.gpr[SEVC_R12]);
    expect(state.cs == USER_CS, "that was user mode");
    expect(state.gpr[SEVC_R8] == r.ebx && state.gpr[SEVC_R9] == r.edx &&
               state.gpr[SEVC_R10] == r.ecx && state.gpr[SEVC_R11] == r.eax,
           "CPUID says the same to user and kernel");
    expect(state.gpr[SEVC_R13] > state.gpr[SEVC_R12], "the TSC counts for user mode");
}

/* ---- What sevc does not handle: ends in vc_panic() ---- */

/* LOCK promises that nobody comes between read and write: two exits to a host cannot keep that. */
static void show_unsupported(void)
{
    volatile uint32_t *task_priority = (volatile uint32_t *)(MMIO_MAP + 0xFEE00000 + APIC_TPR);

    __asm__ volatile("lock orl $0x10, %0" : "+m"(*task_priority));
}

/* ---- */

static const struct section {
    const char *name;
    const char *title;
    void (*show)(void);
    bool only_if_named;
} sections[] = {
    { "cpuid", "CPUID", show_cpuid, false },
    { "msr", "Model-specific registers", show_msr, false },
    { "gp", "An exception that the hypervisor asks for", show_gp, false },
    { "uart", "Ports: the UART", show_uart, false },
    { "pci", "Ports: PCI configuration space", show_pci, false },
    { "string", "String I/O", show_string, false },
    { "mmio", "Memory-mapped devices", show_mmio, false },
    { "tsc", "Time-stamp counter", show_tsc, false },
    { "timer", "Interrupts while #VC exceptions are handled", show_timer, false },
    { "user", "User mode", show_user, false },
    { "smp", "Several processors, and NMIs", show_smp, true },
    { "storm", "A storm of NMIs and interrupts", show_storm, true },
    { "unsupported", "An instruction that sevc does not handle", show_unsupported, true },
};

/* doc: kernel-main */
void kernel_main(const struct start_info *info)
{
    bootinfo_read(info);
    paging_init(info, vc_early());
    segments_init();
    interrupts_init();
    vc_init(); /* from here on, everything works that a #VC stands in the way of */
    /* doc: end */

    console_init();
    apic_init();
    kprintf("sevc example kernel: %lu MiB of RAM, C-bit %u, GHCB protocol %u, features 0x%lx\n",
            bootinfo_ram_bytes() >> 20, paging.c_bit, cpu.platform.version, hv_features());
    if (cmdline()[0] != 0)
        kprintf("command line: %s\n", cmdline());

    for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        const struct section *s = &sections[i];
        bool wanted = cmdline_has_key("test") ? cmdline_has("test", s->name)
                      : s->show == show_smp   ? bootinfo_cpus() > 1
                                              : !s->only_if_named;
        if (!wanted)
            continue;
        kprintf("\n%s\n", s->title);
        s->show();
    }
    smp_park();
    failures += smp_failures();
    kprintf("\n%s\n", failures == 0 ? "All is well." : "Something FAILED.");
    if (cmdline_has("test", "storm"))
        account_when_quiet(failures != 0);
    account_and_exit(failures != 0);
}
