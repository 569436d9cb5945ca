/* SPDX-License-Identifier: MIT */
/*
 * Running one instruction on the processor.
 *
 * Built without sanitizers and stack protector: the signal handlers run while FS, through which
 * both find their data, holds the value that the case gives it.
 */
#define _GNU_SOURCE
#include "native.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE 2
#endif

#define INT3 0xCC

#define RFLAGS_TF   0x100u
#define RFLAGS_DF   0x400u
#define RFLAGS_STEP 0x10DD5u /* what a step sets: arithmetic flags, DF, TF, RF */

_Static_assert(offsetof(struct oracle_native_frame, rflags) == ORACLE_NATIVE_RFLAGS, "native.S");
_Static_assert(offsetof(struct oracle_native_frame, entry) == ORACLE_NATIVE_ENTRY, "native.S");
_Static_assert(offsetof(struct oracle_native_frame, host_rsp) == ORACLE_NATIVE_HOST_RSP, "");
_Static_assert(offsetof(struct oracle_native_frame, fs_base) == ORACLE_NATIVE_FS, "native.S");
_Static_assert(offsetof(struct oracle_native_frame, gs_base) == ORACLE_NATIVE_GS, "native.S");
_Static_assert(offsetof(struct oracle_native_frame, host_fs) == ORACLE_NATIVE_HOST_FS, "native.S");
_Static_assert(offsetof(struct oracle_native_frame, bases) == ORACLE_NATIVE_BASES, "native.S");
_Static_assert(offsetof(struct oracle_native_frame, how) == ORACLE_NATIVE_HOW, "native.S");

extern struct oracle_native_frame oracle_native;
__attribute__((visibility("hidden"))) struct oracle_native_frame oracle_native;

int oracle_native_enter(void);
void oracle_native_exit(void);
void oracle_native_fault(void);

/* Which of the two ways of running is on its way: the handlers ask. */
static volatile sig_atomic_t running, stepping;
static struct oracle_wild last_wild;
static bool any_base;

/* The order of the general registers in a signal's frame, by their number in encodings. */
static const int greg_of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15 };

static struct {
    const struct oracle_state *start;
    struct oracle_step *result;
    gregset_t resume; /* where the program goes on after the step */
} step;

static void resume_after_step(ucontext_t *context)
{
    memcpy(context->uc_mcontext.gregs, step.resume, sizeof(step.resume));
    stepping = 0;
}

static void note_wild(int signal, const siginfo_t *info, const ucontext_t *context)
{
    last_wild.signal = signal;
    last_wild.rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    last_wild.address = (uint64_t)info->si_addr;
}

static void on_fault(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;

    if (running) {
        note_wild(signal, info, context);
        context->uc_mcontext.gregs[REG_RIP] = (greg_t)oracle_native_fault;
        /* The case's may be no address at all, to which AMD's IRETQ does not return. */
        context->uc_mcontext.gregs[REG_RSP] = (greg_t)oracle_native.host_rsp;
        context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)(RFLAGS_TF | RFLAGS_DF);
        running = 0;
    } else if (stepping) {
        note_wild(signal, info, context);
        resume_after_step(context);
    } else {
        struct sigaction action = { .sa_handler = SIG_DFL };

        sigaction(signal, &action, NULL); /* a crash of the test itself: let it happen */
    }
}

/* SIGUSR1: the only purpose is its frame, which is rewritten to start the step. */
static void on_start(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;
    greg_t *gregs = context->uc_mcontext.gregs;

    (void)signal;
    (void)info;
    if (!stepping) {
        return;
    }
    memcpy(step.resume, gregs, sizeof(step.resume));
    for (int i = 0; i < 16; i++) {
        gregs[greg_of[i]] = (greg_t)step.start->gpr[i];
    }
    gregs[REG_RIP] = (greg_t)step.start->rip;
    gregs[REG_EFL] =
        (gregs[REG_EFL] & ~(greg_t)RFLAGS_STEP) | (greg_t)(step.start->rflags & RFLAGS_STEP);
}

static void on_trap(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;
    greg_t *gregs = context->uc_mcontext.gregs;

    if (!stepping) {
        on_fault(signal, info, frame);
        return;
    }
    for (int i = 0; i < 16; i++) {
        step.result->end.gpr[i] = (uint64_t)gregs[greg_of[i]];
    }
    step.result->end.rip = (uint64_t)gregs[REG_RIP];
    step.result->end.rflags = (uint64_t)gregs[REG_EFL];
    step.result->trapped = info->si_code == TRAP_TRACE;
    resume_after_step(context);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) != 0) {
        perror("oracle: sigaction");
        exit(2);
    }
}

void oracle_native_init(void)
{
    static uint8_t alternate[65536];
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };

    any_base = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
    oracle_native.how = any_base;
    /* RSP is an ordinary operand here, so that no handler may run on it. */
    if (sigaltstack(&stack, NULL) != 0) {
        perror("oracle: sigaltstack");
        exit(2);
    }
    handle(SIGSEGV, on_fault);
    handle(SIGBUS, on_fault);
    handle(SIGILL, on_fault);
    handle(SIGFPE, on_fault);
    handle(SIGTRAP, on_trap);
    handle(SIGUSR1, on_start);
}

bool oracle_native_any_base(void)
{
    return any_base;
}

/* The instruction, and behind it JMP [RIP+0] with its target: it changes nothing but RIP. */
static void place(const uint8_t *insn, unsigned length, uint64_t va)
{
    static const uint8_t jump[6] = { 0xFF, 0x25, 0, 0, 0, 0 };
    uint64_t target = (uint64_t)oracle_native_exit;
    uint8_t *code = (uint8_t *)va;

    memcpy(code, insn, length);
    memcpy(code + length, jump, sizeof(jump));
    memcpy(code + length + sizeof(jump), &target, sizeof(target));
}

static bool run_once(const uint8_t *insn, unsigned length, const struct oracle_state *start)
{
    place(insn, length, start->rip);
    memcpy(oracle_native.gpr, start->gpr, sizeof(oracle_native.gpr));
    oracle_native.rflags = start->rflags;
    oracle_native.entry = start->rip;
    running = 1;
    if (oracle_native_enter() != 0) {
        return false;
    }
    running = 0;
    return true;
}

bool oracle_native_run(const uint8_t *insn, unsigned length, const struct oracle_state *start,
                       uint32_t bases, uint64_t fs_base, uint64_t gs_base, struct oracle_state *end,
                       struct oracle_wild *wild)
{
    oracle_native.fs_base = fs_base;
    oracle_native.gs_base = gs_base;
    oracle_native.bases = bases;
    if (!run_once(insn, length, start)) {
        *wild = last_wild;
        return false;
    }
    memcpy(end->gpr, oracle_native.gpr, sizeof(end->gpr));
    end->rflags = oracle_native.rflags;
    end->rip = start->rip + length;
    return true;
}

bool oracle_native_run_plain(const uint8_t *insn, unsigned length, const struct oracle_state *start,
                             struct oracle_state *end, struct oracle_wild *wild)
{
    for (unsigned i = 0; i < ORACLE_TRIES; i++) {
        if (oracle_native_run(insn, length, start, 0, 0, 0, end, wild)) {
            return true;
        }
    }
    return false;
}

static bool step_once(const struct oracle_state *start, struct oracle_step *result)
{
    memset(result, 0, sizeof(*result));
    last_wild.signal = 0;
    step.start = start;
    step.result = result;
    stepping = 1;
    kill(getpid(), SIGUSR1); /* delivered before it returns: there is one thread */
    return last_wild.signal == 0;
}

bool oracle_native_step(const uint8_t *insn, unsigned length, const struct oracle_state *start,
                        struct oracle_step *result, struct oracle_wild *wild)
{
    uint8_t *code = (uint8_t *)start->rip;

    memcpy(code, insn, length);
    code[length] = INT3;
    for (unsigned i = 0; i < ORACLE_TRIES; i++) {
        if (step_once(start, result)) {
            return true;
        }
    }
    *wild = last_wild;
    return false;
}
