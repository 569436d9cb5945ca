/* SPDX-License-Identifier: MIT */
/* The exits that sevc has served for this program and for the firmware under it, counted. */
#include "app.h"

#define ROWS 16

static struct row {
    uint64_t exit_code, vc, vmgexits;
} rows[ROWS];

static const struct {
    uint64_t exit_code;
    const char *name;
} names[] = {
    { SEVC_EXIT_CPUID, "CPUID" },           { SEVC_EXIT_IOIO, "IN, OUT, INS, OUTS" },
    { SEVC_EXIT_MSR, "RDMSR, WRMSR" },      { SEVC_EXIT_NPF, "MMIO" },
    { SEVC_EXIT_RDTSC, "RDTSC" },           { SEVC_EXIT_WBINVD, "WBINVD" },
    { SEVC_EXIT_READ_DR7, "MOV from DR7" }, { SEVC_EXIT_WRITE_DR7, "MOV to DR7" },
    { SEVC_EXIT_VMMCALL, "VMMCALL" },
};

/* The last row takes what finds no place. */
static struct row *row_of(uint64_t exit_code)
{
    for (unsigned i = 0; i + 1 < ROWS; i++) {
        if (rows[i].vc == 0)
            rows[i].exit_code = exit_code;
        if (rows[i].exit_code == exit_code)
            return &rows[i];
    }
    return &rows[ROWS - 1];
}

/* doc: account */
void sevc_os_account(const struct sevc_report *report)
{
    struct row *row = row_of(report->exit_code);

    row->vc++;
    row->vmgexits += report->vmgexits;
}
/* doc: end */

uint64_t account_count(uint64_t exit_code)
{
    return row_of(exit_code)->vc;
}

uint64_t account_total(void)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < ROWS; i++)
        total += rows[i].vc;
    return total;
}

static const char *name_of(uint64_t exit_code)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].exit_code == exit_code)
            return names[i].name;
    }
    return "?";
}

/* A copy: printing the table raises more of them. */
void account_print(void)
{
    struct row copy[ROWS];

    for (unsigned i = 0; i < ROWS; i++)
        copy[i] = rows[i];
    put_line("exit   #VC    VMGEXITs  instructions");
    for (unsigned i = 0; i < ROWS; i++) {
        if (copy[i].vc != 0)
            put_line("0x%lx   %lu   %lu   %s", copy[i].exit_code, copy[i].vc, copy[i].vmgexits,
                     name_of(copy[i].exit_code));
    }
}
