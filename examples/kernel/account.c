/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own books: #VC exceptions by exit code and VMGEXITs by event, to be compared with
 * the hypervisor's. A kernel that only wants to run needs nothing of this file.
 */
#include "io.h"
#include "kernel.h"

unsigned early_cpuids;

struct row {
    uint64_t code;
    uint64_t vc, vmgexits;
};

/* The page protocol: exit codes of #VC, and of VMGEXIT the events, which are the same or others. */
static struct row rows[32];
static unsigned row_count;

static struct row *row_of(uint64_t code)
{
    unsigned i = 0;

    while (i < row_count && rows[i].code != code)
        i++;
    if (i == row_count && row_count < sizeof(rows) / sizeof(rows[0]))
        rows[row_count++].code = code;
    return &rows[i < row_count ? i : row_count - 1];
}

/* doc: account */
/* Called by sevc's entry code after every #VC that the runtime handler has seen. */
void sevc_os_account(const struct sevc_report *report)
{
    row_of(report->exit_code)->vc++;
    if (report->vmgexits != 0)
        row_of(report->nae_code)->vmgexits += report->vmgexits;
}
/* doc: end */

void account_event(const struct sevc_report *report)
{
    row_of(report->nae_code)->vmgexits += report->vmgexits;
}

uint64_t account_vc(uint64_t exit_code)
{
    return row_of(exit_code)->vc;
}

/*
 * What happened before there was a GHCB. The early handler leaves no record, but it asks for one
 * register a VMGEXIT, and sevc_cpu_init() for the SEV information, and (version 2) the features.
 */
#define VMGEXITS_PER_EARLY_CPUID 4

struct early {
    unsigned cpuid, cpuid_vmgexits, sev_info, features;
};

static struct early early_exits(void)
{
    return (struct early){
        .cpuid = early_cpuids,
        .cpuid_vmgexits = early_cpuids * VMGEXITS_PER_EARLY_CPUID,
        .sev_info = 1,
        .features = cpu.platform.version >= 2 ? 1 : 0,
    };
}

/* The final report, once all numbers in it are known. Returns its length. */
static size_t format_report(char *to, size_t bytes)
{
    struct early early = early_exits();
    uint64_t vc = 0;
    uint64_t vmgexits = early.cpuid_vmgexits + early.sev_info + early.features;
    size_t n = 0;

    n += ksnprintf(to + n, bytes - n, "sevc-count msr=0x002 vmgexit=%u\n", early.sev_info);
    n += ksnprintf(to + n, bytes - n, "sevc-count msr=0x004 vmgexit=%u\n", early.cpuid_vmgexits);
    if (early.features != 0)
        n += ksnprintf(to + n, bytes - n, "sevc-count msr=0x080 vmgexit=%u\n", early.features);
    for (unsigned i = 0; i < row_count; i++) {
        n += ksnprintf(to + n, bytes - n, "sevc-count exit=0x%lx vc=%lu vmgexit=%lu\n",
                       rows[i].code, rows[i].vc, rows[i].vmgexits);
        vc += rows[i].vc;
        vmgexits += rows[i].vmgexits;
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
    row_of(SEVC_EXIT_CPUID)->vc += early_exits().cpuid;
    row_of(SEVC_EXIT_IOIO)->vmgexits += 2;
    bytes = format_report(text, sizeof(text));

    if (sevc_session_begin(&session, &cpu, &report) != SEVC_OK)
        sevc_terminate(SEVC_TERM_GENERAL);
    for (size_t i = 0; i < bytes; i++)
        session.page->shared_buffer[i] = (uint8_t)text[i];
    if (sevc_event_string_io(&session, &io, (unsigned)bytes) == SEVC_OK)
        sevc_event_out(&session, PORT_EXIT, 1, 8, status);
    sevc_terminate(SEVC_TERM_GENERAL); /* nobody listens at the exit port */
}
