/* SPDX-License-Identifier: MIT */
/* NMI_COMPLETE, the IST slot around an NMI, and the last message of a panic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <sevc/nmi.h>

#include "scripted_host.h"

#define LEVEL           SEVC_VC_LEVEL_BYTES
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NMI_COMPLETE    0x80000003
#define GAP_RIP         0xFFFFFFFF80001000ull
#define FAR_AWAY        0x7000000000001000ull

static struct scripted_host host;
static struct sevc_cpu cpu;
static struct sevc_vc_stack stack;
static uint64_t tss_ist;

bool sevc_os_user_rsp(const struct sevc_trap *trap)
{
    return trap->rip == GAP_RIP;
}

/* ---- NMI_COMPLETE ---- */

static void expect_complete(struct host_exchange how)
{
    how.event = NMI_COMPLETE;
    host_expect(&host, &how);
}

static void complete_is_one_exchange_without_inputs(void **state)
{
    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        struct sevc_report report;

        host_start(&host);
        host_make_cpu(&host, &cpu, (uint16_t)version);
        expect_complete((struct host_exchange){ 0 });
        assert_int_equal(sevc_nmi_complete(&cpu, &report), SEVC_OK);
        assert_int_equal(report.result, SEVC_OK);
        assert_int_equal(report.vmgexits, 1);
        assert_int_equal(report.nae_code, NMI_COMPLETE);
        assert_int_equal(cpu.depth, 0);
        host_finish(&host);
    }
}

/* T16: the interrupted exchange, half done, is there again to the byte, and so is the MSR. */
static void complete_inside_another_session_puts_all_back(void **state)
{
    struct sevc_report outer_report = { 0 }, report;
    struct sevc_session outer;
    struct sevc_ghcb_page before;

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    assert_int_equal(sevc_session_begin(&outer, &cpu, &outer_report), SEVC_OK);
    for (unsigned i = 0; i < sizeof(before); i++) {
        ((uint8_t *)host.alias)[i] = (uint8_t)(i * 13 + 1);
    }
    memcpy(&before, host.alias, sizeof(before));
    host.ghcb_msr = 0x4000000B40000004;
    expect_complete((struct host_exchange){ 0 });
    assert_int_equal(sevc_nmi_complete(&cpu, &report), SEVC_OK);
    assert_memory_equal(host.alias, &before, sizeof(before));
    assert_int_equal(host.ghcb_msr, 0x4000000B40000004);
    assert_int_equal(cpu.depth, 1);
    memset(host.alias, 0, sizeof(before));
    host.ghcb_msr = HOST_GHCB_GPA;
    sevc_session_end(&outer);
    host_finish(&host);
}

static void what_the_host_may_not_answer_is_its_error(void **state)
{
    static const enum host_lie lies[] = { HOST_INJECTS_GP, HOST_INJECTS_UD, HOST_INJECTS_PF,
                                          HOST_REJECTS, HOST_INFO1_UNDEFINED };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(lies); i++) {
        struct sevc_report report;

        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        expect_complete((struct host_exchange){ .lie = lies[i] });
        assert_int_equal(sevc_nmi_complete(&cpu, &report), SEVC_HOST_ERROR);
        assert_int_equal(report.result, SEVC_HOST_ERROR);
        host_finish(&host);
    }
}

/* T18: an NMI before the CPU has a GHCB, or before it has anything. */
static void without_a_cpu_nothing_is_sent_and_nobody_falls(void **state)
{
    static const int fillings[] = { 0, 0xA5, 0xFF };
    struct sevc_report report;

    (void)state;
    host_start(&host);
    assert_int_equal(sevc_nmi_complete(NULL, &report), SEVC_FORBIDDEN);
    assert_int_equal(report.reason, SEVC_REASON_NOT_READY);
    for (unsigned i = 0; i < COUNT_OF(fillings); i++) {
        memset(&cpu, fillings[i], sizeof(cpu));
        assert_int_equal(sevc_nmi_complete(&cpu, &report), SEVC_FORBIDDEN);
        assert_int_equal(report.reason, SEVC_REASON_NOT_READY);
    }
    sevc_panic_release(NULL, NULL);
    sevc_panic_release(&cpu, NULL);
    assert_int_equal(host.vmgexits, 0);
    assert_int_equal(host.wrmsrs, 0);
    host_finish(&host);
}

static void the_stack_must_be_one(void **state)
{
    static struct sevc_nmi_stack nmi_stack;
    uint64_t ist = 1;

    (void)state;
    assert_int_equal(sevc_nmi_init(NULL, &cpu, &stack, &ist), SEVC_INVALID);
    assert_int_equal(sevc_nmi_init(&nmi_stack, &cpu, &stack, NULL), SEVC_INVALID);
    assert_int_equal(sevc_nmi_init((void *)((uint8_t *)&nmi_stack + 64), &cpu, &stack, &ist),
                     SEVC_INVALID);
    assert_int_equal(ist, 1);
    assert_int_equal(sevc_nmi_init(&nmi_stack, NULL, NULL, &ist), SEVC_OK);
    assert_int_equal(ist, (uint64_t)(&nmi_stack + 1));
}

/* ---- the #VC stack's slot: T15 ---- */

static uint64_t top(void)
{
    return (uint64_t)(&stack + 1);
}

/* Where the slot stands while an NMI is handled that has interrupted this. */
static uint64_t slot_during(uint64_t slot, uint64_t rsp, uint64_t cs, uint64_t rip)
{
    struct sevc_trap trap = { .rsp = rsp, .cs = cs, .rip = rip };
    struct sevc_nmi nmi;
    uint64_t during;

    sevc_vc_stack_early(&stack, &tss_ist);
    tss_ist = slot;
    sevc_nmi_enter(&nmi, &stack, &trap);
    during = tss_ist;
    sevc_nmi_leave(&nmi);
    assert_int_equal(tss_ist, slot);
    return during;
}

static void the_slot_is_lowered_only_below_a_frame_that_lies_at_it(void **state)
{
    const uint64_t t = top();
    const struct {
        uint64_t slot, rsp, cs, rip, during;
    } cases[] = {
        { t, t - 48, 8, 0x1000, t - LEVEL }, /* the first instruction of the #VC entry */
        { t, t - 40, 8, 0x1000, t - LEVEL }, /* its IRETQ */
        { t, t - LEVEL, 8, 0x1000, t - LEVEL },
        { t, t - LEVEL - 8, 8, 0x1000, t - 2 * LEVEL }, /* deeper than a level: two */
        { t - LEVEL, t - 176, 8, 0x1000, t - LEVEL },   /* the entry has lowered it already */
        { t - LEVEL, t - LEVEL - 48, 8, 0x1000, t - 2 * LEVEL },         /* a nested #VC's entry */
        { t - 3 * LEVEL, t - 3 * LEVEL - 64, 8, 0x1000, t - 3 * LEVEL }, /* lowest: .Lfatal */
        { t - 2 * LEVEL, t - 3 * LEVEL - 64, 8, 0x1000, t - 3 * LEVEL }, /* two, but for that */
        { t, FAR_AWAY, 8, 0x1000, t },                                   /* not on this stack */
        { t, t + 64, 8, 0x1000, t },
        { t, (uint64_t)&stack - 8, 8, 0x1000, t },
        { t, t - 48, 0x23, 0x1000, t }, /* the user's RSP, from user mode */
        { t, t - 48, 0x09, 0x1000, t },
        { t, t - 48, 8, GAP_RIP, t }, /* the user's RSP, after SYSCALL */
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(slot_during(cases[i].slot, cases[i].rsp, cases[i].cs, cases[i].rip),
                         cases[i].during);
    }
}

static void without_a_slot_there_is_nothing_to_lower(void **state)
{
    struct sevc_trap trap = { .rsp = top() - 48, .cs = 8 };
    struct sevc_nmi nmi;

    (void)state;
    sevc_nmi_enter(&nmi, NULL, &trap);
    sevc_nmi_leave(&nmi);
    memset(&stack, 0, sizeof(stack)); /* before sevc_cpu_init(), and before sevc_vc_stack_early() */
    sevc_nmi_enter(&nmi, &stack, &trap);
    sevc_nmi_leave(&nmi);
}

/* ---- the third level: T16 ---- */

/* Refused; and after sevc_panic_release() the console works once more. */
static void a_third_level_is_refused_and_can_still_print(void **state)
{
    struct sevc_report reports[3] = { 0 };
    struct sevc_session sessions[3];

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    sevc_vc_stack_early(&stack, &tss_ist);
    assert_int_equal(sevc_session_begin(&sessions[0], &cpu, &reports[0]), SEVC_OK);
    memset(host.alias, 0x77, SEVC_GHCB_SIZE);
    assert_int_equal(sevc_session_begin(&sessions[1], &cpu, &reports[1]), SEVC_OK);
    memset(host.alias, 0x66, SEVC_GHCB_SIZE);
    host.ghcb_msr = 0x100000004;
    assert_int_equal(sevc_session_begin(&sessions[2], &cpu, &reports[2]), SEVC_FORBIDDEN);
    assert_int_equal(reports[2].reason, SEVC_REASON_NESTING);

    tss_ist = top() - 3 * LEVEL; /* as it is on the third level */
    sevc_panic_release(&cpu, &stack);
    assert_int_equal(tss_ist, top());
    host_assert_at_rest(&host);
    host_expect(&host, &(struct host_exchange){
                           .event = SEVC_EXIT_IOIO,
                           .info1 = 0x3F80210,
                           .inputs = { { SEVC_GHCB_OFF_RAX, 'x' } },
                       });
    memset(&reports[2], 0, sizeof(reports[2]));
    assert_int_equal(sevc_session_begin(&sessions[2], &cpu, &reports[2]), SEVC_OK);
    assert_int_equal(sevc_event_out(&sessions[2], 0x3F8, 1, 8, 'x'), SEVC_OK);
    sevc_session_end(&sessions[2]);
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_is_one_exchange_without_inputs),
        cmocka_unit_test(complete_inside_another_session_puts_all_back),
        cmocka_unit_test(what_the_host_may_not_answer_is_its_error),
        cmocka_unit_test(without_a_cpu_nothing_is_sent_and_nobody_falls),
        cmocka_unit_test(the_stack_must_be_one),
        cmocka_unit_test(the_slot_is_lowered_only_below_a_frame_that_lies_at_it),
        cmocka_unit_test(without_a_slot_there_is_nothing_to_lower),
        cmocka_unit_test(a_third_level_is_refused_and_can_still_print),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
