/* SPDX-License-Identifier: MIT */
/*
 * Counts what the library executes, for scripts/bench:
 *
 *     bench_count           a line for each row: name, result, #VC exceptions, VMGEXITs,
 *                           instructions, those of the hooks, stack
 *     bench_count NAME      that row, and how often each instruction was executed
 *     bench_count check     is every check in what is counted? A lying host and others are refused
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"
#include "world.h"

typedef void (*function)(void);

/* ---- the processor's privileged instructions ---- */

void step_vmgexit(void)
{
    world_vmgexit();
}

uint64_t step_rdmsr(uint32_t msr)
{
    return msr == SEVC_MSR_GHCB ? world_ghcb_msr : SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES;
}

void step_wrmsr(uint32_t msr, uint64_t value)
{
    if (msr == SEVC_MSR_GHCB) {
        world_ghcb_msr = value;
    }
}

/* ---- rows ---- */

static const char *wanted; /* NULL: all */

static bool is_wanted(const char *name)
{
    return wanted == NULL || strcmp(wanted, name) == 0;
}

static void row(const char *name, enum sevc_result result, unsigned exceptions,
                const struct step_count *count)
{
    if (is_wanted(name)) {
        printf("%s %s %u %u %lu %lu %lu\n", name, sevc_result_name(result), exceptions,
               (unsigned)world_cpu.vmgexits, count->instructions, count->hooks, count->stack);
    }
}

static void handler(size_t i)
{
    struct step_count count = { 0 };
    struct sevc_trap trap;
    struct sevc_report report;
    enum sevc_result result;
    unsigned exceptions = 0;

    if (!is_wanted(world_cases[i].name)) {
        return;
    }
    world_start(i, &trap);
    step_begin((function)sevc_handle_vc, &count);
    do {
        result = sevc_handle_vc(&world_cpu, &trap, &report);
        exceptions++;
    } while (result == SEVC_RETRY);
    step_end();
    row(world_cases[i].name, result, exceptions, &count);
}

/*
 * What kernels ask for, of a table that has been filled with all that the host names, and sealed. Of
 * some leaves parts are this CPU's own, one bit is CR4's, or a size follows from XCR0 and XSS: which is
 * computed the first time, and again when they have changed.
 */
static const struct table_leaf {
    const char *name;
    uint32_t leaf, subleaf;
    unsigned calls; /* of which the last is counted */
} table_leaves[] = {
    { "pinned_CPUID_0", 0, 0, 2 },
    { "pinned_CPUID_1", 1, 0, 2 },
    { "pinned_CPUID_7.0", 7, 0, 2 },
    { "pinned_CPUID_B.0", 0xB, 0, 2 },
    { "pinned_CPUID_B.1", 0xB, 1, 2 },
    { "pinned_CPUID_D.0", 0xD, 0, 2 },
    { "pinned_CPUID_D.1", 0xD, 1, 2 },
    { "first_CPUID_D.0", 0xD, 0, 1 },
    { "first_CPUID_D.1", 0xD, 1, 1 },
    { "pinned_CPUID_80000001", 0x80000001, 0, 2 },
    { "pinned_CPUID_80000008", 0x80000008, 0, 2 },
    { "pinned_CPUID_8000001E", 0x8000001E, 0, 2 },
    { "pinned_CPUID_8000001F", 0x8000001F, 0, 2 },
};

static void from_table(const struct table_leaf *leaf)
{
    static struct sevc_cpuid_table table;
    struct step_count count = { 0 };
    struct sevc_trap trap;
    struct sevc_report report;
    enum sevc_result result;

    if (!is_wanted(leaf->name)) {
        return;
    }
    world_start(0, &trap);
    sevc_cpuid_table_init(&table, &world_cpu, SEVC_CPUID_MISS_REFUSE);
    world_cpu.cpuid_table = &table;
    step_begin((function)sevc_cpuid_fill, NULL);
    result = sevc_cpuid_fill(&world_cpu);
    step_end();
    sevc_cpuid_seal(&table);
    world_cpu.vmgexits = 0;
    for (unsigned calls = leaf->calls; result == SEVC_OK && calls != 0; calls--) {
        trap.gpr[SEVC_RAX] = leaf->leaf;
        trap.gpr[SEVC_RCX] = leaf->subleaf;
        count = (struct step_count){ 0 };
        step_begin((function)sevc_handle_vc, &count);
        result = sevc_handle_vc(&world_cpu, &trap, &report);
        step_end();
    }
    row(leaf->name, result, 1, &count);
}

/* The explicit calls, by the row that they are compared with. */
static void explicit_call(const char *name, function called, enum sevc_result (*call)(void))
{
    struct step_count count = { 0 };
    struct sevc_trap trap;
    enum sevc_result result;

    if (is_wanted(name)) {
        world_start(0, &trap);
        step_begin(called, &count);
        result = call();
        step_end();
        row(name, result, 0, &count);
    }
}

static enum sevc_result call_cpuid(void)
{
    struct sevc_cpuid_regs regs;

    return sevc_cpuid(&world_cpu, 1, 0, &regs);
}

static enum sevc_result call_rdmsr(void)
{
    uint64_t value;

    return sevc_rdmsr(&world_cpu, 1, &value);
}

static enum sevc_result call_wrmsr(void)
{
    return sevc_wrmsr(&world_cpu, 1, 2);
}

static enum sevc_result call_out(void)
{
    return sevc_out(&world_cpu, 0x80, 1, 0);
}

static enum sevc_result call_in(void)
{
    uint32_t value;

    return sevc_in(&world_cpu, 0x80, 1, &value);
}

static const struct sevc_mmio_window window = { .gpa = WORLD_MMIO, .bytes = 0x10000 };

static enum sevc_result call_mmio_read(void)
{
    uint64_t value;

    return sevc_mmio_read(&world_cpu, &window, 0x100, 4, &value);
}

static enum sevc_result call_mmio_write(void)
{
    return sevc_mmio_write(&world_cpu, &window, 0x20, 4, 1);
}

static enum sevc_result call_outs_512(void)
{
    return sevc_outs(&world_cpu, 0x80, 1, world_ram, 512, NULL);
}

static enum sevc_result call_outs_4096(void)
{
    return sevc_outs(&world_cpu, 0x80, 1, world_ram, 4096, NULL);
}

static enum sevc_result call_ins_512(void)
{
    return sevc_ins(&world_cpu, 0x80, 1, world_ram, 512, NULL);
}

static enum sevc_result call_ins_4096(void)
{
    return sevc_ins(&world_cpu, 0x80, 1, world_ram, 4096, NULL);
}

static void explicit_calls(void)
{
    explicit_call("explicit_CPUID", (function)sevc_cpuid, call_cpuid);
    explicit_call("explicit_RDMSR", (function)sevc_rdmsr, call_rdmsr);
    explicit_call("explicit_WRMSR", (function)sevc_wrmsr, call_wrmsr);
    explicit_call("explicit_OUT", (function)sevc_out, call_out);
    explicit_call("explicit_IN", (function)sevc_in, call_in);
    explicit_call("explicit_MMIO_read", (function)sevc_mmio_read, call_mmio_read);
    explicit_call("explicit_MMIO_write", (function)sevc_mmio_write, call_mmio_write);
    explicit_call("explicit_REP_OUTSB_512", (function)sevc_outs, call_outs_512);
    explicit_call("explicit_REP_OUTSB_4096", (function)sevc_outs, call_outs_4096);
    explicit_call("explicit_REP_INSB_512", (function)sevc_ins, call_ins_512);
    explicit_call("explicit_REP_INSB_4096", (function)sevc_ins, call_ins_4096);
}

/* ---- the start: from nothing to the runtime handler ---- */

static const char *request_name(uint64_t request)
{
    switch (request & SEVC_GHCB_MSR_INFO_MASK) {
    case SEVC_GHCB_MSR_SEV_INFO_REQ:
        return "SEV_information";
    case SEVC_GHCB_MSR_CPUID_REQ:
        return "CPUID";
    default:
        return "unknown";
    }
}

/* "start NAME: what was asked": of the early handler, the first CPU, another CPU. */
static void start_line(const char *name, enum sevc_result result)
{
    printf("start %s %s %u", name, sevc_result_name(result), world_request_count);
    for (unsigned i = 0; i < world_request_count && i < WORLD_REQUESTS; i++) {
        printf(" 0x%03x:%s", (unsigned)(world_requests[i] & SEVC_GHCB_MSR_INFO_MASK),
               request_name(world_requests[i]));
    }
    printf("\n");
    world_request_count = 0;
}

static void start(void)
{
    static struct sevc_cpu first, second;
    static uint8_t instruction[16] = { 0x0F, 0xA2 };
    struct sevc_cpu_config config = { .ghcb = { &world_page, WORLD_GHCB }, .backup = world_backup };
    struct sevc_trap trap;
    struct sevc_report report;
    enum sevc_result result;

    world_start(0, &trap);
    world_ghcb_msr = WORLD_SEV_INFO; /* as after reset */
    trap.rip = (uint64_t)instruction;
    trap.gpr[SEVC_RCX] = 0;
    step_begin((function)sevc_early_handle_vc, NULL);
    result = sevc_early_handle_vc(&trap, &report);
    step_end();
    start_line("early_CPUID", result);

    step_begin((function)sevc_cpu_init, NULL);
    result = sevc_cpu_init(&first, &config);
    step_end();
    start_line("first_CPU", result);

    world_ghcb_msr = WORLD_GHCB; /* firmware's */
    step_begin((function)sevc_cpu_init, NULL);
    result = sevc_cpu_init(&first, &config);
    step_end();
    start_line("first_CPU,_behind_firmware", result);

    config.like = &first;
    step_begin((function)sevc_cpu_init, NULL);
    result = sevc_cpu_init(&second, &config);
    step_end();
    start_line("other_CPU", result);
}

/* ---- memory ---- */

static void memory(void)
{
    printf("memory sevc_cpu %zu aligned %zu\n", sizeof(struct sevc_cpu), _Alignof(struct sevc_cpu));
    printf("memory GHCB %u aligned 4096\n", SEVC_GHCB_SIZE);
    printf("memory backup 4096 aligned 4096\n");
    printf("memory sevc_vc_stack %zu aligned %zu\n", sizeof(struct sevc_vc_stack),
           _Alignof(struct sevc_vc_stack));
}

/* ---- is every check in what is counted? ---- */

static unsigned wrong;

/* Runs the handler: RESULT must come of it, and the frame stay as it was. */
static void refuses(size_t i, struct sevc_trap *trap, enum sevc_result result, const char *what)
{
    const char *name = world_cases[i].name;
    struct sevc_trap before = *trap;
    struct sevc_report report;
    enum sevc_result found;

    step_begin((function)sevc_handle_vc, NULL);
    found = sevc_handle_vc(&world_cpu, trap, &report);
    step_end();
    if (found != result || memcmp(trap, &before, sizeof(before)) != 0 || world_cpu.depth != 0) {
        printf("%s, %s: %s\n", name, what, sevc_result_name(found));
        wrong++;
    }
    for (size_t at = 0; at < sizeof(world_page); at++) {
        if (((volatile uint8_t *)&world_page)[at] != 0) {
            printf("%s, %s: byte 0x%zx of the page is left\n", name, what, at);
            wrong++;
            return;
        }
    }
}

/* A lying host, an exit that the instruction does not raise, a page that is not a device's. */
static int check(void)
{
    static const uint8_t locked[] = { 0xF0, 0x01, 0x08 }; /* LOCK ADD [RAX], ECX */
    struct sevc_trap trap;

    for (size_t i = 0; i < WORLD_CASES; i++) {
        const struct world_case *c = &world_cases[i];

        for (unsigned l = REJECTS; l < LIES; l++) {
            if (l != MARKS_NOTHING || c->has_outputs) {
                world_start(i, &trap);
                world_lie = l;
                refuses(i, &trap, SEVC_HOST_ERROR, "a lie");
                world_lie = HONEST;
            }
        }
        for (size_t other = 0; other < WORLD_CASES; other++) {
            if (world_cases[other].exit_code != c->exit_code) {
                world_start(i, &trap);
                trap.error_code = world_cases[other].exit_code;
                refuses(i, &trap, SEVC_BAD_INSN, "another exit");
            }
        }
        if (c->exit_code == SEVC_EXIT_MSR) {
            world_start(i, &trap);
            trap.gpr[SEVC_RCX] = SEVC_MSR_GHCB;
            refuses(i, &trap, SEVC_FORBIDDEN, "the GHCB MSR");
        }
        if (c->exit_code == SEVC_EXIT_NPF && c->rcx == 0) {
            world_start(i, &trap);
            memset(trap.gpr, 0, sizeof(trap.gpr));
            refuses(i, &trap, SEVC_FORBIDDEN, "encrypted memory");
            world_start(i, &trap);
            trap.cs = 0x33;
            refuses(i, &trap, SEVC_FORBIDDEN, "user mode");
            world_start(i, &trap);
            world_set_code(locked, sizeof(locked));
            refuses(i, &trap, SEVC_UNSUPPORTED, "LOCK");
        }
    }
    printf("%u wrong\n", wrong);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    step_init();
    if (argc == 2 && strcmp(argv[1], "check") == 0) {
        return check();
    }
    wanted = argc == 2 ? argv[1] : NULL;
    for (size_t i = 0; i < WORLD_CASES; i++) {
        handler(i);
    }
    for (size_t i = 0; i < sizeof(table_leaves) / sizeof(table_leaves[0]); i++) {
        from_table(&table_leaves[i]);
    }
    explicit_calls();
    if (wanted != NULL) {
        step_profile();
        return 0;
    }
    start();
    memory();
    return 0;
}
