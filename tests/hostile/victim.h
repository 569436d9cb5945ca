/* SPDX-License-Identifier: MIT */
/*
 * A guest under a malicious host: registers and private memory full of canaries, one instruction
 * at a time, and after each the question what has become of them. The host says through port 0x506
 * what it has just done, and what must come of it (docs/hostile.md).
 */
#ifndef HOSTILE_VICTIM_H
#define HOSTILE_VICTIM_H

#include "io.h"
#include "kernel.h"
#include "try.h"

/* ---- The host's port ---- */

enum expect {
    EXPECT_NOTHING,
    EXPECT_ERROR,
    EXPECT_SUCCESS,
    EXPECT_EXCEPTION,
    EXPECT_EITHER,
    EXPECT_VALUE,
};

struct lie {
    unsigned told;
    enum expect expect;
    unsigned variants;
};

/* WHICH lie, after SKIP opportunities. Of injections both are one number: before which instruction. */
void host_arm(unsigned which, unsigned skip);
struct lie host_disarm(void);
void host_name_page(const void *page);

/* ---- Canaries ---- */

/* The host looks for these 28 bits in the GHCB; the last digit tells registers apart. */
#define SECRET_HALF(n)        (0x5EC7A5C0u | (unsigned)(n))
#define SECRET(n)             ((uint64_t)SECRET_HALF((n) ^ 15) << 32 | SECRET_HALF(n))
#define OVER_SECRET(n, value) ((uint64_t)SECRET_HALF((n) ^ 15) << 32 | (uint32_t)(value))

/* Private pages; instructions work on the first, nothing may ever change the second. */
#define MEMORY_BYTES (2 * PAGE_BYTES)
extern uint8_t *memory;
void memory_fill(void);

/* ---- One instruction ---- */

enum outcome { OUTCOME_DONE, OUTCOME_ERROR, OUTCOME_EXCEPTION };

struct attempt {
    uint64_t in[16], out[16]; /* by enum sevc_gpr; RSP is the kernel's own */
    uint64_t flags_in, flags_out;
    uint64_t code;
    uint64_t rsp;

    enum outcome outcome;
    struct sevc_report report; /* OUTCOME_ERROR */
    unsigned vector;           /* OUTCOME_EXCEPTION */
    bool frame_was_good;       /* the handler has seen the registers as they were */
    bool go_on;      /* after an error, execute again: it was not the instruction's fault */
    unsigned errors; /* how many there were, with go_on */
};

extern struct attempt attempt;
void attempt_start(void); /* canaries into attempt.in */
void attempt_run(void);
void attempt_init(void);

/* ---- Books ---- */

void check(bool good, const char *what, const char *name, unsigned variant);
extern unsigned checks, failures, lies_told;

/* The tests, by their name on the command line. */
void test_exits(void);
void test_protocol(void);
void test_pages(void);
void test_pinned(void);
void test_steps(void);
void test_user(void);

#endif
