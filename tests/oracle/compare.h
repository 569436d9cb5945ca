/* SPDX-License-Identifier: MIT */
/* One case: emulation and processor from the same state, and where they differ. */
#ifndef ORACLE_COMPARE_H
#define ORACLE_COMPARE_H

#include <stdio.h>

#include "emulate.h"

enum oracle_verdict {
    ORACLE_EQUAL,
    ORACLE_DIFFERENT,
    ORACLE_REFUSED, /* without any effect */
    ORACLE_WILD,    /* the processor raised an exception: the generator's fault */
};

struct oracle_outcome {
    enum oracle_verdict verdict;
    unsigned tries; /* more than 1: the processor raised a signal, then none */
    char what[160]; /* DIFFERENT, WILD: the first difference */
    struct oracle_emulation emulation;
    struct oracle_state native;
};

/* Runs a case on both, again if it was wild (ORACLE_TRIES). Afterwards native memory and shadow are equal again. */
void oracle_compare(const struct oracle_case *c, struct oracle_outcome *outcome);

/* Prints a case, its bytes, its state, and both ends. */
void oracle_print_case(FILE *stream, const struct oracle_case *c,
                       const struct oracle_outcome *outcome);

extern const char *const oracle_register_names[16];

#endif
