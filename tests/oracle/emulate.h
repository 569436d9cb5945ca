/* SPDX-License-Identifier: MIT */
/* The library, as a kernel would use it, with a hypervisor that serves device memory honestly. */
#ifndef ORACLE_EMULATE_H
#define ORACLE_EMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include <sevc/sevc.h>

#include "generate.h"

#define ORACLE_TRACE_MAX 8

/* What an emulation did to the device: the first accesses, and how many there were. */
struct oracle_trace {
    unsigned reads, writes;
    unsigned sizes; /* all that occurred, as bits: 1, 2, 4, 8 */
    struct {
        uint64_t gpa;
        uint8_t bytes;
        bool write;
    } first[ORACLE_TRACE_MAX];
    const char *violation; /* what a hypervisor or a kernel would have objected to, or NULL */
};

struct oracle_emulation {
    struct sevc_trap trap;     /* afterwards */
    struct sevc_report report; /* of the last call */
    enum sevc_result result;   /* likewise */
    unsigned calls;            /* of sevc_handle_vc() */
    struct oracle_trace trace;
};

/* Readies the one CPU. Ends the program where that fails. */
void oracle_emulation_init(void);

/*
 * Lets sevc_handle_vc() emulate a case, as often as it asks for (SEVC_RETRY, or SEVC_OK_TRAP in the
 * middle of a REP). Memory operands are the shadows.
 */
void oracle_emulate(const struct oracle_case *c, struct oracle_emulation *emulation);

/* The same for one call, with another exit code: instructions without memory operands. */
void oracle_emulate_exit(const struct oracle_case *c, uint64_t exit_code,
                         struct oracle_emulation *emulation);

/* CPUID through the early handler and the MSR protocol. */
void oracle_emulate_early(const struct oracle_case *c, struct oracle_emulation *emulation);

/* What the hypervisor answers to CPUID, RDTSC, RDTSCP and IN; what it was sent by OUT. */
struct oracle_answers {
    struct sevc_cpuid_regs cpuid;
    uint64_t tsc;
    uint64_t aux;  /* as the host has put it into RCX: all 64 bits */
    uint64_t high; /* what it leaves in the upper halves of 32-bit outputs */
    uint64_t in;
    uint64_t out;
    uint64_t info1; /* of the last IOIO */
};

extern struct oracle_answers oracle_answers;

#endif
