/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "access.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define EFLAGS_TF        0x100
#define PAGE_FAULT_WRITE 2

static struct {
    uint8_t *base;
    size_t count;
    struct access list[ACCESS_MAX];
    struct sigaction old_segv, old_trap;
} recorder;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint8_t *at = info->si_addr;

    (void)signal;
    if (at < recorder.base || at >= recorder.base + PHYSICAL_BYTES) {
        /* Not ours: execute again, and let it be reported. */
        sigaction(SIGSEGV, &recorder.old_segv, NULL);
        return;
    }
    if (recorder.count < ACCESS_MAX) {
        recorder.list[recorder.count] = (struct access){
            .gpa = (uint64_t)(at - recorder.base),
            .write = (registers[REG_ERR] & PAGE_FAULT_WRITE) != 0,
        };
    }
    recorder.count++;
    mprotect(recorder.base, PHYSICAL_BYTES, PROT_READ | PROT_WRITE);
    registers[REG_EFL] |= EFLAGS_TF;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)signal;
    (void)info;
    registers[REG_EFL] &= ~(greg_t)EFLAGS_TF;
    mprotect(recorder.base, PHYSICAL_BYTES, PROT_NONE);
}

void access_start(const struct physical *memory)
{
    struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

    recorder.base = memory->bytes;
    recorder.count = 0;
    sigaction(SIGSEGV, &fault, &recorder.old_segv);
    sigaction(SIGTRAP, &step, &recorder.old_trap);
    mprotect(recorder.base, PHYSICAL_BYTES, PROT_NONE);
}

size_t access_stop(const struct access **list)
{
    mprotect(recorder.base, PHYSICAL_BYTES, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &recorder.old_segv, NULL);
    sigaction(SIGTRAP, &recorder.old_trap, NULL);
    *list = recorder.list;
    return recorder.count;
}
