/* SPDX-License-Identifier: MIT */
/* The monitor's own interrupt table: an exception in the monitor ends the run with a report. */
#ifndef EMULATOR_TRAP_H
#define EMULATOR_TRAP_H

#include <stdint.h>

struct trap_frame {
    uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

void trap_init(void);
_Noreturn void trap_unexpected(const struct trap_frame *frame);

extern const uint8_t trap_stubs[32][16]; /* vmrun.S */

#endif
