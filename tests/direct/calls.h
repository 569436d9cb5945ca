/* SPDX-License-Identifier: MIT */
/*
 * Every explicit call of direct.h, as data: how it is called, what the hypervisor must see and answers,
 * what the native instruction is, what the caller must get. For the tests that go through all calls.
 */
#ifndef DIRECT_CALLS_H
#define DIRECT_CALLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scripted_host.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define CALL_OUTPUTS   4
#define CALL_UNTOUCHED 0x5555555555555555ull /* what outputs hold before the call */

struct direct_call {
    const char *name;
    enum sevc_result (*call)(struct sevc_cpu *cpu, uint64_t out[CALL_OUTPUTS]);
    struct host_exchange exchange; /* answered honestly */
    uint64_t out[CALL_OUTPUTS];    /* after SEVC_OK; those beyond stay CALL_UNTOUCHED */
    unsigned outs;

    /* Natively: what is executed, and with native_answer what comes out. */
    struct host_native native;
    uint64_t native_answer[4];
    uint64_t native_out[CALL_OUTPUTS];
};

extern const struct direct_call direct_calls[];
extern const size_t direct_call_count;

/* The device of the MMIO calls. */
extern const struct sevc_mmio_window call_window;
#define CALL_WINDOW_GPA   0xFED00000ull
#define CALL_WINDOW_BYTES 4096

/* Calls number I with CPU; OUT has CALL_UNTOUCHED where nothing was written. */
enum sevc_result direct_call(size_t i, struct sevc_cpu *cpu, uint64_t out[CALL_OUTPUTS]);

/* OUT is EXPECTED, of COUNT, and untouched beyond. */
void assert_outputs(const uint64_t out[CALL_OUTPUTS], const uint64_t expected[CALL_OUTPUTS],
                    unsigned count);

/* Does the call return the register at a GHCB offset? */
bool direct_call_returns(const struct direct_call *call, uint64_t offset);

#endif
