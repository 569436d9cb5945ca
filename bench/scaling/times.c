/* SPDX-License-Identifier: MIT */
/*
 * Nanoseconds of each row of bench_count, printed and never judged: "NAME NS" a line. The library is the
 * hosted one, so that RDMSR, VMGEXIT and the scrub are calls of functions here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/arch/arch.h"
#include "../world.h"

#define BEST_OF 7

void sevc_arch_vmgexit(void)
{
    world_vmgexit();
}

uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    return msr == SEVC_MSR_GHCB ? world_ghcb_msr : SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES;
}

void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    (void)msr;
    world_ghcb_msr = value;
}

void sevc_arch_zero(volatile void *p, size_t count)
{
    __asm__ volatile("rep stosq" : "+D"(p), "+c"(count) : "a"(0ull) : "memory");
}

void sevc_arch_halt(void)
{
    abort();
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds of one instruction, with all the exceptions that it takes. */
static double once(size_t i, unsigned rounds)
{
    struct sevc_trap like;
    double start;

    world_start(i, &like);
    start = now();
    for (unsigned n = 0; n < rounds; n++) {
        struct sevc_trap trap = like;
        struct sevc_report report;
        enum sevc_result result;

        do {
            result = sevc_handle_vc(&world_cpu, &trap, &report);
        } while (result == SEVC_RETRY);
        if (result != SEVC_OK) {
            fprintf(stderr, "bench_times: %s: %s\n", world_cases[i].name, sevc_result_name(result));
            exit(1);
        }
    }
    return (now() - start) / rounds;
}

int main(void)
{
    for (size_t i = 0; i < WORLD_CASES; i++) {
        unsigned rounds = world_cases[i].rcx == 0 ? 20000 : 200;
        double best = once(i, rounds);

        for (unsigned n = 1; n < BEST_OF; n++) {
            double ns = once(i, rounds);

            best = ns < best ? ns : best;
        }
        printf("%s %.1f\n", world_cases[i].name, best);
    }
    return 0;
}
