/* SPDX-License-Identifier: MIT */
/*
 * The stubs of src/uefi, executed natively. What the firmware's entry would be is enter_resume, which
 * notes the registers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/uefi/uefi.h"
#include "../vc/enter.h"

static uint8_t interrupted_stack[8192] __attribute__((aligned(16)));

/* What dispatch saw, and returns. */
static struct {
    unsigned calls;
    struct sevc_trap trap;
    bool aligned, direction_flag;
    uint64_t way_on;
} seen;

uint64_t sevc_uefi_dispatch(struct sevc_trap *trap)
{
    uint64_t rflags;

    __asm__ volatile("pushfq; popq %0" : "=r"(rflags));
    seen.direction_flag = (rflags & SEVC_RFLAGS_DF) != 0;
    seen.aligned = (uint64_t)trap % 16 == 0;
    seen.calls++;
    seen.trap = *trap;
    if (seen.way_on == 0) {
        trap->rip = (uint64_t)enter_resume;
        for (unsigned i = 0; i < 16; i++) {
            if (i != SEVC_RSP) {
                trap->gpr[i] = ~trap->gpr[i];
            }
        }
    }
    return seen.way_on;
}

static struct frame *prepare(void (*entry)(void), uint64_t rip, uint64_t way_on)
{
    struct frame *frame = (struct frame *)(interrupted_stack + 4096) - 1;

    *frame = (struct frame){
        .error_code = 0x72,
        .rip = rip,
        .cs = enter_cs(),
        .rflags = 0x202 | SEVC_RFLAGS_CF,
        .rsp = (uint64_t)(interrupted_stack + 4096 + 8),
        .ss = enter_ss(),
    };
    memset(&seen, 0, sizeof(seen));
    memset(&enter_state, 0, sizeof(enter_state));
    seen.way_on = way_on;
    enter_state.entry = (uint64_t)entry;
    enter_state.frame = (uint64_t)frame;
    enter_state.rflags_in = 2 | SEVC_RFLAGS_DF;
    for (unsigned i = 0; i < 16; i++) {
        enter_state.in[i] = 0x1111111111111111ull * i + 0xABCD;
    }
    return frame;
}

static void assert_dispatched(uint64_t rip)
{
    assert_int_equal(seen.calls, 1);
    assert_true(seen.aligned);
    assert_false(seen.direction_flag);
    assert_int_equal(seen.trap.error_code, 0x72);
    assert_int_equal(seen.trap.rip, rip);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            assert_int_equal(seen.trap.gpr[i], enter_state.in[i]);
        }
    }
}

static void what_is_served_returns_with_every_register_of_the_trap(void **state)
{
    (void)state;
    prepare(sevc_uefi_entry, 0x1234, 0);
    enter();
    assert_dispatched(0x1234);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            assert_int_equal(enter_state.out[i], ~enter_state.in[i]);
        }
    }
    assert_int_equal(enter_state.out[SEVC_RSP], (uint64_t)(interrupted_stack + 4096 + 8));
    assert_int_equal(enter_state.rflags_out, 0x202 | SEVC_RFLAGS_CF);
}

static void what_is_handed_on_arrives_as_the_processor_sent_it(void **state)
{
    struct frame before;
    struct frame *frame;

    (void)state;
    frame = prepare(sevc_uefi_entry, 0x1234, (uint64_t)enter_resume);
    before = *frame;
    enter();
    assert_dispatched(0x1234);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            assert_int_equal(enter_state.out[i], enter_state.in[i]);
        }
    }
    assert_int_equal(enter_state.out[SEVC_RSP], (uint64_t)frame); /* at the error code */
    assert_memory_equal(frame, &before, sizeof(before));
}

static void a_missing_msr_reads_as_zero(void **state)
{
    (void)state;
    prepare(sevc_uefi_no_msr, (uint64_t)enter_resume - 2, 0);
    memset(enter_state.out, 0xFF, sizeof(enter_state.out)); /* one byte further: stores but half */
    enter();
    assert_int_equal(seen.calls, 0);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            assert_int_equal(enter_state.out[i],
                             i == SEVC_RAX || i == SEVC_RDX ? 0 : enter_state.in[i]);
        }
    }
    assert_int_equal(enter_state.out[SEVC_RSP], (uint64_t)(interrupted_stack + 4096 + 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_served_returns_with_every_register_of_the_trap),
        cmocka_unit_test(what_is_handed_on_arrives_as_the_processor_sent_it),
        cmocka_unit_test(a_missing_msr_reads_as_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
