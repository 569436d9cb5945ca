/* SPDX-License-Identifier: MIT */
/*
 * The entry stubs, executed natively. A frame of kernel mode has CPL 0 in its CS until the dispatch
 * function, here the test's own, makes it 3 again, so that the IRETQ succeeds.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include <sevc/cpu.h>
#include <sevc/idt.h>

#include "../../src/idt/dispatch.h"
#include "enter.h"

#define LEVEL SEVC_VC_LEVEL_BYTES
#define STACK SEVC_VC_STACK_BYTES
#define TF    (1ull << 8)

/* The second is the stack; the first must never be written to. */
static struct sevc_vc_stack stacks[2];
#define stack (stacks[1])

static struct sevc_cpu cpu;
static uint64_t tss_ist;
static uint8_t interrupted_stack[4096] __attribute__((aligned(16)));

/* What dispatch saw. */
static struct {
    unsigned calls;
    struct sevc_cpu *cpu;
    struct sevc_trap trap;
    uint64_t trap_address, ist;
    bool direction_flag;
} seen;

static uint64_t flags(void)
{
    uint64_t rflags;

    __asm__ volatile("pushfq; popq %0" : "=r"(rflags));
    return rflags;
}

static void dispatch(struct sevc_trap *trap, struct sevc_cpu *c)
{
    seen.direction_flag = (flags() & SEVC_RFLAGS_DF) != 0;
    seen.calls++;
    seen.cpu = c;
    seen.trap = *trap;
    seen.trap_address = (uint64_t)trap;
    seen.ist = tss_ist;
    trap->cs |= 3;
    trap->rip = (uint64_t)enter_resume;
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            trap->gpr[i] = ~trap->gpr[i];
        }
    }
}

void sevc_vc_dispatch(struct sevc_trap *trap, struct sevc_cpu *c)
{
    dispatch(trap, c);
}

void sevc_vc_dispatch_plain(struct sevc_trap *trap)
{
    dispatch(trap, NULL);
}

void sevc_early_dispatch(struct sevc_trap *trap)
{
    dispatch(trap, NULL);
}

/* ---- one entry ---- */

/* A #VC with its frame at the top TOP of a stack. */
static void prepare(void (*entry)(void), uint64_t top, uint64_t rip, unsigned cpl)
{
    struct frame *frame = (struct frame *)top - 1;

    *frame = (struct frame){
        .error_code = 0x72,
        .rip = rip,
        .cs = (enter_cs() & ~3ull) | cpl,
        .rflags = 0x202 | SEVC_RFLAGS_CF,
        .rsp = (uint64_t)&interrupted_stack[2048 + 8],
        .ss = enter_ss(),
    };
    memset(&seen, 0, sizeof(seen));
    memset(&enter_state, 0, sizeof(enter_state));
    enter_state.entry = (uint64_t)entry;
    enter_state.frame = (uint64_t)frame;
    enter_state.rflags_in = 2 | SEVC_RFLAGS_DF;
    for (unsigned i = 0; i < 16; i++) {
        enter_state.in[i] = 0x1111111111111111ull * i + 0xABCD;
    }
}

static uint64_t top_of_stack(void)
{
    return (uint64_t)(&stack + 1);
}

static void start(void)
{
    memset(stacks, 0, sizeof(stacks));
    stack.head.cpu = &cpu;
    stack.head.tss_ist = &tss_ist;
    tss_ist = top_of_stack();
}

/* Every register went through the trap, to dispatch and back. */
static void assert_served(uint64_t top)
{
    assert_int_equal(enter_state.terminated, 0);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.trap_address, top - sizeof(struct sevc_trap));
    assert_int_equal(seen.trap_address % 16, 0);
    assert_false(seen.direction_flag);
    assert_int_equal(seen.trap.error_code, 0x72);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            assert_int_equal(seen.trap.gpr[i], enter_state.in[i]);
            assert_int_equal(enter_state.out[i], ~enter_state.in[i]);
        }
    }
    assert_int_equal(enter_state.out[SEVC_RSP], (uint64_t)&interrupted_stack[2048 + 8]);
    assert_int_equal(enter_state.rflags_out, 0x202 | SEVC_RFLAGS_CF);
}

static void assert_untouched_below(void)
{
    static const struct sevc_vc_stack zero;

    assert_memory_equal(&stacks[0], &zero, sizeof(zero));
    assert_ptr_equal(stack.head.cpu, &cpu);
    assert_ptr_equal(stack.head.tss_ist, &tss_ist);
}

static void every_stub_saves_and_restores_every_register(void **state)
{
    void (*stubs[])(void) = { sevc_vc_entry, sevc_vc_entry_plain, sevc_early_entry };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
            start();
            prepare(stubs[i], top_of_stack(), 0x1234, cpl);
            enter();
            assert_served(top_of_stack());
            assert_int_equal(seen.trap.rip, 0x1234);
            assert_int_equal(seen.trap.cs & 3, cpl);
            assert_untouched_below();
        }
    }
}

static void the_ist_slot_is_lowered_meanwhile_and_put_back(void **state)
{
    (void)state;
    for (unsigned level = 0; level < 3; level++) {
        uint64_t top = top_of_stack() - level * LEVEL;

        start();
        tss_ist = top;
        prepare(sevc_vc_entry, top, 0x1234, 0);
        enter();
        assert_served(top);
        assert_ptr_equal(seen.cpu, &cpu);
        assert_int_equal(seen.ist, top - LEVEL);
        assert_int_equal(tss_ist, top);
        assert_untouched_below();
    }
}

/* The lowest level has nothing below it: the guest ends, and memory below the stack stays. */
static void the_level_that_has_none_below_it_ends_the_guest(void **state)
{
    (void)state;
    for (unsigned again = 0; again < 3; again++) { /* a host that resumes a guest that has ended */
        uint64_t top = top_of_stack() - 3 * LEVEL;

        start();
        tss_ist = top;
        prepare(sevc_vc_entry, top, 0x1234, 0);
        enter();
        assert_int_equal(seen.calls, 0);
        assert_int_equal(enter_state.terminated, 1);
        assert_int_equal(enter_state.code, 0);
        assert_int_equal(tss_ist, top);
        assert_untouched_below();
    }
}

/* Before sevc_cpu_init() the stack's head is empty: there is no slot to move. */
static void an_empty_head_means_no_cpu_and_no_ist_slot(void **state)
{
    (void)state;
    start();
    memset(&stack.head, 0, sizeof(stack.head));
    prepare(sevc_vc_entry, top_of_stack(), 0x1234, 0);
    enter();
    assert_served(top_of_stack());
    assert_null(seen.cpu);
    assert_int_equal(tss_ist, top_of_stack());
}

/* ---- the window ---- */

#define STUB_BYTES 512
static bool window[2 * STUB_BYTES]; /* by RIP, from sevc_vc_entry - STUB_BYTES on */

static uint64_t window_index(uint64_t rip)
{
    return rip - ((uint64_t)sevc_vc_entry - STUB_BYTES);
}

/* Which RIPs of an interrupted context make the stub end the guest? */
static unsigned find_window(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 2 * STUB_BYTES; i++) {
        start();
        prepare(sevc_vc_entry, top_of_stack(), (uint64_t)sevc_vc_entry - STUB_BYTES + i, 0);
        enter();
        window[i] = enter_state.terminated;
        assert_int_equal(seen.calls, !window[i]);
        count += window[i];
    }
    return count;
}

static void the_window_is_one_range_around_the_entry_point(void **state)
{
    unsigned changes = 0;

    (void)state;
    assert_in_range(find_window(), 20, 100);
    assert_true(window[window_index((uint64_t)sevc_vc_entry)]);
    for (unsigned i = 1; i < 2 * STUB_BYTES; i++) {
        changes += window[i] != window[i - 1];
    }
    assert_int_equal(changes, 2);
}

static volatile unsigned steps, steps_in_window;

/*
 * Between any two instructions the host may inject a #VC: its frame, and all that its handler puts
 * on the stack, goes below where the IST slot points. Outside the window that must hurt nobody.
 */
static void inject(int signal, siginfo_t *info, void *context)
{
    uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    uint64_t index = window_index(rip);

    (void)signal;
    (void)info;
    steps++;
    if (index < 2 * STUB_BYTES && window[index]) {
        steps_in_window++;
    } else if (rip < (uint64_t)enter || rip >= (uint64_t)enter_cs) {
        memset((void *)(tss_ist - LEVEL), 0xCC, LEVEL);
    }
}

static void a_nested_exception_anywhere_else_hurts_nobody(void **state)
{
    struct sigaction action = { .sa_sigaction = inject, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    struct sigaction old;
    stack_t signal_stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };

    (void)state;
    find_window();
    start();
    assert_int_equal(sigaltstack(&signal_stack, NULL), 0);
    assert_int_equal(sigaction(SIGTRAP, &action, &old), 0);
    steps = 0;
    steps_in_window = 0;
    prepare(sevc_vc_entry, top_of_stack(), 0x1234, 0);
    enter_state.rflags_in |= TF;
    enter();
    sigaction(SIGTRAP, &old, NULL);
    assert_served(top_of_stack());
    assert_int_equal(tss_ist, top_of_stack());
    assert_in_range(steps_in_window, 8, 20); /* executed instructions; as few as can be */
    print_message("%u steps, %u of them in the window\n", steps, steps_in_window);
    signal_stack.ss_flags = SS_DISABLE;
    sigaltstack(&signal_stack, NULL);
    free(signal_stack.ss_sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stub_saves_and_restores_every_register),
        cmocka_unit_test(the_ist_slot_is_lowered_meanwhile_and_put_back),
        cmocka_unit_test(the_level_that_has_none_below_it_ends_the_guest),
        cmocka_unit_test(an_empty_head_means_no_cpu_and_no_ist_slot),
        cmocka_unit_test(the_window_is_one_range_around_the_entry_point),
        cmocka_unit_test(a_nested_exception_anywhere_else_hurts_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
