/* SPDX-License-Identifier: MIT */
#include "victim.h"

#define PORT_HOSTILE 0x506

#define FLAGS_ARITHMETIC 0x8D5u
#define FLAGS_CHECKED    (FLAGS_ARITHMETIC | SEVC_RFLAGS_DF | SEVC_RFLAGS_IF)

unsigned checks, failures, lies_told;
uint8_t *memory;
struct attempt attempt;

extern const char attempt_back[];

_Static_assert(offsetof(struct attempt, in) == ATTEMPT_IN, "try.h");
_Static_assert(offsetof(struct attempt, out) == ATTEMPT_OUT, "try.h");
_Static_assert(offsetof(struct attempt, flags_in) == ATTEMPT_FLAGS_IN, "try.h");
_Static_assert(offsetof(struct attempt, flags_out) == ATTEMPT_FLAGS_OUT, "try.h");
_Static_assert(offsetof(struct attempt, code) == ATTEMPT_CODE, "try.h");
_Static_assert(offsetof(struct attempt, rsp) == ATTEMPT_RSP, "try.h");

/* ---- The host's port ---- */

void host_arm(unsigned which, unsigned skip)
{
    out32(PORT_HOSTILE, 1 | (which | skip << 16) << 8);
}

struct lie host_disarm(void)
{
    uint32_t status;

    out32(PORT_HOSTILE, 0);
    status = in32(PORT_HOSTILE);
    lies_told += status & 0xFF;
    return (struct lie){ status & 0xFF, (enum expect)(status >> 8 & 0xFF), status >> 16 };
}

void host_name_page(const void *page)
{
    out32(PORT_HOSTILE, 2 | (uint32_t)(gpa_of(page) / PAGE_BYTES) << 8);
}

/* ---- Books ---- */

#define FAILURES_SHOWN 20

void check(bool good, const char *what, const char *name, unsigned variant)
{
    checks++;
    if (good)
        return;
    failures++;
    if (failures <= FAILURES_SHOWN)
        kprintf("FAILED: %s, lie %u: %s (outcome %u, %s, %s)\n", name, variant, what,
                (unsigned)attempt.outcome, sevc_result_name(attempt.report.result),
                sevc_reason_name(attempt.report.reason));
}

/* ---- One instruction ---- */

void memory_fill(void)
{
    uint64_t *word = (uint64_t *)memory;

    for (unsigned i = 0; i < MEMORY_BYTES / 8; i++)
        word[i] = SECRET(i % 16);
}

void attempt_start(void)
{
    for (unsigned i = 0; i < 16; i++)
        attempt.in[i] = attempt.out[i] = SECRET(i);
    attempt.flags_in = FLAGS_ARITHMETIC | 2;
    attempt.outcome = OUTCOME_DONE;
    attempt.report = (struct sevc_report){ 0 };
    attempt.frame_was_good = true;
    attempt.errors = 0;
}

/* A refused instruction has not begun: so says the frame that its handler gets. */
static bool frame_is_good(const struct sevc_trap *trap)
{
    bool good = trap->rip == attempt.code && trap->rsp == attempt.rsp && trap->cs == KERNEL_CS &&
                ((trap->rflags ^ attempt.flags_in) & FLAGS_CHECKED) == 0;

    for (unsigned i = 0; i < 16; i++)
        good = good && (i == SEVC_RSP || trap->gpr[i] == attempt.in[i]);
    return good;
}

static bool is_under_way(const struct sevc_trap *trap)
{
    return attempt.code != 0 && trap->rip == attempt.code;
}

/* In the place of the example kernel's: a #VC that could not be handled. */
void vc_panic(struct sevc_trap *trap, const struct sevc_report *report)
{
    attempt.errors++;
    if (attempt.go_on)
        return;
    attempt.report = *report;
    if (!is_under_way(trap)) {
        kprintf("#VC 0x%lx at 0x%lx: %s, %s\n", report->exit_code, report->rip,
                sevc_result_name(report->result), sevc_reason_name(report->reason));
        panic("outside of an attempt");
    }
    attempt.outcome = OUTCOME_ERROR;
    attempt.frame_was_good = frame_is_good(trap);
    trap->rip = (uint64_t)attempt_back;
}

static void exception(struct sevc_trap *trap, unsigned vector)
{
    /* Exits 0x41 and 0x51 are handed on as #DB and #AC: a kernel's own handlers know better. */
    if (attempt.go_on && (vector == 1 || vector == 17)) {
        attempt.errors++;
        return;
    }
    if (!is_under_way(trap)) {
        kprintf("exception %u, error code 0x%lx, at 0x%lx\n", vector, trap->error_code, trap->rip);
        panic("outside of an attempt");
    }
    attempt.outcome = OUTCOME_EXCEPTION;
    attempt.vector = vector;
    attempt.frame_was_good = frame_is_good(trap);
    trap->rip = (uint64_t)attempt_back;
}

void attempt_init(void)
{
    uint8_t *second;

    memory = page_alloc();
    second = page_alloc();
    if (second != memory + PAGE_BYTES)
        panic("page_alloc() no longer gives neighbours");
    for (unsigned vector = 0; vector < 32; vector++) {
        if (vector != 2 && vector != SEVC_VC_VECTOR)
            interrupt_set(vector, exception);
    }
}

/* ---- */

/* The host resumes a guest that wants to end: there must be no way on from here. */
static void test_terminate(void)
{
    host_arm(0, 0);
    sevc_terminate_with(3, 7);
}

/* Nor by way of an interrupt: the timer's handler needs a VMGEXIT, which would tell. */
static void test_interrupted(void)
{
    apic_init();
    apic_timer_start(1000);
    host_arm(0, 0);
    interrupts_on();
    sevc_terminate_with(3, 7);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "exits", test_exits },         { "protocol", test_protocol },
    { "pages", test_pages },         { "pinned", test_pinned },
    { "steps", test_steps },         { "user", test_user },
    { "terminate", test_terminate }, { "interrupted", test_interrupted },
};

/* The example kernel's policy forbids what nothing but a test needs. */
static void allow_everything(void)
{
    static struct sevc_policy policy;

    policy = *cpu.policy;
    policy.mmio = SEVC_MMIO_EXTENDED;
    policy.invd = SEVC_INVD_FORWARD;
    policy.monitor = SEVC_MONITOR_FORWARD;
    policy.hypercall = &sevc_hypercall_kvm;
    cpu.policy = &policy;
}

void kernel_main(const struct start_info *info)
{
    bootinfo_read(info);
    paging_init(info, vc_early());
    segments_init();
    interrupts_init();
    vc_init();
    console_init();
    attempt_init();
    allow_everything();
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (cmdline_has("test", tests[i].name))
            tests[i].run();
    }
    kprintf("%u checks, %u failures, %u lies\n", checks, failures, lies_told);
    machine_exit(failures != 0 || checks == 0); /* a test that checks nothing is no test */
}
