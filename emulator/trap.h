/* SPDX-License-Identifier: MIT */
/* The monitor's own interrupt table: an exception in the monitor ends the run with a report. */
#ifndef EMULATOR_TRAP_H
#define EMULATOR_TRAP_H

#include <stdint.h>

struct trap_frame {
    uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

void trap_init(void);
void trap_load(void); /* on every further processor */
_Noreturn void trap_unexpected(const struct trap_frame *frame);

/* vmrun.S */
extern const uint8_t trap_stubs[32][16];
void trap_nmi(void);

#endif
