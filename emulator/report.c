/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdarg.h>
#include <stddef.h>

#include "config.h"
#include "cpu.h"
#include "format.h"
#include "hostile.h"
#include "vcpu.h"
#include "view.h"

#define REPORT_PORT 0x505 /* QEMU's isa-debugcon */
#define EXIT_PORT   0xF4  /* QEMU's isa-debug-exit: status (value << 1) | 1 */
#define LINE_BYTES  256

/* How a code is told apart in the histogram: NAE events and GHCBInfo numbers overlap. */
enum counter_kind { COUNT_EXIT, COUNT_MSR };

struct counter {
    enum counter_kind kind;
    uint64_t code;
    uint64_t vc, vmgexit;
};

static struct counter counters[128];
static size_t counter_count;
static uint64_t violations, exits;

static struct {
    uint64_t vc, vmgexit;
} per_cpu[VCPU_MAX];

/* The name in the verdict line, and what QEMU's exit status is made of. */
static const struct {
    const char *name;
    uint8_t exit_value;
} verdicts[] = {
    [VERDICT_SUCCESS] = { "success", 0x10 },
    [VERDICT_FAILURE] = { "failure", 0x11 },
    [VERDICT_VIOLATION] = { "violation", 0x12 },
    [VERDICT_TERMINATED] = { "terminated", 0x13 },
    [VERDICT_TRIPLE_FAULT] = { "triple-fault", 0x14 },
    [VERDICT_ERROR] = { "error", 0x15 },
};

static void send(const char *text)
{
    while (*text != 0)
        cpu_out8(REPORT_PORT, (uint8_t)*text++);
}

static void send_line_va(const char *format, va_list args)
{
    char line[LINE_BYTES + 64];

    format_text_va(line, sizeof(line), format, args);
    send(line);
    send("\n");
}

static void send_line(const char *format, ...) REPORT_PRINTF(1, 2);
static void send_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send_line_va(format, args);
    va_end(args);
}

void report_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    send_line_va(format, args);
    va_end(args);
}

bool report_enabled(enum report_level level)
{
    return config.log >= (unsigned)level;
}

void report_log(enum report_level level, const char *format, ...)
{
    va_list args;

    if (!report_enabled(level))
        return;
    va_start(args, format);
    send_line_va(format, args);
    va_end(args);
}

void report_violation(const struct vcpu_where *where, const char *rule, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;

    violations++;
    va_start(args, format);
    format_text_va(text, sizeof(text), format, args);
    va_end(args);
    send_line("violation cpu=%u rip=0x%llx exit=0x%llx rule=%s %s", where->cpu,
              (unsigned long long)where->rip, (unsigned long long)where->exit_code, rule, text);
}

void report_exit(void)
{
    exits++;
}

uint64_t report_violations(void)
{
    return violations;
}

static struct counter *counter_of(enum counter_kind kind, uint64_t code)
{
    for (size_t i = 0; i < counter_count; i++) {
        if (counters[i].code == code && counters[i].kind == kind)
            return &counters[i];
    }
    /* A guest that tries every code there is shares the last counter for the rest. */
    if (counter_count < sizeof(counters) / sizeof(counters[0]))
        counter_count++;
    counters[counter_count - 1].kind = kind;
    counters[counter_count - 1].code = code;
    return &counters[counter_count - 1];
}

void report_vc(const struct vcpu_where *where, uint32_t exit_code)
{
    counter_of(COUNT_EXIT, exit_code)->vc++;
    per_cpu[where->cpu].vc++;
    report_log(REPORT_EXITS, "vc cpu=%u exit=0x%x rip=0x%llx", where->cpu, exit_code,
               (unsigned long long)where->rip);
}

void report_vmgexit_page(const struct vcpu_where *where, uint64_t code, uint64_t info1,
                         uint64_t info2)
{
    counter_of(COUNT_EXIT, code)->vmgexit++;
    per_cpu[where->cpu].vmgexit++;
    report_log(REPORT_EXITS, "vmgexit cpu=%u code=0x%llx info1=0x%llx info2=0x%llx rip=0x%llx",
               where->cpu, (unsigned long long)code, (unsigned long long)info1,
               (unsigned long long)info2, (unsigned long long)where->rip);
}

void report_vmgexit_msr(const struct vcpu_where *where, uint64_t msr)
{
    counter_of(COUNT_MSR, msr & 0xFFF)->vmgexit++;
    per_cpu[where->cpu].vmgexit++;
    report_log(REPORT_EXITS, "vmgexit cpu=%u msr=0x%llx rip=0x%llx", where->cpu,
               (unsigned long long)msr, (unsigned long long)where->rip);
}

static void send_sums(const char *word)
{
    uint64_t vc = 0, vmgexit = 0;

    for (size_t i = 0; i < counter_count; i++) {
        vc += counters[i].vc;
        vmgexit += counters[i].vmgexit;
    }
    send_line("%s vc=%llu vmgexit=%llu violations=%llu exits=%llu flips=%llu", word,
              (unsigned long long)vc, (unsigned long long)vmgexit, (unsigned long long)violations,
              (unsigned long long)exits, (unsigned long long)view_flips());
}

void report_mark(void)
{
    send_sums("mark");
}

static void send_histogram(void)
{
    for (size_t i = 0; i < counter_count; i++) {
        const struct counter *c = &counters[i];
        if (c->kind == COUNT_MSR)
            send_line("count msr=0x%03llx vmgexit=%llu", (unsigned long long)c->code,
                      (unsigned long long)c->vmgexit);
        else
            send_line("count exit=0x%llx vc=%llu vmgexit=%llu", (unsigned long long)c->code,
                      (unsigned long long)c->vc, (unsigned long long)c->vmgexit);
    }
    send_sums("total");
}

static void send_processors(void)
{
    if (smp_count == 1)
        return;
    for (unsigned i = 0; i < smp_count; i++) {
        const struct vcpu *v = vcpu_at(i);
        send_line("processor cpu=%u vc=%llu vmgexit=%llu exits=%llu kicks=%llu state=%s", i,
                  (unsigned long long)per_cpu[i].vc, (unsigned long long)per_cpu[i].vmgexit,
                  (unsigned long long)v->smp.exits, (unsigned long long)v->smp.kicks,
                  v->hold.held ? "held"
                  : v->asleep  ? "halted"
                               : "running");
    }
}

_Noreturn void report_end(enum verdict verdict, const char *format, ...)
{
    char text[LINE_BYTES], forgotten[NMI_FORGOTTEN_BYTES];
    va_list args;

    /* What a guest did wrong outweighs what it says of itself at the end. */
    if (violations != 0 && (verdict == VERDICT_SUCCESS || verdict == VERDICT_FAILURE))
        verdict = VERDICT_VIOLATION;
    smp_stop_for_good();
    send_histogram();
    send_processors();
    nmi_report();
    va_start(args, format);
    format_text_va(text, sizeof(text), format, args);
    va_end(args);
    const char *silent = hostile_summary(send_line);
    if (silent != NULL && verdict != VERDICT_ERROR) {
        verdict = VERDICT_ERROR;
        format_text(text, sizeof(text), "hostile mode %s found nothing to lie about", silent);
    }
    nmi_forgotten(forgotten);
    send_line("verdict %s%s%s%s%s", verdicts[verdict].name, *text == 0 ? "" : " ", text,
              *forgotten == 0 ? "" : " nmi-complete-missing=", forgotten);
    for (;;)
        cpu_out8(EXIT_PORT, verdicts[verdict].exit_value);
}
