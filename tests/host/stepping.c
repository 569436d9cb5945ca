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
#include <ucontext.h>

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
    if (host->interrupt == NULL) {
        registers[REG_EFL] &= ~EFLAGS_TF;
        return;
    }
    if (host->in_hypervisor) {
        return; /* not the guest's time: an interrupt waits */
    }
    host->steps++;
    if (host->steps >= host->interrupt_at && !host->interrupted) {
        host->interrupted = true;
        host->in_interrupt = true;
        host->interrupt(host->interrupt_argument);
        host->in_interrupt = false;
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

void host_interrupt_at(struct scripted_host *host, uint64_t at, void (*handler)(void *argument),
                       void *argument)
{
    handle(SIGTRAP, on_step);
    host->interrupt_at = at;
    host->interrupt = handler;
    host->interrupt_argument = argument;
    host->interrupted = false;
    host->steps = 0;
    __asm__ volatile("sub $128, %%rsp; pushfq; orq $0x100, (%%rsp); popfq; add $128, %%rsp"
                     :
                     :
                     : "memory", "cc");
}

uint64_t host_interrupt_end(struct scripted_host *host, bool *taken)
{
    __asm__ volatile("sub $128, %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; add $128, %%rsp"
                     :
                     :
                     : "memory", "cc");
    host->interrupt = NULL;
    *taken = host->interrupted;
    return host->steps;
}
