/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "processor.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "harness.h"

static sigjmp_buf back;
static siginfo_t signal_info;
static uint64_t signal_rip;
static uint64_t target, filler = NONCANONICAL;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    signal_info = *info;
    signal_rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    siglongjmp(back, 1);
}

/* One page of code, and behind it one that faults. */
static void prepare(void)
{
    static uint8_t signal_stack[65536];
    static const int signals[] = { SIGSEGV, SIGILL, SIGBUS, SIGTRAP, SIGFPE };
    stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    void *code = mmap((void *)CODE, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (code != (void *)CODE || mprotect((void *)(CODE + PAGE), PAGE, PROT_NONE) != 0) {
        perror("test_processor: no memory for code");
        exit(EXIT_FAILURE);
    }
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
        sigaction(signals[i], &action, NULL);
}

/* Jumps to target with every register set to filler, and comes back by a signal. */
__attribute__((noinline)) static void enter(void)
{
    __asm__ volatile("mov %1, %%rax\n\t"
                     "mov %%rax, %%rcx; mov %%rax, %%rdx; mov %%rax, %%rbx; mov %%rax, %%rsi\n\t"
                     "mov %%rax, %%rdi; mov %%rax, %%r8; mov %%rax, %%r9; mov %%rax, %%r10\n\t"
                     "mov %%rax, %%r11; mov %%rax, %%r12; mov %%rax, %%r13; mov %%rax, %%r14\n\t"
                     "mov %%rax, %%r15; mov %%rax, %%rbp; mov %%rax, %%rsp\n\t"
                     "jmp *%0"
                     :
                     : "m"(target), "m"(filler)
                     : "memory");
    __builtin_unreachable();
}

enum outcome processor_execute(const uint8_t *bytes, size_t count)
{
    target = CODE + PAGE - count;
    memcpy((void *)target, bytes, count);
    if (sigsetjmp(back, 1) == 0)
        enter();
    if (signal_info.si_signo == SIGILL)
        return UNDEFINED;
    if (signal_info.si_signo == SIGSEGV && (uint64_t)signal_info.si_addr == CODE + PAGE &&
        signal_rip == target)
        return WANTS_MORE;
    return COMPLETE;
}

void processor_in_child(void (*test)(void))
{
    int status = -1;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        prepare();
        test();
        fflush(stdout);
        _exit(test_status());
    }
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
        test_begin("the processor's test ran to its end");
        test_fail(NULL, 0, "child ended with status %#x", (unsigned)status);
        test_end(0);
    }
}

/* ---- addresses ---- */

extern const uint8_t lea_done[];
static uint64_t lea_registers[16], lea_stack, lea_result;

/* Executes LEA RDX, [...] at target with lea_registers, and returns what it gave. */
__attribute__((noinline)) static uint64_t execute_lea(void)
{
    __asm__ volatile("push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14; push %%r15\n\t"
                     "mov %%rsp, %[stack]\n\t"
                     "lea %[registers], %%r15\n\t"
                     "mov 0(%%r15), %%rax; mov 8(%%r15), %%rcx; mov 16(%%r15), %%rdx\n\t"
                     "mov 24(%%r15), %%rbx; mov 32(%%r15), %%rsp; mov 40(%%r15), %%rbp\n\t"
                     "mov 48(%%r15), %%rsi; mov 56(%%r15), %%rdi; mov 64(%%r15), %%r8\n\t"
                     "mov 72(%%r15), %%r9; mov 80(%%r15), %%r10; mov 88(%%r15), %%r11\n\t"
                     "mov 96(%%r15), %%r12; mov 104(%%r15), %%r13; mov 112(%%r15), %%r14\n\t"
                     "mov 120(%%r15), %%r15\n\t"
                     "jmp *%[target]\n"
                     "lea_done:\n\t"
                     "mov %%rdx, %[result]\n\t"
                     "mov %[stack], %%rsp\n\t"
                     "pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbp; pop %%rbx\n\t"
                     : [stack] "+m"(lea_stack), [result] "=m"(lea_result)
                     : [registers] "m"(lea_registers), [target] "m"(target)
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
    return lea_result;
}

uint64_t processor_lea(const uint8_t *bytes, size_t count, const uint64_t registers[16])
{
    static const uint8_t jump[6] = { 0xFF, 0x25 }; /* jmp *[rip + 0] */
    uint8_t *code = (uint8_t *)CODE;
    uint64_t destination = (uint64_t)lea_done;

    memcpy(code, bytes, count);
    memcpy(code + count, jump, sizeof(jump));
    memcpy(code + count + sizeof(jump), &destination, sizeof(destination));
    memcpy(lea_registers, registers, sizeof(lea_registers));
    target = CODE;
    return execute_lea();
}
