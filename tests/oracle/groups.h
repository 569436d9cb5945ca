/* SPDX-License-Identifier: MIT */
/* The parts of the oracle that main.c can be asked for. Each prints, and returns failures. */
#ifndef ORACLE_GROUPS_H
#define ORACLE_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "forms.h"

struct oracle_options {
    uint64_t seed;
    uint64_t cases;
    uint64_t only;       /* one case's number, or ORACLE_ALL_CASES */
    const char *planted; /* a mnemonic in which a difference must be found, or NULL */
    bool quiet;          /* no table */
};

#define ORACLE_ALL_CASES UINT64_MAX

/* self_test.c: false, with a message, where cases cannot be run on this machine. */
bool oracle_self_test(void);

/* memory_group.c: generated instructions with memory operands. */
unsigned oracle_run_memory(enum oracle_group group, const struct oracle_options *options);

/* register_group.c: CPUID, RDTSC, RDTSCP, IN, OUT. */
unsigned oracle_run_registers(const struct oracle_options *options);

/* step_group.c: RFLAGS.TF and RF. */
unsigned oracle_run_steps(const struct oracle_options *options);

/* alu_group.c: the library's arithmetic and flags. */
unsigned oracle_run_alu(const struct oracle_options *options);

#endif
