/* SPDX-License-Identifier: MIT */
/*
 * A hypervisor without a guest: sevc_arch_* over one GHCB page and the MSR, for targets that call
 * events, parsers and tables directly. What it answers is the target's.
 */
#ifndef FUZZ_PLAIN_H
#define FUZZ_PLAIN_H

#include <stdbool.h>

#include <sevc/sevc.h>

#include "finding.h"
#include "input.h"

struct fuzz_plain {
    uint64_t ghcb_msr, sev_status;
    unsigned vmgexits;
    unsigned most_vmgexits; /* more are a finding */
    bool busy;              /* the library is at work: its accesses to the page are watched */
    uint8_t reads[SEVC_GHCB_SIZE];
    void (*answer)(void); /* to a VMGEXIT */
};
extern struct fuzz_plain fuzz_plain;
extern uint8_t fuzz_plain_page[SEVC_GHCB_SIZE];
extern uint8_t fuzz_plain_backup[SEVC_GHCB_SIZE];

#define FUZZ_PLAIN_GPA 0x0000001234567000ull

/* An SEV-ES guest, the page all zero, the MSR at it. */
void fuzz_plain_start(void (*answer)(void));

/* A CPU as sevc_cpu_init() leaves it. */
void fuzz_plain_cpu(struct sevc_cpu *cpu, uint16_t version);

/* The page is zero, the MSR names it. */
void fuzz_plain_check_at_rest(void);

uint64_t fuzz_plain_field(const uint8_t *page, unsigned offset);
void fuzz_plain_put(unsigned offset, uint64_t value);
bool fuzz_plain_is_valid(const uint8_t *page, unsigned offset);
void fuzz_plain_mark(unsigned offset);

#endif
