/* SPDX-License-Identifier: MIT */
/*
 * How many exits a second, with 1, 2 and 4 CPUs at once? Each thread is a CPU: a #VC of CPUID, RDMSR, OUT
 * and RDTSC in turn goes through sevc_handle_vc(), and the hypervisor is a stub that answers from
 * the GHCB. CPUs share nothing, so the numbers grow with the processors of this machine.
 *
 *     bench_scaling [ROUNDS]        prints; built with the thread sanitizer it is the test bench.threads
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sevc/sevc.h>

#include "../../src/arch/arch.h"

#define MAX_THREADS 4
#define GPA         0x123456000ull

/* ---- the processor and the hypervisor of one thread ---- */

static _Thread_local uint64_t ghcb_msr;
static _Thread_local struct sevc_ghcb_page *ghcb;

static void mark(unsigned offset, uint64_t value)
{
    memcpy((uint8_t *)ghcb + offset, &value, sizeof(value));
    ghcb->valid_bitmap[offset / 512] |= 1ull << (offset / 8 % 64);
}

void sevc_arch_vmgexit(void)
{
    uint64_t event = ghcb->sw_exitcode;

    ghcb->valid_bitmap[0] = 0;
    ghcb->valid_bitmap[1] = 0;
    ghcb->sw_exitinfo1 = 0;
    mark(SEVC_GHCB_OFF_RAX, event);
    mark(SEVC_GHCB_OFF_RBX, event + 1);
    mark(SEVC_GHCB_OFF_RCX, event + 2);
    mark(SEVC_GHCB_OFF_RDX, event + 3);
}

uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    return msr == SEVC_MSR_GHCB ? ghcb_msr : SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES;
}

void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    (void)msr;
    ghcb_msr = value;
}

void sevc_arch_zero(volatile void *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ((volatile uint64_t *)p)[i] = 0;
    }
}

void sevc_arch_halt(void)
{
    abort();
}

void sevc_arch_lidt(const void *descriptor)
{
    (void)descriptor;
}

void sevc_arch_clflush(const void *p)
{
    (void)p;
}

void sevc_arch_fence(void)
{
}

void sevc_arch_invlpg(uint64_t va)
{
    (void)va;
}

/* ---- the hooks ---- */

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap;
    (void)va;
    (void)mapping;
    return false;
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    memcpy(copy->buffer, (const void *)copy->va, copy->bytes);
    copy->done = copy->bytes;
    return true;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return which == SEVC_OS_CODE_BITS ? 64 : which == SEVC_OS_XCR0 ? 1 : 0;
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
    abort();
}

/* ---- one CPU ---- */

static const struct {
    uint64_t exit;
    uint8_t code[32]; /* behind the instruction there must be something to fetch */
} exits[] = {
    { SEVC_EXIT_CPUID, { 0x0F, 0xA2 } },
    { SEVC_EXIT_MSR, { 0x0F, 0x32 } },
    { SEVC_EXIT_IOIO, { 0xEE } },
    { SEVC_EXIT_RDTSC, { 0x0F, 0x31 } },
};
#define EXITS (sizeof(exits) / sizeof(exits[0]))

struct one {
    struct sevc_cpu cpu;
    unsigned long rounds, bad;
    pthread_t thread;
};
_Static_assert(sizeof(struct sevc_cpu) % 64 == 0 && _Alignof(struct sevc_cpu) == 64,
               "no cache line holds the state of two CPUs");

static void *live(void *argument)
{
    struct one *self = argument;
    static _Thread_local struct sevc_ghcb_page page __attribute__((aligned(4096)));
    static _Thread_local uint8_t backup[4096] __attribute__((aligned(4096)));
    static const struct sevc_cpu like = {
        .magic = SEVC_CPU_MAGIC,
        .platform = { .sev_status = 3, .version = 2, .c_bit = 51 },
    };
    struct sevc_cpu_config config = {
        .ghcb = { .va = &page, .gpa = GPA },
        .backup = backup,
        .like = &like,
    };

    ghcb = &page;
    self->bad = sevc_cpu_init(&self->cpu, &config) != SEVC_OK;
    for (unsigned long i = 0; i < self->rounds; i++) {
        struct sevc_report report;
        struct sevc_trap trap = { .error_code = exits[i % EXITS].exit,
                                  .rip = (uint64_t)exits[i % EXITS].code,
                                  .rflags = 2 };

        trap.gpr[SEVC_RAX] = 1;
        trap.gpr[SEVC_RCX] = 0x1B;
        self->bad += sevc_handle_vc(&self->cpu, &trap, &report) != SEVC_OK;
    }
    return NULL;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct one cpus[MAX_THREADS];
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000, bad = 0;

    for (unsigned threads = 1; threads <= MAX_THREADS; threads *= 2) {
        double start = now(), seconds;

        for (unsigned i = 0; i < threads; i++) {
            cpus[i].rounds = rounds;
            if (pthread_create(&cpus[i].thread, NULL, live, &cpus[i]) != 0) {
                return 2;
            }
        }
        for (unsigned i = 0; i < threads; i++) {
            pthread_join(cpus[i].thread, NULL);
            bad += cpus[i].bad;
        }
        seconds = now() - start;
        printf("%u CPUs: %10.0f exits a second\n", threads, (double)(threads * rounds) / seconds);
    }
    printf("%lu wrong results\n", bad);
    return bad != 0;
}
