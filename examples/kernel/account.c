/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own books: #VC exceptions by exit code and VMGEXITs by event, to be compared with
 * the hypervisor's. A kernel that only wants to run needs nothing of this file.
 */
#include "io.h"
#include "kernel.h"

unsigned early_cpuids, early_sev_infos;

struct row {
    uint64_t code;
    uint64_t vc, vmgexits;
};

/*
 * The page protocol: exit codes of #VC, and of VMGEXIT the events, which are the same or others. Each
 * CPU has its own. An NMI may come in the middle of anything here, and count too.
 */
#define ROWS 32
static struct row rows[MAX_CPUS][ROWS];

static struct row *row_in(struct row *table, uint64_t code)
{
    for (unsigned i = 0; i + 1 < ROWS; i++) {
        uint64_t none = 0;
        if (__atomic_load_n(&table[i].code, __ATOMIC_RELAXED) == code ||
            __atomic_compare_exchange_n(&table[i].code, &none, code, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED) ||
            none == code)
            return &table[i];
    }
    return &table[ROWS - 1];
}

static struct row *row_of(uint64_t code)
{
    return row_in(rows[this_cpu()], code);
}

static void add(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* doc: account */
/* Called by sevc's entry code after every #VC that the runtime handler has seen. */
void sevc_os_account(const struct sevc_report *report)
{
    add(&row_of(report->exit_code)->vc, 1);
    if (report->vmgexits != 0)
        add(&row_of(report->nae_code)->vmgexits, report->vmgexits);
}
/* doc: end */

void account_event(const struct sevc_report *report)
{
    account_vmgexits(report->nae_code, report->vmgexits);
}

void account_vmgexits(uint64_t code, uint64_t count)
{
    add(&row_of(code)->vmgexits, count);
}

uint64_t account_vc(uint64_t exit_code)
{
    return row_of(exit_code)->vc;
}

uint64_t account_exits(uint64_t code)
{
    return row_of(code)->vmgexits;
}

unsigned firmware_holds;

/*
 * What happened before there was a GHCB. The early handler leaves no record, but it asks for one
 * register a VMGEXIT. sevc_cpu_init() finds the SEV information in the GHCB MSR: it has been there
 * since the reset, or multiboot2.S has asked for it.
 */
#define VMGEXITS_PER_EARLY_CPUID 4

struct early {
    unsigned cpuid, cpuid_vmgexits, sev_info;
};

static struct early early_exits(void)
{
    return (struct early){
        .cpuid = early_cpuids,
        .cpuid_vmgexits = early_cpuids * VMGEXITS_PER_EARLY_CPUID,
        .sev_info = early_sev_infos,
    };
}

/* One line for each CPU, if there are several, and their sum in TOTAL. */
static size_t sum_cpus(char *to, size_t bytes, struct row *total)
{
    size_t n = 0;

    for (unsigned c = 0; c < bootinfo_cpus() && c < MAX_CPUS; c++) {
        uint64_t vc = 0, vmgexits = 0;
        for (unsigned i = 0; i < ROWS && rows[c][i].code != 0; i++) {
            struct row *sum = row_in(total, rows[c][i].code);
            sum->vc += rows[c][i].vc;
            sum->vmgexits += rows[c][i].vmgexits;
            vc += rows[c][i].vc;
            vmgexits += rows[c][i].vmgexits;
        }
        if (bootinfo_cpus() > 1)
            n += ksnprintf(to + n, bytes - n, "cpu %u: %lu #VC, %lu VMGEXITs, %lu NMIs\n", c, vc,
                           vmgexits, nmi_count[c]);
    }
    return n;
}

/* The final report, once all numbers in it are known. Returns its length. */
static size_t format_report(char *to, size_t bytes)
{
    static struct row total[ROWS];
    struct early early = early_exits();
    uint64_t vc = 0;
    uint64_t vmgexits = early.cpuid_vmgexits + early.sev_info + firmware_holds;
    size_t n = sum_cpus(to, bytes, total);

    if (early.sev_info != 0)
        n += ksnprintf(to + n, bytes - n, "sevc-count msr=0x002 vmgexit=%u\n", early.sev_info);
    n += ksnprintf(to + n, bytes - n, "sevc-count msr=0x004 vmgexit=%u\n", early.cpuid_vmgexits);
    if (firmware_holds != 0)
        n += ksnprintf(to + n, bytes - n, "sevc-count msr=0x006 vmgexit=%u\n", firmware_holds);
    for (unsigned i = 0; i < ROWS && total[i].code != 0; i++) {
        n += ksnprintf(to + n, bytes - n, "sevc-count exit=0x%lx vc=%lu vmgexit=%lu\n",
                       total[i].code, total[i].vc, total[i].vmgexits);
        vc += total[i].vc;
        vmgexits += total[i].vmgexits;
    }
    n += ksnprintf(to + n, bytes - n, "sevc-total vc=%lu vmgexit=%lu\n", vc, vmgexits);
    return n;
}

/*
 * Printing the numbers takes VMGEXITs too, which must be among them. So the text is sent by calls of
 * event.h, whose number is known beforehand: one string output of a whole shared buffer's worth, and
 * one OUT that ends the run.
 */
void account_and_exit(unsigned status)
{
    static char text[SEVC_GHCB_SHARED_BUFFER_BYTES];
    static const struct sevc_string_io io = {
        .port = PORT_UART,
        .bytes = 1,
        .address_bytes = 8,
        .segment = SEVC_DS,
        .rep = true,
    };
    struct sevc_report report = { 0 };
    struct sevc_session session;
    size_t bytes;

    interrupts_off();
    add(&row_of(SEVC_EXIT_CPUID)->vc, early_exits().cpuid);
    add(&row_of(SEVC_EXIT_IOIO)->vmgexits, 2);
    bytes = format_report(text, sizeof(text));

    if (sevc_session_begin(&session, &cpu, &report) != SEVC_OK)
        sevc_terminate(SEVC_TERM_GENERAL);
    for (size_t i = 0; i < bytes; i++)
        session.page->shared_buffer[i] = (uint8_t)text[i];
    if (sevc_event_string_io(&session, &io, (unsigned)bytes) == SEVC_OK)
        sevc_event_out(&session, PORT_EXIT, 1, 8, status);
    sevc_terminate(SEVC_TERM_GENERAL); /* nobody listens at the exit port */
}

/* ---- what an NMI leaves behind ---- */

uint64_t ghcbs_interrupted, ghcbs_changed;

/* Of each CPU, what its GHCB held when the last NMI came; 0: it was not in use. */
static uint64_t ghcb_before[MAX_CPUS];

/* The page and the MSR in one number, which is not 0 (FNV-1a, on quadwords). */
static uint64_t ghcb_state(const struct sevc_cpu *c)
{
    const volatile uint64_t *page = c->ghcb.va;
    uint64_t hash = 0xCBF29CE484222325ull ^ rdmsr(SEVC_MSR_GHCB);

    for (unsigned i = 0; i < PAGE_BYTES / 8; i++)
        hash = (hash ^ page[i]) * 0x100000001B3ull;
    return hash | 1;
}

static void note_ghcb(void)
{
    unsigned me = this_cpu();

    ghcb_before[me] = cpu_of(me)->depth != 0 ? ghcb_state(cpu_of(me)) : 0;
}

void account_nmi_completed(void)
{
    unsigned me = this_cpu();

    if (ghcb_before[me] == 0)
        return;
    add(&ghcbs_interrupted, 1);
    if (ghcb_state(cpu_of(me)) != ghcb_before[me])
        add(&ghcbs_changed, 1);
}

/* ---- the end of a storm ---- */

#define QUIET_SPINS 20000000ul

static unsigned end_status;
static volatile bool ending;

extern const char account_wait_begin[], account_wait_end[];

/*
 * The numbers must not change while they are sent. Inside an NMI no other arrives until NMI_COMPLETE, or an
 * IRET: the report is sent from there, without either.
 */
void account_nmi(const struct sevc_trap *trap)
{
    note_ghcb();
    if (ending && this_cpu() == 0 && trap->rip >= (uint64_t)account_wait_begin &&
        trap->rip < (uint64_t)account_wait_end)
        account_and_exit(end_status);
}

void account_when_quiet(unsigned status)
{
    unsigned long spins = QUIET_SPINS;

    end_status = status;
    ending = true;
    __asm__ volatile(".globl account_wait_begin, account_wait_end\n"
                     "account_wait_begin:\n\t"
                     "pause\n\t"
                     "decq %0\n\t"
                     "jnz account_wait_begin\n"
                     "account_wait_end:"
                     : "+r"(spins)
                     :
                     : "memory", "cc");
    account_and_exit(status); /* nobody sends NMIs */
}
