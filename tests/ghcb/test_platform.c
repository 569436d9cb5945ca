/* SPDX-License-Identifier: MIT */
/* The MSR protocol, executed: exchanges, negotiation, termination. */
#include "common.h"

static void an_msr_exchange_puts_the_msr_back(void **state)
{
    struct scripted_host host;

    (void)state;
    host_start(&host);
    host_expect_msr(&host, 0x0000000100000004, 0xABCDEF0100000005);
    assert_int_equal(sevc_msr_exchange(0x0000000100000004), 0xABCDEF0100000005);
    assert_int_equal(host.ghcb_msr, HOST_GHCB_GPA);
    assert_int_equal(host.wrmsrs, 2);
    host_finish(&host);
}

/* Whatever it was: firmware's GHCB, the reset value, a half-finished request. */
static void an_msr_exchange_puts_back_any_value(void **state)
{
    static const uint64_t values[] = { 0, 0x1000, 0x8000000140000004, ~0ull, 0x100 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct scripted_host host;

        host_start(&host);
        host.ghcb_msr = values[i];
        host_expect_msr(&host, 2, 0x0002000133000001);
        sevc_msr_exchange(2);
        assert_int_equal(host.ghcb_msr, values[i]);
        host.ghcb_msr = HOST_GHCB_GPA;
        host_finish(&host);
    }
}

/* ---- negotiation ---- */

static void the_highest_common_version_is_taken(void **state)
{
    static const struct {
        unsigned min, max;
        unsigned version; /* 0: none in common */
    } cases[] = {
        { 1, 1, 1 }, { 1, 2, 2 },           { 2, 2, 2 },           { 1, 3, 2 },
        { 2, 3, 2 }, { 1, 0xFFFF, 2 },      { 2, 0xFFFF, 2 },      { 0, 1, 1 },
        { 0, 2, 2 }, { 0, 0, 0 },           { 3, 3, 0 },           { 3, 0xFFFF, 0 },
        { 0, 3, 2 }, { 0x0100, 0x0200, 0 }, { 0xFFFF, 0xFFFF, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sevc_platform platform = { .version = 0x77 };
        struct sevc_report report;
        struct scripted_host host;
        enum sevc_result result;

        host_start(&host);
        host_expect_platform(&host, cases[i].min, cases[i].max, 51);
        result = sevc_platform_init(&platform, &report);
        assert_int_equal(report.vmgexits, 1);
        if (cases[i].version == 0) {
            assert_int_equal(result, SEVC_HOST_ERROR);
            assert_int_equal(report.reason, SEVC_REASON_VERSION);
            assert_int_equal(report.result, SEVC_HOST_ERROR);
            assert_int_equal(platform.version, 0x77);
        } else {
            assert_int_equal(result, SEVC_OK);
            assert_int_equal(platform.version, cases[i].version);
            assert_int_equal(platform.c_bit, 51);
            assert_int_equal(platform.sev_status, 3);
        }
        host_finish(&host);
    }
}

/* What the processor says cannot be forged; nothing is asked before it is known. */
static void a_machine_of_another_kind_is_refused_without_an_exit(void **state)
{
    static const struct {
        uint64_t sev_status;
        enum sevc_reason reason;
    } cases[] = {
        { 0, SEVC_REASON_NOT_SEV_ES }, { 1, SEVC_REASON_NOT_SEV_ES }, { 2, SEVC_REASON_NOT_SEV_ES },
        { 4, SEVC_REASON_NOT_SEV_ES }, { 7, SEVC_REASON_SNP },        { 0xFF, SEVC_REASON_SNP },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sevc_platform platform = { .c_bit = 7 };
        struct sevc_report report;
        struct scripted_host host;

        host_start(&host);
        host.sev_status = cases[i].sev_status;
        assert_int_equal(sevc_platform_init(&platform, &report), SEVC_UNSUPPORTED);
        assert_int_equal(report.reason, cases[i].reason);
        assert_int_equal(host.vmgexits, 0);
        assert_int_equal(platform.c_bit, 7);
        host_finish(&host);
    }
}

/* T69: a host that answers nothing, or the wrong thing. */
static void T69_each_lie_about_the_sev_information_is_an_error(void **state)
{
    unsigned lies = 0;

    (void)state;
    for (unsigned lie = 0; lie < HOST_LIE_COUNT; lie++) {
        struct sevc_platform platform = { .c_bit = 7 };
        struct sevc_report report;
        struct scripted_host host;

        if (host_lies[lie].page || lie == HOST_HONEST) {
            continue;
        }
        host_start(&host);
        host_expect_platform(&host, 1, 2, 51);
        host.script[0].lie = (enum host_lie)lie;
        assert_int_equal(sevc_platform_init(&platform, &report), host_lies[lie].result);
        assert_int_equal(report.reason, host_lies[lie].reason);
        assert_int_equal(report.stage, SEVC_STAGE_REPLY);
        assert_int_equal(platform.c_bit, 7);
        host_finish(&host);
        lies++;
    }
    assert_int_equal(lies, 4);
}

/* ---- what the MSR holds when nobody has asked ---- */

/*
 * Initialises with MSR in the GHCB MSR. EXITS: how many it may take, 0 or 1; if it asks, the host's
 * version is 1 and its C-bit 47. The MSR is left as it was.
 */
static enum sevc_result init_with(uint64_t msr, unsigned exits, struct sevc_platform *platform,
                                  struct sevc_report *report)
{
    struct scripted_host host;
    enum sevc_result result;

    host_start(&host);
    host.ghcb_msr = msr;
    if (exits != 0) {
        host_expect_platform(&host, 1, 1, 47);
    }
    result = sevc_platform_init(platform, report);
    assert_int_equal(report->vmgexits, exits);
    assert_int_equal(host.vmgexits, exits);
    assert_int_equal(host.wrmsrs, 2 * exits);
    assert_int_equal(host.ghcb_msr, msr);
    host.ghcb_msr = HOST_GHCB_GPA;
    host_finish(&host);
    return result;
}

static void after_reset_nothing_is_asked(void **state)
{
    static const struct {
        uint64_t msr;
        unsigned version, c_bit;
    } cases[] = {
        { 0x0002000133000001, 2, 51 },
        { 0x000100012F000001, 1, 47 },
        { 0xFFFF000020000001, 2, 32 },
        { 0x000200023F000001, 2, 63 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sevc_platform platform;
        struct sevc_report report;

        assert_int_equal(init_with(cases[i].msr, 0, &platform, &report), SEVC_OK);
        assert_int_equal(platform.version, cases[i].version);
        assert_int_equal(platform.c_bit, cases[i].c_bit);
    }
}

/* T69: what nobody has asked for is the host's word all the same. */
static void T69_each_lie_at_reset_is_an_error(void **state)
{
    static const struct {
        uint64_t msr;
        enum sevc_reason reason;
    } cases[] = {
        { 0x0000000000000001, SEVC_REASON_BAD_RESPONSE }, /* no C-bit */
        { 0x000200011F000001, SEVC_REASON_BAD_RESPONSE }, /* bit 31 */
        { 0x0002000140000001, SEVC_REASON_BAD_RESPONSE }, /* bit 64 */
        { 0x0001000233000001, SEVC_REASON_BAD_RESPONSE }, /* an empty range */
        { 0x0002000133001001, SEVC_REASON_BAD_RESPONSE }, /* reserved bits */
        { 0x0002000133800001, SEVC_REASON_BAD_RESPONSE },
        { 0x0000000033000001, SEVC_REASON_VERSION },
        { 0x0005000333000001, SEVC_REASON_VERSION },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sevc_platform platform = { .c_bit = 7 };
        struct sevc_report report;

        assert_int_equal(init_with(cases[i].msr, 0, &platform, &report), SEVC_HOST_ERROR);
        assert_int_equal(report.reason, cases[i].reason);
        assert_int_equal(report.stage, SEVC_STAGE_REPLY);
        assert_int_equal(report.info1, cases[i].msr);
        assert_int_equal(platform.c_bit, 7);
    }
}

/* Firmware's GHCB, a response to something else, nothing: the host is asked. */
static void whatever_else_the_msr_holds_is_asked_over(void **state)
{
    static const uint64_t values[] = { 0,
                                       0x1000,
                                       0x0002000133000000, /* each bit of the code counts */
                                       0x0002000133000003,
                                       0x0002000133000101,
                                       0x0002000133000801,
                                       0x0000001F00000005 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct sevc_platform platform;
        struct sevc_report report;

        assert_int_equal(init_with(values[i], 1, &platform, &report), SEVC_OK);
        assert_int_equal(platform.version, 1);
        assert_int_equal(platform.c_bit, 47);
    }
}

/* ---- termination ---- */

struct reason {
    unsigned set;
    unsigned code;
};

static void end_with(void *argument)
{
    const struct reason *reason = argument;

    sevc_terminate_with(reason->set, reason->code);
}

static void end(void *argument)
{
    sevc_terminate(((const struct reason *)argument)->code);
}

static void termination_names_its_reason(void **state)
{
    struct reason reason = { 5, 0xA7 };
    struct scripted_host host;

    (void)state;
    host_start(&host);
    assert_int_equal(host_run_to_termination(&host, 0, end_with, &reason), 0x0000000000A75100);
    assert_int_equal(host_run_to_termination(&host, 0, end, &reason), 0x0000000000A70100);
    host.ghcb_msr = HOST_GHCB_GPA;
    host_finish(&host);
}

/* A host that runs the guest on gets the same request again, and nothing else of the guest. */
static void termination_is_for_ever(void **state)
{
    struct reason reason = { 0, 0 };
    struct scripted_host host;

    (void)state;
    host_start(&host);
    assert_int_equal(host_run_to_termination(&host, 100, end_with, &reason), 0x100);
    assert_int_equal(host.vmgexits, 101);
    assert_int_equal(host.wrmsrs, 101); /* anew each time: the host may have changed the MSR */
    assert_int_equal(host.logged, 100); /* HLT in between: no busy loop */
    assert_int_equal(host.log[0].operation, HOST_OP_HALT);
    host.ghcb_msr = HOST_GHCB_GPA;
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_msr_exchange_puts_the_msr_back),
        cmocka_unit_test(an_msr_exchange_puts_back_any_value),
        cmocka_unit_test(the_highest_common_version_is_taken),
        cmocka_unit_test(a_machine_of_another_kind_is_refused_without_an_exit),
        cmocka_unit_test(T69_each_lie_about_the_sev_information_is_an_error),
        cmocka_unit_test(after_reset_nothing_is_asked),
        cmocka_unit_test(T69_each_lie_at_reset_is_an_error),
        cmocka_unit_test(whatever_else_the_msr_holds_is_asked_over),
        cmocka_unit_test(termination_names_its_reason),
        cmocka_unit_test(termination_is_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
