/* SPDX-License-Identifier: MIT */
/* All processors at work at once; one goes offline, and comes back; NMIs and interrupts at random. */
#include "io.h"
#include "kernel.h"

#define ICR_NMI      0x4400
#define MSR_TSC_AUX  0xC0000103
#define PIC_DATA     0x21
#define PORT_RTC     0x70
#define RTC_SECONDS  0x00
#define APIC_ID      0x020
#define WORK_ROUNDS  100
#define STORM_ROUNDS 20
#define STORM_WORK   20
#define WAIT_SPINS   400000000ul

static unsigned online = 1;
static unsigned failures;
static unsigned wrong[MAX_CPUS]; /* answers that were not right */
static uint64_t done[MAX_CPUS];  /* rounds of work */
static uint64_t interrupt_count[MAX_CPUS];
static volatile unsigned held_too_long; /* interrupts that came while a GHCB was in use */
static unsigned rounds;
static bool stormy;
static struct cpuid reference;

static void expect(bool good, const char *what)
{
    if (good)
        return;
    failures++;
    kprintf("  FAILED: %s\n", what);
}

unsigned smp_failures(void)
{
    return failures;
}

/* ---- work for every processor ---- */

/* CPUID, an MSR that each CPU has of its own, a port, device memory. */
static unsigned work_once(unsigned me, unsigned round)
{
    struct cpuid r = cpuid(0, 0);
    uint64_t aux = round << 8 | me;
    unsigned bad = r.eax != reference.eax || r.ebx != reference.ebx || r.ecx != reference.ecx ||
                   r.edx != reference.edx;

    wrmsr(MSR_TSC_AUX, aux);
    bad += rdmsr(MSR_TSC_AUX) != aux;
    bad += in8(PIC_DATA) != 0xFF; /* all masked: apic_init() */
    bad += apic_read(APIC_ID) >> 24 != me;
    return bad;
}

static void work(void)
{
    unsigned me = this_cpu();

    if (stormy)
        interrupts_on();
    for (unsigned i = 0; i < rounds; i++)
        wrong[me] += work_once(me, i);
    interrupts_off();
    done[me] += rounds;
}

static bool ap_idle(const struct ap *ap)
{
    for (unsigned long i = 0; i < WAIT_SPINS; i++) {
        if (ap->command == NULL && ap->state == AP_ONLINE)
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

static void command_all(void (*command)(void))
{
    for (unsigned n = 1; n < online; n++)
        ap_command(n, command);
}

static void wait_for_all(void)
{
    for (unsigned n = 1; n < online; n++)
        expect(ap_idle(&aps[n - 1]), "a processor does not come to an end");
}

/* ---- starting ---- */

/* doc: jump-table */
/*
 * Where it is, only the host says; and what we write there, we write into private memory. So it has
 * to be a page that the firmware keeps for itself: any other may be one of ours.
 */
static volatile struct sevc_ap_jump_table *find_jump_table(void)
{
    struct sevc_report report;
    uint64_t gpa = 0;

    expect(sevc_ap_find_jump_table(&cpu, &gpa, &report) == SEVC_OK && gpa != 0,
           "there is an AP jump table");
    account_event(&report);
    if (gpa == 0)
        return NULL;
    kprintf("  AP jump table at 0x%lx\n", gpa);
    if (!bootinfo_is_firmwares(gpa))
        panic("the AP jump table that the host names is not in memory reserved by the firmware");
    return (volatile struct sevc_ap_jump_table *)(LINEAR_MAP + gpa);
}
/* doc: end */

static void start_all(void)
{
    volatile struct sevc_ap_jump_table *table;

    firmware_holds = bootinfo_cpus() - 1;
    table = find_jump_table();
    if (table == NULL)
        return;
    for (; online < bootinfo_cpus() && online < MAX_CPUS; online++) {
        if (!ap_start(online, table))
            break;
    }
    expect(online == bootinfo_cpus(), "every processor could be started");
    kprintf("  %u processors online, started through the jump table\n", online);
}

static void work_everywhere(void)
{
    rounds = WORK_ROUNDS;
    command_all(work);
    work();
    wait_for_all();
    for (unsigned n = 0; n < online; n++) {
        kprintf("  cpu %u: %lu rounds of CPUID, MSR, port and device memory, %u wrong answers\n", n,
                done[n], wrong[n]);
        expect(done[n] == WORK_ROUNDS && wrong[n] == 0, "the work is right");
    }
}

static bool ap_gone(const struct ap *ap)
{
    for (unsigned long i = 0; i < WAIT_SPINS; i++) {
        if (ap->state == AP_HELD)
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

static void offline_and_back(unsigned n)
{
    const struct ap *ap = &aps[n - 1];

    ap_command(n, ap_hold);
    expect(ap_gone(ap), "it goes offline");
    expect(ap_wake(n), "it comes back");
    expect(ap_idle(ap), "and is idle again");
    ap_command(n, work);
    expect(ap_idle(ap) && wrong[n] == 0, "and works");
    kprintf("  cpu %u: offline in AP reset hold, and back at work\n", n);
}

/* ---- NMIs ---- */

#define NMIS 10

static bool nmi_arrives(unsigned n)
{
    uint64_t before = __atomic_load_n(&nmi_count[n], __ATOMIC_RELAXED);

    apic_send(n, ICR_NMI);
    for (unsigned long i = 0; i < WAIT_SPINS / 100; i++) {
        if (__atomic_load_n(&nmi_count[n], __ATOMIC_RELAXED) != before)
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

/* Each one can only arrive because the one before has been completed. */
static void nmis_for_all(void)
{
    for (unsigned n = 0; n < online; n++) {
        unsigned arrived = 0;
        while (arrived < NMIS && nmi_arrives(n))
            arrived++;
        expect(arrived == NMIS, "all NMIs arrive");
    }
    expect(cpu.depth == 0, "no GHCB is left in use"); /* the others may be in an NMI right now */
    kprintf("  %u NMIs to each, with #VC in the handler, all completed\n", NMIS);
}

static void storm_interrupt(struct sevc_trap *trap, unsigned vector)
{
    unsigned me = this_cpu();

    (void)trap;
    (void)vector;
    if (cpu_of(me)->depth != 0)
        held_too_long++;
    interrupt_count[me]++;
    apic_eoi();
}

static void command_interrupt(struct sevc_trap *trap, unsigned vector)
{
    (void)trap;
    (void)vector;
    apic_eoi(); /* it was only to end a HLT */
}

void show_smp(void)
{
    interrupt_set(VECTOR_COMMAND, command_interrupt);
    interrupt_set(VECTOR_STORM, storm_interrupt);
    reference = cpuid(0, 0);
    nmi_init();
    if (bootinfo_cpus() > 1)
        start_all();
    work_everywhere();
    if (online > 1)
        offline_and_back(online - 1);
    nmis_for_all();
}

/* ---- a storm ---- */

static uint64_t sum(const uint64_t *counts)
{
    uint64_t all = 0;

    for (unsigned n = 0; n < online; n++)
        all += counts[n];
    return all;
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Seconds since the first call, by the real-time clock; to be called once a minute at least. */
static uint64_t clock_seconds(void)
{
    static unsigned last = 60;
    static uint64_t passed;
    unsigned now;

    out8(PORT_RTC, RTC_SECONDS);
    now = in8(PORT_RTC + 1);
    now = (now >> 4) * 10 + (now & 0xF); /* BCD */
    if (last < 60)
        passed += (now + 60 - last) % 60;
    last = now;
    return passed;
}

/*
 * The host sends what it was told to (docs/emulator.md, nmi-storm, irq-storm); we add our own. It
 * lasts for "rounds=N", or "seconds=N".
 */
void show_storm(void)
{
    uint64_t seed = cmdline_number("seed", 1);
    bool timed = cmdline_has_key("seconds");
    uint64_t all = timed ? cmdline_number("seconds", 0) : cmdline_number("rounds", STORM_ROUNDS);
    uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;
    uint64_t now = 0, shown = 0;

    if (reference.eax == 0)
        show_smp();
    stormy = true;
    rounds = STORM_WORK;
    (void)clock_seconds();
    while (now < all) {
        command_all(work);
        apic_send((unsigned)(random_next(&state) % online), ICR_NMI);
        work();
        wait_for_all();
        now = timed ? clock_seconds() : now + 1;
        if (now - shown >= (all + 9) / 10 || now >= all) {
            kprintf("  seed %lu, %s %lu of %lu: %lu NMIs, %lu interrupts, %lu rounds of work\n",
                    seed, timed ? "second" : "round", now, all, sum(nmi_count),
                    sum(interrupt_count), sum(done));
            shown = now;
        }
    }
    stormy = false;
    for (unsigned n = 0; n < online; n++)
        expect(wrong[n] == 0, "the work is right in a storm too");
    expect(held_too_long == 0, "no interrupt while a GHCB is held");
    kprintf("  %lu NMIs found a GHCB in use, %lu left it changed\n", ghcbs_interrupted,
            ghcbs_changed);
    expect(ghcbs_changed == 0, "a GHCB holds after an NMI what it held before");
}

/* The other processors count no more from here on. */
void smp_park(void)
{
    command_all(ap_park);
    for (unsigned n = 1; n < online; n++)
        expect(ap_gone(&aps[n - 1]), "a processor can be parked");
    for (unsigned long i = 0; i < 1000000; i++) /* they are on their way */
        __builtin_ia32_pause();
}
