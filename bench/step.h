/* SPDX-License-Identifier: MIT */
/*
 * A processor that counts: the program executes one instruction at a time (RFLAGS.TF), and those that
 * user mode may not execute are played here. So the archive is measured as it is shipped.
 */
#ifndef BENCH_STEP_H
#define BENCH_STEP_H

#include <stdint.h>

struct step_count {
    unsigned long instructions; /* an instruction with a REP prefix is one */
    unsigned long hooks;        /* of these, in the hooks */
    unsigned long stack;        /* bytes, the return address included, the hooks' excluded */
};

/* Functions of the integrator's. */
#define STEP_HOOK __attribute__((section("bench_hooks"), noinline))

/* The privileged instructions, by the program. */
void step_vmgexit(void);
uint64_t step_rdmsr(uint32_t msr);
void step_wrmsr(uint32_t msr, uint64_t value);

void step_init(void);

/* Between them each call of FUNCTION adds to COUNT; NULL: it is played, and not counted. */
void step_begin(void (*function)(void), struct step_count *count);
void step_end(void);

/* Prints "0xADDRESS TIMES" of each instruction counted so far, addresses as nm has them. */
void step_profile(void);

#endif
