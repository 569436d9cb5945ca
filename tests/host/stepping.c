/* SPDX-License-Identifier: MIT */
/*
 * What needs the guest's code to stop in the middle: reads of the GHCB that are seen one by one
 * (the page is protected, each access faults, is let through for one instruction, and protected
 * again), and interrupts between any two instructions (the trap flag).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "internal.h"

#define EFLAGS_TF        0x100
#define PAGE_FAULT_WRITE 0x2
#define QUADWORD_FIELDS  0x400 /* below: quadwords; above: bytes */

static void protect(const struct scripted_host *host, int protection)
{
    mprotect(host->ghcb.va, SEVC_GHCB_SIZE, protection);
}

static void on_access(int signal_number, siginfo_t *info, void *context)
{
    struct scripted_host *host = host_current;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)host->ghcb.va;

    if (!host->watching || offset >= SEVC_GHCB_SIZE) {
        signal(signal_number, SIG_DFL); /* a real crash: once more, without us */
        return;
    }
    if ((registers[REG_ERR] & PAGE_FAULT_WRITE) == 0) {
        host->flip = (unsigned)(offset < QUADWORD_FIELDS ? offset & ~7u : offset);
        host->reads[host->flip]++;
    }
    protect(host, PROT_READ | PROT_WRITE);
    registers[REG_EFL] |= EFLAGS_TF;
}

static void flip(struct scripted_host *host)
{
    uint8_t *bytes = (uint8_t *)host->alias + host->flip;

    for (unsigned i = 0; i < (host->flip < QUADWORD_FIELDS ? 8u : 1u); i++) {
        bytes[i] = (uint8_t)~bytes[i];
    }
    host->flip = 0;
}

/* The fork's GHCB must be its own: the mapping is shared, so that it can have an alias. */
static void take_ghcb_along(struct scripted_host *host)
{
    struct sevc_ghcb_page copy = *host->alias;

    host_map_ghcb(host);
    *host->alias = copy;
}

/* True in the fork, in which the interrupt has been taken; false in the process that goes on. */
static bool fork_and_interrupt(struct scripted_host *host)
{
    pid_t fork_id = fork();
    int status = 1;

    if (fork_id == 0) {
        host->is_fork = true;
        host->stepping = false;
        take_ghcb_along(host);
        host->interrupt(host->interrupt_argument);
        return true;
    }
    if ((fork_id < 0 || waitpid(fork_id, &status, 0) != fork_id || status != 0) &&
        host->failed_step == 0) {
        host->failed_step = host->steps;
    }
    return false;
}

/*
 * An instruction of a long loop, which copies or zeroes the page, is interrupted in its first
 * rounds and then now and again.
 */
static uint16_t executed[1 << 16];

static bool is_worth_a_fork(uintptr_t rip)
{
    uint16_t times = executed[rip % (sizeof(executed) / sizeof(executed[0]))]++;

    return times < 4 || times % 64 == 0;
}

static void on_step(int signal_number, siginfo_t *info, void *context)
{
    struct scripted_host *host = host_current;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)signal_number;
    (void)info;
    if (host->watching) {
        if (host->flip != 0) {
            flip(host);
        }
        protect(host, PROT_NONE);
    }
    if (!host->stepping) {
        registers[REG_EFL] &= ~EFLAGS_TF;
        return;
    }
    if (host->in_hypervisor) {
        return; /* not the guest's time: an interrupt waits */
    }
    host->steps++;
    if (!is_worth_a_fork((uintptr_t)registers[REG_RIP])) {
        return;
    }
    host->forks++;
    if (fork_and_interrupt(host)) {
        registers[REG_EFL] &= ~EFLAGS_TF;
    }
}

static void handle(int signal_number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    sigaction(signal_number, &action, NULL);
}

void host_watch(struct scripted_host *host)
{
    handle(SIGSEGV, on_access);
    handle(SIGTRAP, on_step);
    memset(host->reads, 0, sizeof(host->reads));
    host->flip = 0;
    host->watching = true;
    protect(host, PROT_NONE);
}

void host_watch_end(struct scripted_host *host)
{
    if (host->watching) {
        host->watching = false;
        protect(host, PROT_READ | PROT_WRITE);
    }
}

unsigned host_reads(const struct scripted_host *host, unsigned offset)
{
    return host->reads[offset];
}

uint64_t host_interrupt_everywhere(struct scripted_host *host, void (*run)(void *argument),
                                   void (*interrupt)(void *argument), bool (*check)(void *argument),
                                   void *argument, uint64_t *failed)
{
    handle(SIGTRAP, on_step);
    host->interrupt = interrupt;
    host->interrupt_argument = argument;
    host->steps = 0;
    host->forks = 0;
    memset(executed, 0, sizeof(executed));
    host->failed_step = 0;
    host->stepping = true;
    /* Below the red zone: this file is ordinary code of the host. */
    __asm__ volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; add $128, %%rsp"
                     :
                     :
                     : "memory", "cc");
    run(argument);
    __asm__ volatile("sub $128, %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; add $128, %%rsp"
                     :
                     :
                     : "memory", "cc");
    host->stepping = false;
    if (host->is_fork) {
        _exit(check(argument) ? 0 : 1);
    }
    *failed = host->failed_step;
    return host->forks;
}
