/* SPDX-License-Identifier: MIT */
/*
 * Runs an entry stub natively, at CPL 3: the frame lies where the processor would have pushed it,
 * the registers are as told, and the IRETQ comes back to enter_resume.
 */
#ifndef ENTER_H
#define ENTER_H

#include <stdint.h>

#include <sevc/trap.h>

/* What the processor pushes, from the lowest address on. */
struct frame {
    uint64_t error_code, rip, cs, rflags, rsp, ss;
};

struct enter {
    uint64_t entry;   /* the stub */
    uint64_t frame;   /* RSP at its first instruction */
    uint64_t in[16];  /* general registers at its first instruction; [4] unused */
    uint64_t out[16]; /* those after the IRETQ, with RSP */
    uint64_t rflags_in, rflags_out;
    uint64_t terminated;  /* sevc_terminate() was called */
    uint64_t code;        /* with this */
    uint64_t handed_over; /* test_entry_user: the kernel's own entry for user mode was reached */
};
extern struct enter enter_state;

void enter(void);                    /* works on enter_state */
extern const uint8_t enter_resume[]; /* where the frame's RIP points */
uint64_t enter_cs(void);
uint64_t enter_ss(void);

#endif
