/* SPDX-License-Identifier: MIT */
/*
 * What the monitor tells the launcher: log lines, violations, the histogram, the verdict.
 * The line formats are in docs/emulator.md, "Report channel".
 *
 * Except report_end(), nothing here ends the run: report_violation() notes, the VMRUN loop looks.
 */
#ifndef EMULATOR_REPORT_H
#define EMULATOR_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#define REPORT_PRINTF(text_at, args_at) __attribute__((format(printf, text_at, args_at)))

/* Where the guest was. exit_code is the SVM exit code that brought us here. */
struct vcpu_where {
    uint64_t rip;
    uint64_t exit_code;
    unsigned cpu;
};

enum report_level {
    REPORT_QUIET = 0,  /* violations and the verdict only */
    REPORT_EVENTS = 1, /* rare events: page flips by the thousand are not, set-up is */
    REPORT_EXITS = 2,  /* one line for each #VC and each VMGEXIT */
    REPORT_ALL = 3,    /* page flips, virtualised MSRs, re-injected events */
};

enum verdict {
    VERDICT_SUCCESS,
    VERDICT_FAILURE,
    VERDICT_VIOLATION,
    VERDICT_TERMINATED,
    VERDICT_TRIPLE_FAULT,
    VERDICT_ERROR,
};

bool report_enabled(enum report_level level);
void report_log(enum report_level level, const char *format, ...) REPORT_PRINTF(2, 3);

/*
 * The guest broke the protocol. rule is a short, stable identifier ("missing-valid"), the
 * text is for people. Returns: the caller stops serving this request.
 */
void report_violation(const struct vcpu_where *where, const char *rule, const char *format, ...)
    REPORT_PRINTF(3, 4);
uint64_t report_violations(void);

/* A line whatever the level: for what is told at the end of a run. */
void report_line(const char *format, ...) REPORT_PRINTF(1, 2);

/* Counts a world switch: the cost of the emulation. */
void report_exit(void);

/* Count (and, from REPORT_EXITS on, log) a #VC delivered, and a VMGEXIT by either protocol. */
void report_vc(const struct vcpu_where *where, uint32_t exit_code);
void report_vmgexit_page(const struct vcpu_where *where, uint64_t code, uint64_t info1,
                         uint64_t info2);
void report_vmgexit_msr(const struct vcpu_where *where, uint64_t msr);

/* The sums up to now (mark.h). */
void report_mark(void);

/* Prints the histogram and the verdict, whose text follows its name, and ends QEMU. */
_Noreturn void report_end(enum verdict verdict, const char *format, ...) REPORT_PRINTF(2, 3);

#endif
