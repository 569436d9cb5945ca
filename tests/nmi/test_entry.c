/* SPDX-License-Identifier: MIT */
/*
 * The NMI entry and the #VC entry, executed natively, one instruction at a time. The handler of
 * SIGTRAP plays the processor: it raises #VC at two places of code.S, delivers NMIs where a test
 * wants them, keeps the NMI window, and lets IRETQ stay at CPL 3 although the frames say CPL 0.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include <sevc/event.h>
#include <sevc/idt.h>
#include <sevc/nmi.h>
#include <sevc/os.h>
#include <sevc/vc.h>

#include "../../src/idt/dispatch.h"
#include "enter.h"

#define LEVEL      SEVC_VC_LEVEL_BYTES
#define TF         (1ull << 8)
#define IRETQ_0    0x48
#define IRETQ_1    0xCF
#define STUB_BYTES 512
#define NEVER      ~0u
#define STEPS      4096

extern const uint8_t code[], code_vc[], handler_vc[];
void handler_raises(void);

static struct sevc_vc_stack vc_stack;
static struct sevc_nmi_stack nmi_stack;
static struct sevc_cpu cpu = { .magic = SEVC_CPU_MAGIC };
static uint64_t vc_ist, nmi_ist;
static uint8_t interrupted_stack[4096] __attribute__((aligned(16)));

/* Who opens the window: docs/emulator.md, nmi-window. */
enum window { BY_COMPLETE, BY_IRET };

/* The processor. */
static struct {
    enum window window;
    unsigned first;  /* the step before which the first NMI arrives */
    unsigned second; /* steps after that: the second one is sent; NEVER: there is none */
    unsigned storm;  /* NMIs that are sent whenever the window is open */
    unsigned step;
    bool in_stub[STEPS]; /* by step */
    unsigned delivered, pending;
    bool blocked, at_iret, running, vc_in_handler;
} processor;

/* What the C code saw. */
static struct {
    unsigned vcs, handled, completed, bad_traps;
    struct sevc_trap nmi_trap;
} seen;

/* ---- the library's other side ---- */

/* A #VC of code.S, or of an NMI's handler: what it interrupts must be whole at the end. */
void sevc_vc_dispatch(struct sevc_trap *trap, struct sevc_cpu *c)
{
    const uint64_t rip = trap->rip;

    (void)c;
    seen.vcs++;
    seen.bad_traps += trap->error_code != 0x72;
    seen.bad_traps += rip != (uint64_t)code_vc + 1 && rip != (uint64_t)handler_vc + 1;
    if (rip == (uint64_t)code_vc + 1) {
        for (unsigned i = 0; i < 16; i++) {
            seen.bad_traps += i != SEVC_RSP && trap->gpr[i] != enter_state.in[i];
        }
    }
}

void sevc_vc_dispatch_plain(struct sevc_trap *trap)
{
    (void)trap;
}

void sevc_os_nmi(struct sevc_trap *trap)
{
    seen.handled++;
    seen.nmi_trap = *trap;
    if (processor.vc_in_handler) {
        handler_raises();
    }
    if (sevc_trap_cpl(trap) == 3) {
        trap->rip = (uint64_t)enter_resume;
    }
}

void sevc_os_nmi_completed(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    seen.bad_traps += report->result != SEVC_OK;
}

enum sevc_result sevc_session_begin(struct sevc_session *session, struct sevc_cpu *c,
                                    struct sevc_report *report)
{
    (void)session;
    (void)c;
    (void)report;
    return SEVC_OK;
}

void sevc_session_end(struct sevc_session *session)
{
    (void)session;
}

enum sevc_result sevc_event_nmi_complete(struct sevc_session *session)
{
    (void)session;
    seen.completed++;
    processor.blocked = false;
    return SEVC_OK;
}

bool sevc_cpu_ready(const struct sevc_cpu *c)
{
    return c != NULL && c->magic == SEVC_CPU_MAGIC;
}

/* ---- the processor ---- */

static void push_frame(greg_t *registers, uint64_t top, void (*entry)(void), bool error_code)
{
    uint64_t *frame = (uint64_t *)top - (error_code ? 6 : 5);

    registers[REG_EFL] |= (greg_t)TF;
    if (error_code) {
        frame[0] = 0x72;
    }
    frame[error_code + 0] = (uint64_t)registers[REG_RIP];
    frame[error_code + 1] = enter_cs() & ~3ull;
    frame[error_code + 2] = (uint64_t)registers[REG_EFL];
    frame[error_code + 3] = (uint64_t)registers[REG_RSP];
    frame[error_code + 4] = enter_ss();
    registers[REG_RSP] = (greg_t)frame;
    registers[REG_RIP] = (greg_t)entry;
}

static void deliver_nmi(greg_t *registers)
{
    processor.pending--;
    processor.delivered++;
    processor.blocked = true;
    push_frame(registers, nmi_ist, sevc_nmi_entry, false);
}

static bool is_in(uint64_t rip, void (*stub)(void))
{
    return rip - ((uint64_t)stub - STUB_BYTES) < 2 * STUB_BYTES;
}

static void send_nmis(void)
{
    if (processor.step == processor.first ||
        (processor.second != NEVER && processor.step == processor.first + processor.second)) {
        processor.pending++;
    }
    if (processor.storm != 0 && processor.pending == 0 && processor.step > processor.first &&
        !processor.blocked) {
        processor.storm--;
        processor.pending++;
    }
}

static void on_step(int signal_number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *rip = (const uint8_t *)registers[REG_RIP];

    (void)signal_number;
    (void)info;
    processor.running |= rip == code;
    if (!processor.running || rip == enter_resume) {
        processor.running = false;
        return;
    }
    if (processor.at_iret && processor.window == BY_IRET) {
        processor.blocked = false;
    }
    processor.at_iret = rip[0] == IRETQ_0 && rip[1] == IRETQ_1;
    processor.step++;
    processor.in_stub[processor.step % STEPS] =
        is_in((uint64_t)rip, sevc_nmi_entry) || is_in((uint64_t)rip, sevc_vc_entry);
    send_nmis();
    if (processor.pending != 0 && !processor.blocked) {
        deliver_nmi(registers);
        processor.at_iret = false;
    } else if (rip == code_vc || rip == handler_vc) {
        registers[REG_RIP]++;
        push_frame(registers, vc_ist, sevc_vc_entry, true);
    } else if (processor.at_iret) {
        ((uint64_t *)registers[REG_RSP])[1] |= 3;
    }
}

/* ---- one run ---- */

static void run(enum window window, unsigned first, unsigned second, unsigned storm,
                bool vc_in_handler)
{
    memset(&processor, 0, sizeof(processor));
    memset(&seen, 0, sizeof(seen));
    memset(&vc_stack, 0x11, sizeof(vc_stack));
    memset(&nmi_stack, 0x22, sizeof(nmi_stack));
    memset(&enter_state, 0, sizeof(enter_state));
    processor.window = window;
    processor.first = first;
    processor.second = second;
    processor.storm = storm;
    processor.vc_in_handler = vc_in_handler;
    sevc_vc_stack_early(&vc_stack, &vc_ist);
    vc_stack.head.cpu = &cpu;
    assert_int_equal(sevc_nmi_init(&nmi_stack, &cpu, &vc_stack, &nmi_ist), SEVC_OK);
    enter_state.entry = (uint64_t)code;
    enter_state.frame = (uint64_t)&interrupted_stack[2048];
    enter_state.rflags_in = 2 | TF;
    for (unsigned i = 0; i < 16; i++) {
        enter_state.in[i] = 0x1111111111111111ull * i + 0xABCD;
    }
    enter();
}

/* All that must hold at the end of any run. */
static void assert_whole(void)
{
    uint64_t nmi_vcs = processor.vc_in_handler ? seen.handled : 0;

    assert_int_equal(enter_state.terminated, 0);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            assert_int_equal(enter_state.out[i], enter_state.in[i]);
        }
    }
    assert_int_equal(enter_state.out[SEVC_RSP], (uint64_t)&interrupted_stack[2048]);
    assert_int_equal(seen.bad_traps, 0);
    assert_int_equal(seen.vcs, 1 + nmi_vcs);
    assert_int_equal(seen.handled, processor.delivered);
    assert_int_equal(seen.completed, processor.delivered);
    assert_int_equal(nmi_stack.head.handled, processor.delivered);
    assert_int_equal(nmi_stack.state.running, 0);
    assert_int_equal(nmi_stack.state.waiting, 0);
    assert_int_equal(vc_ist, (uint64_t)(&vc_stack + 1));
    assert_int_equal(nmi_ist, (uint64_t)(&nmi_stack + 1));
}

static unsigned steps_without_nmi(void)
{
    run(BY_COMPLETE, NEVER, NEVER, 0, false);
    assert_whole();
    assert_int_equal(processor.delivered, 0);
    return processor.step;
}

/* The whole window table of docs/entry.md, and what lies between. */
static void an_nmi_before_any_instruction_of_a_vc_may_raise_one_itself(void **state)
{
    unsigned steps = steps_without_nmi();

    (void)state;
    assert_in_range(steps, 60, 2000);
    for (unsigned first = 1; first <= steps; first++) {
        run(BY_COMPLETE, first, NEVER, 0, true);
        assert_int_equal(processor.delivered, 1);
        assert_whole();
    }
    print_message("%u instructions, an NMI before each\n", steps);
}

/*
 * The window opens at NMI_COMPLETE, or earlier, by the IRET of the handler's own #VC. In each case the
 * second NMI comes before every single instruction from then on: the first one's frame must survive.
 */
static void a_second_nmi_may_follow_at_every_instruction(void **state)
{
    unsigned steps = steps_without_nmi();
    /* In the code; in the #VC entry's window on the way in; in that on the way out. */
    const unsigned places[] = { 1, 3, steps - 1 };

    (void)state;
    for (unsigned window = BY_COMPLETE; window <= BY_IRET; window++) {
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            static bool in_stub[STEPS];
            unsigned all;

            run(window, places[i], NEVER, 0, true);
            all = processor.step;
            memcpy(in_stub, processor.in_stub, sizeof(in_stub));
            for (unsigned second = 1; places[i] + second <= all; second++) {
                if (!in_stub[(places[i] + second) % STEPS] && second % 16 != 0) {
                    continue; /* C code is one place as good as another */
                }
                run(window, places[i], second, 0, true);
                assert_in_range(processor.delivered, 1, 2);
                assert_int_equal(processor.delivered + processor.pending, 2);
                assert_whole();
            }
        }
    }
}

/* Each NMI_COMPLETE, each IRET, is followed by another NMI at once: the stack must not deepen. */
static void a_storm_does_not_deepen_the_stack(void **state)
{
    (void)state;
    for (unsigned window = BY_COMPLETE; window <= BY_IRET; window++) {
        for (unsigned first = 1; first < 40; first += 13) {
            static uint8_t untouched[1024];

            run(window, first, NEVER, 20, true);
            assert_int_equal(processor.delivered, 21);
            assert_whole();
            memset(untouched, 0x22, sizeof(untouched));
            assert_memory_equal(nmi_stack.bytes, untouched, sizeof(untouched));
        }
    }
}

static void the_handler_sees_what_was_interrupted(void **state)
{
    (void)state;
    run(BY_COMPLETE, 1, NEVER, 0, false);
    assert_whole();
    assert_int_equal(seen.nmi_trap.rip, (uint64_t)code);
    assert_int_equal(seen.nmi_trap.rsp, (uint64_t)&interrupted_stack[2048]);
    assert_int_equal(seen.nmi_trap.cs, enter_cs() & ~3ull);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            assert_int_equal(seen.nmi_trap.gpr[i], enter_state.in[i]);
        }
    }
}

/* ---- frames that a lying host has overwritten ---- */

/* An NMI whose frame says that it has interrupted RIP, on its own stack. */
static void enter_nmi(uint64_t rip, unsigned cpl)
{
    uint64_t *frame = (uint64_t *)(&nmi_stack + 1) - 5;

    memset(&seen, 0, sizeof(seen));
    memset(&processor, 0, sizeof(processor));
    memset(&enter_state, 0, sizeof(enter_state));
    vc_stack = (struct sevc_vc_stack){ 0 };
    assert_int_equal(sevc_nmi_init(&nmi_stack, &cpu, &vc_stack, &nmi_ist), SEVC_OK);
    frame[0] = rip;
    frame[1] = (enter_cs() & ~3ull) | cpl;
    frame[2] = 0x202;
    frame[3] = (uint64_t)&interrupted_stack[2048];
    frame[4] = enter_ss();
    enter_state.entry = (uint64_t)sevc_nmi_entry;
    enter_state.frame = (uint64_t)frame;
    enter_state.rflags_in = 2;
    enter();
}

/* A second NMI in the first instructions of the entry, which cannot be: the first frame is lost. */
static void an_nmi_that_overwrites_the_frame_of_another_ends_the_guest(void **state)
{
    (void)state;
    enter_nmi((uint64_t)sevc_nmi_entry, 0);
    assert_int_equal(enter_state.terminated, 1);
    assert_int_equal(seen.handled, 0);
    enter_nmi((uint64_t)sevc_nmi_entry + 1, 0);
    assert_int_equal(enter_state.terminated, 1);
}

/* The same RIP from user mode is the user's, and means nothing. */
static void a_user_rip_means_nothing(void **state)
{
    (void)state;
    enter_nmi((uint64_t)sevc_nmi_entry, 3);
    assert_int_equal(enter_state.terminated, 0);
    assert_int_equal(seen.handled, 1);
    assert_int_equal(nmi_stack.state.running, 0);
}

static int start_stepping(void **state)
{
    static struct sigaction action;
    static stack_t signal_stack;

    signal_stack.ss_size = 1 << 16;
    signal_stack.ss_sp = malloc(signal_stack.ss_size);
    action.sa_sigaction = on_step;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    *state = signal_stack.ss_sp;
    return signal_stack.ss_sp == NULL || sigaltstack(&signal_stack, NULL) != 0 ||
           sigaction(SIGTRAP, &action, NULL) != 0;
}

static int stop_stepping(void **state)
{
    static stack_t none = { .ss_flags = SS_DISABLE };

    sigaltstack(&none, NULL);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_nmi_before_any_instruction_of_a_vc_may_raise_one_itself),
        cmocka_unit_test(a_second_nmi_may_follow_at_every_instruction),
        cmocka_unit_test(a_storm_does_not_deepen_the_stack),
        cmocka_unit_test(the_handler_sees_what_was_interrupted),
        cmocka_unit_test(an_nmi_that_overwrites_the_frame_of_another_ends_the_guest),
        cmocka_unit_test(a_user_rip_means_nothing),
    };

    return cmocka_run_group_tests(tests, start_stepping, stop_stepping);
}
