/* SPDX-License-Identifier: MIT */
/*
 * Calls the handler for one case, so that callgrind can count its instructions: bench/count runs it.
 * The hooks are as small as hooks can be; the hypervisor writes what the reply needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sevc/sevc.h>

static struct sevc_ghcb_page page __attribute__((aligned(4096)));
static uint8_t backup[4096] __attribute__((aligned(4096)));
static struct sevc_policy policy = { .mmio = SEVC_MMIO_EXTENDED };
static struct sevc_cpu cpu;
static uint8_t code[16];

/* ---- the hypervisor ---- */

/* Where RDMSR stands, CMPXCHG8B loads EDX:EAX from here: one instruction, too. */
uint64_t count_ghcb_msr = 0x12345000;

__attribute__((target("general-regs-only"), always_inline)) static inline void mark(unsigned offset)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    page.valid_bitmap[index / 64] |= 1ull << (index % 64);
}

/* What the hypervisor says instead of an answer. */
static enum { HONEST, REJECTS, UNDEFINED, MARKS_NOTHING, INJECTS_PAGE_FAULT, LIES } lie;

/* Called where VMGEXIT stands, which changes no register. */
__attribute__((no_caller_saved_registers, target("general-regs-only"), noinline)) void
count_vmgexit(void)
{
    page.rax = 0x1234;
    page.rbx = page.rcx = page.rdx = 0;
    mark(SEVC_GHCB_OFF_RAX);
    mark(SEVC_GHCB_OFF_RBX);
    mark(SEVC_GHCB_OFF_RCX);
    mark(SEVC_GHCB_OFF_RDX);
    page.sw_exitinfo1 = 0;
    page.sw_exitinfo2 = 0;
    if (lie == REJECTS || lie == UNDEFINED) {
        page.sw_exitinfo1 = lie == REJECTS ? 2 : 3;
    } else if (lie == INJECTS_PAGE_FAULT) {
        page.sw_exitinfo1 = 1;
        page.sw_exitinfo2 = 0x80000B0E;
    } else if (lie == MARKS_NOTHING) {
        page.valid_bitmap[0] = page.valid_bitmap[1] = 0;
    }
}

/* ---- the hooks ---- */

#define MMIO 0xFED00000u /* from here on */

bool sevc_os_copy(struct sevc_copy *copy)
{
    if (copy->access == SEVC_ACCESS_FETCH) {
        memcpy(copy->buffer, code, 15);
    }
    return true; /* data: a REP MOVSB, which counts as one instruction, stands for any */
}

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap;
    *mapping = (struct sevc_mapping){ .gpa = va, .encrypted = va < MMIO, .writable = true };
    return true;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return which == SEVC_OS_CODE_BITS ? 64 : 0;
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
    abort();
}

/* ---- the cases ---- */

static const struct {
    const char *name;
    uint64_t exit_code;
    uint8_t code[15];
    uint64_t rcx; /* REP: elements */
} cases[] = {
    { "CPUID", SEVC_EXIT_CPUID, { 0x0F, 0xA2 }, 0 },
    { "RDMSR", SEVC_EXIT_MSR, { 0x0F, 0x32 }, 0 },
    { "WRMSR", SEVC_EXIT_MSR, { 0x0F, 0x30 }, 0 },
    { "OUT", SEVC_EXIT_IOIO, { 0xEE }, 0 },
    { "IN", SEVC_EXIT_IOIO, { 0xEC }, 0 },
    { "RDTSC", SEVC_EXIT_RDTSC, { 0x0F, 0x31 }, 0 },
    { "MMIO_read", SEVC_EXIT_NPF, { 0x42, 0x8B, 0x84, 0xC7, 0, 1, 0, 0 }, 0 },
    { "MMIO_write", SEVC_EXIT_NPF, { 0x89, 0x48, 0x20 }, 0 },
    { "MMIO_immediate", SEVC_EXIT_NPF, { 0xC7, 0x00, 1, 2, 3, 4 }, 0 },
    { "MOVZX", SEVC_EXIT_NPF, { 0x0F, 0xB6, 0x02 }, 0 },
    { "REP_OUTSB_512", SEVC_EXIT_IOIO, { 0xF3, 0x6E }, 512 },
    { "REP_OUTSB_4096", SEVC_EXIT_IOIO, { 0xF3, 0x6E }, 4096 },
    { "REP_INSB_512", SEVC_EXIT_IOIO, { 0xF3, 0x6C }, 512 },
    { "REP_INSB_4096", SEVC_EXIT_IOIO, { 0xF3, 0x6C }, 4096 },
    { "REP_MOVSB_256", SEVC_EXIT_NPF, { 0xF3, 0xA4 }, 256 },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void start(size_t i, struct sevc_trap *trap)
{
    *trap = (struct sevc_trap){ .cs = 0x10, .rflags = 2, .rip = 0xFFFFFFFF81000000 };
    cpu = (struct sevc_cpu){
        .magic = SEVC_CPU_MAGIC,
        .ghcb = { &page, 0x12345000 },
        .backup = backup,
        .policy = &policy,
        .platform = { .sev_status = 3, .version = 2, .c_bit = 51 },
    };
    for (unsigned r = 0; r < 16; r++) {
        trap->gpr[r] = MMIO + 0x10 * r;
    }
    trap->gpr[SEVC_R8] = 4;
    trap->gpr[SEVC_RAX] = trap->gpr[SEVC_RCX] = 1;
    if (cases[i].exit_code == SEVC_EXIT_NPF) {
        trap->gpr[SEVC_RAX] = MMIO;
    }
    if (cases[i].rcx != 0) {
        trap->gpr[SEVC_RCX] = cases[i].rcx;
        trap->gpr[SEVC_RSI] = 0x1000;
    }
    trap->error_code = cases[i].exit_code;
    memcpy(code, cases[i].code, sizeof(cases[i].code));
}

/* ---- is every check in what is counted? ---- */

static unsigned wrong;

/* Runs the handler: RESULT must come of it, and the frame stay as it was. */
static void refuses(size_t i, struct sevc_trap *trap, enum sevc_result result, const char *what)
{
    struct sevc_trap before = *trap;
    struct sevc_report report;

    if (sevc_handle_vc(&cpu, trap, &report) != result ||
        memcmp(trap, &before, sizeof(before)) != 0 || cpu.depth != 0) {
        printf("%s, %s: %s\n", cases[i].name, what, sevc_result_name(report.result));
        wrong++;
    }
    for (size_t at = 0; at < sizeof(page); at++) {
        if (((volatile uint8_t *)&page)[at] != 0) {
            printf("%s, %s: byte 0x%zx of the page is left\n", cases[i].name, what, at);
            wrong++;
            return;
        }
    }
}

static bool has_outputs(size_t i)
{
    return strstr("CPUID RDMSR IN RDTSC", cases[i].name) != NULL;
}

/* A lying host, an exit that the instruction does not raise, a page that is not a device's. */
static int check(void)
{
    struct sevc_trap trap;

    for (size_t i = 0; i < CASES; i++) {
        for (unsigned l = REJECTS; l < LIES; l++) {
            if (l != MARKS_NOTHING || has_outputs(i)) {
                start(i, &trap);
                lie = l;
                refuses(i, &trap, SEVC_HOST_ERROR, "a lie");
                lie = HONEST;
            }
        }
        for (size_t other = 0; other < CASES; other++) {
            if (cases[other].exit_code != cases[i].exit_code) {
                start(i, &trap);
                trap.error_code = cases[other].exit_code;
                refuses(i, &trap, SEVC_BAD_INSN, "another exit");
            }
        }
        if (cases[i].exit_code == SEVC_EXIT_MSR) {
            start(i, &trap);
            trap.gpr[SEVC_RCX] = SEVC_MSR_GHCB;
            refuses(i, &trap, SEVC_FORBIDDEN, "the GHCB MSR");
        }
        if (cases[i].exit_code == SEVC_EXIT_NPF && cases[i].rcx == 0) {
            start(i, &trap);
            memset(trap.gpr, 0, sizeof(trap.gpr));
            refuses(i, &trap, SEVC_FORBIDDEN, "encrypted memory");
            start(i, &trap);
            trap.cs = 0x33;
            refuses(i, &trap, SEVC_FORBIDDEN, "user mode");
        }
    }
    printf("%u wrong\n", wrong);
    return wrong != 0;
}

int main(int argc, char **argv)
{
    struct sevc_trap trap;
    struct sevc_report report;
    size_t i = argc == 2 ? (size_t)atoi(argv[1]) : CASES;
    enum sevc_result result;
    unsigned exceptions = 0;

    if (argc == 2 && strcmp(argv[1], "check") == 0) {
        return check();
    }
    if (i >= CASES) {
        return 2;
    }
    start(i, &trap);
    do {
        result = sevc_handle_vc(&cpu, &trap, &report);
        exceptions++;
    } while (result == SEVC_RETRY);
    printf("%s %s %u %u\n", cases[i].name, sevc_result_name(result), exceptions,
           (unsigned)cpu.vmgexits);
    return result == SEVC_OK ? 0 : 1;
}
