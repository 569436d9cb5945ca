/* SPDX-License-Identifier: MIT */
/* The handler of SIGTRAP sees each instruction before it is executed. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "step.h"

#define TF 0x100

/* By the linker. */
extern const uint8_t program[] __asm__("__executable_start"), program_end[] __asm__("_end");
extern const uint8_t hooks[] __asm__("__start_bench_hooks"), hooks_end[] __asm__(
                                                                 "__stop_bench_hooks");

static struct {
    const uint8_t *function;  /* NULL: nothing is stepped */
    const uint8_t *return_to; /* while inside FUNCTION */
    uint64_t top;             /* RSP before the call */
    const uint8_t *last;      /* the instruction before this one */
    struct step_count *count;
    uint32_t *times; /* by address */
} step;

static void die(const char *what, const uint8_t *rip)
{
    char text[160];
    int n = snprintf(text, sizeof(text), "bench: %s: %02x %02x %02x %02x at 0x%zx (nm's address)\n",
                     what, rip[0], rip[1], rip[2], rip[3], (size_t)(rip - program));

    _exit(write(STDERR_FILENO, text, (size_t)n) == n ? 3 : 4);
}

/* REP MOVS, CMPS, STOS, LODS, SCAS: the processor steps element by element. */
static bool is_repeated(const uint8_t *rip)
{
    if (rip[0] != 0xF3 && rip[0] != 0xF2) {
        return false;
    }
    rip += (rip[1] & 0xF0) == 0x40 ? 2 : 1;
    return (*rip >= 0xA4 && *rip <= 0xA7) || (*rip >= 0xAA && *rip <= 0xAF);
}

static bool starts_with(const uint8_t *rip, const char *bytes)
{
    return memcmp(rip, bytes, strlen(bytes)) == 0;
}

/* Plays the instruction if user mode may not execute it. Returns its length, or 0. */
static unsigned play(greg_t *registers)
{
    const uint8_t *rip = (const uint8_t *)registers[REG_RIP];
    uint64_t value;

    if (starts_with(rip, "\xF3\x0F\x01\xD9")) {
        step_vmgexit();
        return 4;
    }
    if (starts_with(rip, "\x0F\x32")) {
        value = step_rdmsr((uint32_t)registers[REG_RCX]);
        registers[REG_RAX] = (greg_t)(uint32_t)value;
        registers[REG_RDX] = (greg_t)(value >> 32);
        return 2;
    }
    if (starts_with(rip, "\x0F\x30")) {
        step_wrmsr((uint32_t)registers[REG_RCX],
                   (uint64_t)(uint32_t)registers[REG_RAX] | (uint64_t)registers[REG_RDX] << 32);
        return 2;
    }
    return starts_with(rip, "\xFA") || starts_with(rip, "\xFB") ? 1 : 0; /* CLI, STI */
}

/* Returns whether the instruction at RIP belongs to a call of the function. */
static bool see(const uint8_t *rip, uint64_t rsp)
{
    if (step.return_to == NULL) {
        if (rip != step.function) {
            return false;
        }
        step.return_to = *(const uint8_t *const *)rsp;
        step.top = rsp + 8;
        step.last = NULL;
    } else if (rip == step.return_to && rsp == step.top) {
        step.return_to = NULL;
        return false;
    }
    if (step.last != NULL && rip == step.last && is_repeated(rip)) {
        return true;
    }
    step.last = rip;
    if (step.count == NULL) {
        return true;
    }
    step.count->instructions++;
    if (rip < program || rip >= program_end) {
        die("a call into a shared library", rip);
    }
    step.times[rip - program]++;
    if (rip >= hooks && rip < hooks_end) {
        step.count->hooks++;
    } else if (step.top - rsp > step.count->stack) {
        step.count->stack = step.top - rsp;
    }
    return true;
}

/* An instruction that is played leaves the next one to be seen, too: it is executed without a stop. */
static void on_step(int signal_number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    unsigned length = 1;

    (void)signal_number;
    (void)info;
    while (length != 0 && see((const uint8_t *)registers[REG_RIP], (uint64_t)registers[REG_RSP])) {
        length = play(registers);
        registers[REG_RIP] += length;
    }
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)info;
    die(signal_number == SIGSEGV ? "SIGSEGV" : "SIGILL or SIGBUS",
        (const uint8_t *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]);
}

void step_init(void)
{
    static uint8_t stack[65536];
    static const int faults[] = { SIGSEGV, SIGILL, SIGBUS };
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    step.times = calloc((size_t)(program_end - program), sizeof(*step.times));
    if (step.times == NULL || sigaltstack(&alternate, NULL) != 0 ||
        sigaction(SIGTRAP, &action, NULL) != 0) {
        perror("bench: sigaction");
        exit(1);
    }
    action.sa_sigaction = on_fault;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigaction(faults[i], &action, NULL);
    }
}

void step_begin(void (*function)(void), struct step_count *count)
{
    step.function = (const uint8_t *)function;
    step.count = count;
    step.return_to = NULL;
    __asm__ volatile("pushfq; orl %0, (%%rsp); popfq" : : "i"(TF) : "memory", "cc");
}

void step_end(void)
{
    __asm__ volatile("pushfq; andl %0, (%%rsp); popfq" : : "i"(~TF) : "memory", "cc");
}

void step_profile(void)
{
    for (size_t i = 0; i < (size_t)(program_end - program); i++) {
        if (step.times[i] != 0) {
            printf("0x%zx %u\n", i, step.times[i]);
        }
    }
}
