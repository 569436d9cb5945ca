/* SPDX-License-Identifier: MIT */
/* Every event against every lie that a hypervisor can tell about it. */
#include "common.h"
#include "events.h"

/* Named, so that a failure says which pair it was. */
static char pair[128];

struct outcome {
    enum sevc_result result;
    struct sevc_report report;
    uint64_t out[EVENT_OUTPUTS];
};

static struct outcome run(struct scripted_host *host, const struct event_case *event,
                          enum host_lie lie)
{
    struct host_exchange exchange = event->exchange;
    struct outcome outcome = { .report = { 0 } };
    struct sevc_session session;
    struct sevc_cpu cpu;

    for (unsigned i = 0; i < EVENT_OUTPUTS; i++) {
        outcome.out[i] = EVENT_UNTOUCHED;
    }
    exchange.lie = lie;
    snprintf(pair, sizeof(pair), "%s, %s", event->name, host_lies[lie].name);
    host_start(host);
    host_make_cpu(host, &cpu, 2);
    host_expect(host, &exchange);
    assert_int_equal(sevc_session_begin(&session, &cpu, &outcome.report), SEVC_OK);
    outcome.result = event->call(&session, outcome.out);
    sevc_session_end(&session);
    assert_int_equal(cpu.depth, 0);
    assert_int_equal(outcome.report.vmgexits, 1);
    host_finish(host); /* the page is clean whatever the host left there */
    return outcome;
}

static void check_outputs(const struct event_case *event, const struct outcome *outcome)
{
    unsigned written = outcome->result == SEVC_OK ? event->outs : 0;

    for (unsigned i = 0; i < EVENT_OUTPUTS; i++) {
        uint64_t expected = i < written ? event->out[i] : EVENT_UNTOUCHED;

        if (outcome->out[i] != expected) {
            fail_msg("%s: output %u is 0x%llx, expected 0x%llx", pair, i,
                     (unsigned long long)outcome->out[i], (unsigned long long)expected);
        }
    }
}

static void an_honest_answer_reaches_the_caller(void **state)
{
    struct scripted_host host;

    (void)state;
    for (size_t i = 0; i < event_case_count; i++) {
        struct outcome outcome = run(&host, &event_cases[i], HOST_HONEST);

        if (outcome.result != SEVC_OK) {
            fail_msg("%s: result %d", pair, (int)outcome.result);
        }
        check_outputs(&event_cases[i], &outcome);
    }
}

static bool applies(const struct host_lie_facts *lie, const struct event_case *event)
{
    if (!lie->page || (lie->needs_output != 0 && !event_returns(event, lie->needs_output))) {
        return false;
    }
    return !lie->needs_any_output || event->exchange.outputs[0].offset != 0;
}

static void every_lie_has_its_result(void **state)
{
    struct scripted_host host;
    unsigned pairs = 0;

    (void)state;
    for (size_t i = 0; i < event_case_count; i++) {
        for (unsigned lie = 1; lie < HOST_LIE_COUNT; lie++) {
            const struct host_lie_facts *facts = &host_lies[lie];
            struct outcome outcome;

            if (facts->depends || !applies(facts, &event_cases[i])) {
                continue;
            }
            outcome = run(&host, &event_cases[i], (enum host_lie)lie);
            if (outcome.result != facts->result || outcome.report.reason != facts->reason) {
                fail_msg("%s: result %d, reason %d; expected %d, %d", pair, (int)outcome.result,
                         (int)outcome.report.reason, (int)facts->result, (int)facts->reason);
            }
            if (facts->result != SEVC_OK && outcome.report.stage != SEVC_STAGE_REPLY) {
                fail_msg("%s: stage %d", pair, (int)outcome.report.stage);
            }
            check_outputs(&event_cases[i], &outcome);
            pairs++;
        }
    }
    assert_true(pairs > 500);
}

/*
 * T69: a host that does nothing for us. Where the protocol can tell, it is an error: where an
 * output is no input too, or SW_EXITINFO1 went out as something else than 0.
 */
static void T69_silence_is_never_taken_for_data(void **state)
{
    struct scripted_host host;
    unsigned detected = 0;

    (void)state;
    for (size_t i = 0; i < event_case_count; i++) {
        const struct event_case *event = &event_cases[i];
        struct outcome outcome = run(&host, event, HOST_SILENT);
        bool detectable = (uint32_t)event->exchange.info1 != 0;

        for (unsigned output = 0; event->exchange.outputs[output].offset != 0; output++) {
            bool sent = false;

            for (unsigned input = 0; event->exchange.inputs[input].offset != 0; input++) {
                sent |=
                    event->exchange.inputs[input].offset == event->exchange.outputs[output].offset;
            }
            detectable |= !sent;
        }
        if (detectable && outcome.result != SEVC_HOST_ERROR) {
            fail_msg("%s: result %d", pair, (int)outcome.result);
        }
        detected += detectable;
    }
    assert_true(detected >= 15);
}

static void injected_faults_are_reported_as_the_processor_has_them(void **state)
{
    struct scripted_host host;
    struct outcome outcome = run(&host, &event_cases[0], HOST_INJECTS_GP);

    (void)state;
    assert_int_equal(outcome.report.fault.vector, 13);
    assert_true(outcome.report.fault.has_error_code);
    assert_int_equal(outcome.report.fault.error_code, 0);
    outcome = run(&host, &event_cases[0], HOST_INJECTS_UD);
    assert_int_equal(outcome.report.fault.vector, 6);
    assert_false(outcome.report.fault.has_error_code);
    assert_int_equal(outcome.report.info1, 1);
    assert_int_equal(outcome.report.info2, 0x80000306);
}

/* T36, one bit at a time: of all injections only four fields' worth are #GP or #UD. */
static void T36_each_bit_of_an_injection_counts(void **state)
{
    static const uint64_t bases[] = { 0x80000B0D, 0x80000306 };
    struct scripted_host host;

    (void)state;
    for (size_t base = 0; base < COUNT_OF(bases); base++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            struct host_exchange exchange = event_cases[0].exchange;
            struct sevc_report report = { 0 };
            uint64_t out[EVENT_OUTPUTS];
            struct sevc_session session;
            struct sevc_cpu cpu;
            enum sevc_result result;
            /* #GP's error code is the host's to choose; everything else is fixed. */
            bool free = base == 0 && bit >= 32;

            exchange.reply_info1 = 1;
            exchange.reply_info2 = bases[base] ^ 1ull << bit;
            host_start(&host);
            host_make_cpu(&host, &cpu, 2);
            host_expect(&host, &exchange);
            sevc_session_begin(&session, &cpu, &report);
            result = event_cases[0].call(&session, out);
            sevc_session_end(&session);
            host_finish(&host);
            if (result != (free ? SEVC_EXCEPTION : SEVC_HOST_ERROR)) {
                fail_msg("info2 0x%llx: result %d", (unsigned long long)exchange.reply_info2,
                         (int)result);
            }
            if (free) {
                assert_int_equal(report.fault.error_code, 1u << (bit - 32));
            }
        }
    }
}

/* SW_EXITINFO1[31:0]: 0, 1 and 2 have meanings, nothing else has. */
static void each_bit_of_info1_counts(void **state)
{
    struct scripted_host host;

    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct host_exchange exchange = event_cases[0].exchange;
        struct sevc_report report = { 0 };
        uint64_t out[EVENT_OUTPUTS];
        struct sevc_session session;
        struct sevc_cpu cpu;
        enum sevc_result result;

        exchange.reply_info1 = 1ull << bit;
        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host_expect(&host, &exchange);
        sevc_session_begin(&session, &cpu, &report);
        result = event_cases[0].call(&session, out);
        sevc_session_end(&session);
        host_finish(&host);
        if (result != (bit < 32 ? SEVC_HOST_ERROR : SEVC_OK)) {
            fail_msg("info1 bit %u: result %d", bit, (int)result);
        }
        assert_int_equal(report.info1, 1ull << bit);
    }
}

/* Each output's own bit is the one that is looked at (T62, T65): all bits set but one. */
static void T62_T65_each_valid_bit_is_the_right_one(void **state)
{
    struct scripted_host host;

    (void)state;
    for (unsigned index = 0; index < 128; index++) {
        struct host_exchange exchange = event_cases[0].exchange;
        struct sevc_report report = { 0 };
        uint64_t out[EVENT_OUTPUTS];
        struct sevc_session session;
        struct sevc_cpu cpu;
        enum sevc_result result;
        bool output = index == 63 || (index >= 97 && index <= 99);

        exchange.raw_bitmap[0] = index < 64 ? ~(1ull << index) : ~0ull;
        exchange.raw_bitmap[1] = index >= 64 ? ~(1ull << (index - 64)) : ~0ull;
        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host_expect(&host, &exchange);
        sevc_session_begin(&session, &cpu, &report);
        result = event_cases[0].call(&session, out);
        sevc_session_end(&session);
        host_finish(&host);
        if (result != (output ? SEVC_HOST_ERROR : SEVC_OK)) {
            fail_msg("bit %u missing: result %d", index, (int)result);
        }
    }
}

/* Arguments outside the documented ranges: nothing is sent at all. */
static void bad_arguments_send_nothing(void **state)
{
    static const unsigned sizes[] = { 0, 3, 5, 8, 16, 0x100, ~0u };
    struct sevc_string_io io = { .port = 1, .bytes = 1, .address_bytes = 8, .segment = SEVC_DS };
    struct sevc_hypercall_abi abi = { 0 };
    uint64_t gpr[16] = { 0 };
    struct scripted_host host;
    struct sevc_report report = { 0 };
    struct sevc_session session;
    struct sevc_cpu cpu;
    uint64_t wide = 0;
    uint32_t value = 0;

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    sevc_session_begin(&session, &cpu, &report);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_int_equal(sevc_event_in(&session, 1, sizes[i], 8, &value), SEVC_INVALID);
        assert_int_equal(sevc_event_out(&session, 1, sizes[i], 8, 0), SEVC_INVALID);
        if (sizes[i] != 8) {
            assert_int_equal(sevc_event_in(&session, 1, 1, sizes[i], &value), SEVC_INVALID);
            assert_int_equal(sevc_event_mmio_read(&session, 0, sizes[i], &wide), SEVC_INVALID);
            assert_int_equal(sevc_event_mmio_write(&session, 0, sizes[i], 0), SEVC_INVALID);
        }
        io.bytes = (uint8_t)sizes[i];
        assert_int_equal(sevc_event_string_io(&session, &io, 1), SEVC_INVALID);
    }
    io.bytes = 1;
    assert_int_equal(sevc_event_string_io(&session, &io, 0), SEVC_INVALID);
    assert_int_equal(sevc_event_string_io(&session, &io, 2033), SEVC_INVALID); /* T35 */
    io.bytes = 4;
    assert_int_equal(sevc_event_string_io(&session, &io, 509), SEVC_INVALID);
    io.segment = SEVC_GS + 1;
    assert_int_equal(sevc_event_string_io(&session, &io, 1), SEVC_INVALID);
    abi.inputs = SEVC_OUT(SEVC_RSP);
    assert_int_equal(sevc_event_vmmcall(&session, &abi, 0, 0, gpr), SEVC_INVALID);
    abi = (struct sevc_hypercall_abi){ .outputs = SEVC_OUT(SEVC_RSP) };
    assert_int_equal(sevc_event_vmmcall(&session, &abi, 0, 0, gpr), SEVC_INVALID);
    abi.outputs = 0;
    assert_int_equal(sevc_event_vmmcall(&session, &abi, 4, 0, gpr), SEVC_INVALID);
    assert_int_equal(sevc_event_write_dr7(&session, 0x100000400), SEVC_INVALID); /* T21 */
    assert_int_equal(sevc_event_set_jump_table(&session, 0x1001), SEVC_INVALID);
    assert_int_equal(sevc_event_set_jump_table(&session, 1ull << 52), SEVC_INVALID);
    assert_int_equal(report.result, SEVC_INVALID);
    assert_int_equal(report.reason, SEVC_REASON_ARGUMENT);
    sevc_session_end(&session);
    assert_int_equal(host.vmgexits, 0);
    host_finish(&host);
}

/* T22: an address inside a page is no jump table; 0 means that there is none. */
static void T22_a_jump_table_address_is_checked(void **state)
{
    static const struct {
        uint64_t info2;
        enum sevc_result result;
    } cases[] = { { 0, SEVC_OK },
                  { 0x1000, SEVC_OK },
                  { 1, SEVC_HOST_ERROR },
                  { 0x7FFFE800, SEVC_HOST_ERROR },
                  { 0xFFF, SEVC_HOST_ERROR } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scripted_host host;
        struct sevc_report report = { 0 };
        struct sevc_session session;
        struct sevc_cpu cpu;
        uint64_t gpa = EVENT_UNTOUCHED;

        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host_expect(&host, &(struct host_exchange){
                               .event = 0x80000005, .info1 = 1, .reply_info2 = cases[i].info2 });
        sevc_session_begin(&session, &cpu, &report);
        assert_int_equal(sevc_event_get_jump_table(&session, &gpa), cases[i].result);
        assert_int_equal(gpa, cases[i].result == SEVC_OK ? cases[i].info2 : EVENT_UNTOUCHED);
        sevc_session_end(&session);
        host_finish(&host);
    }
}

/* T53. Woken by something else than INIT-SIPI: info2 is 0. */
static void T53_a_reset_hold_tells_who_woke_it(void **state)
{
    struct scripted_host host;
    struct sevc_report report = { 0 };
    struct sevc_session session;
    struct sevc_cpu cpu;
    bool woken = true;

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    host_expect(&host, &(struct host_exchange){ .event = 0x80000004 });
    host_expect(&host, &(struct host_exchange){ .event = 0x80000004, .reply_info2 = 1ull << 63 });
    sevc_session_begin(&session, &cpu, &report);
    assert_int_equal(sevc_event_ap_reset_hold(&session, &woken), SEVC_OK);
    assert_false(woken);
    assert_int_equal(sevc_event_ap_reset_hold(&session, &woken), SEVC_OK);
    assert_true(woken);
    sevc_session_end(&session);
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_answer_reaches_the_caller),
        cmocka_unit_test(every_lie_has_its_result),
        cmocka_unit_test(T69_silence_is_never_taken_for_data),
        cmocka_unit_test(injected_faults_are_reported_as_the_processor_has_them),
        cmocka_unit_test(T36_each_bit_of_an_injection_counts),
        cmocka_unit_test(each_bit_of_info1_counts),
        cmocka_unit_test(T62_T65_each_valid_bit_is_the_right_one),
        cmocka_unit_test(bad_arguments_send_nothing),
        cmocka_unit_test(T22_a_jump_table_address_is_checked),
        cmocka_unit_test(T53_a_reset_hold_tells_who_woke_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
