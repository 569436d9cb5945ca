/* SPDX-License-Identifier: MIT */
/* Interrupts are off exactly while the GHCB is held; an NMI finds and leaves it in order. */
#include "calls.h"

static struct scripted_host host;
static struct sevc_cpu cpu;
static uint64_t out[CALL_OUTPUTS];

static void start(void)
{
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    host.log_vmgexits = true;
}

static void assert_log(const enum host_operation *expected, unsigned count)
{
    assert_int_equal(host.logged, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(host.log[i].operation, expected[i]);
    }
}

/* That the page is at rest at each CLI and STI, the scripted host itself asserts. */
static void they_are_off_around_the_exchange_and_then_as_they_were(void **state)
{
    static const enum host_operation on[] = { HOST_OP_CLI, HOST_OP_VMGEXIT, HOST_OP_STI };

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        for (unsigned flag = 0; flag < 2; flag++) {
            start();
            host.interrupt_flag = flag != 0;
            host_expect(&host, &direct_calls[i].exchange);
            assert_int_equal(direct_call(i, &cpu, out), SEVC_OK);
            assert_log(on, flag != 0 ? 3 : 2);
            assert_int_equal(host.interrupt_flag, flag != 0);
            host_finish(&host);
        }
    }
}

static void they_are_restored_when_the_host_fails_too(void **state)
{
    static const enum host_operation on[] = { HOST_OP_CLI, HOST_OP_VMGEXIT, HOST_OP_STI };
    static const enum host_lie lies[] = { HOST_REJECTS, HOST_INJECTS_GP, HOST_INJECTS_PF };

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        for (unsigned n = 0; n < 2 * COUNT_OF(lies); n++) {
            struct host_exchange exchange = direct_calls[i].exchange;

            start();
            host.interrupt_flag = n % 2 != 0;
            exchange.lie = lies[n / 2];
            host_expect(&host, &exchange);
            assert_int_not_equal(direct_call(i, &cpu, out), SEVC_OK);
            assert_log(on, n % 2 != 0 ? 3 : 2);
            assert_int_equal(host.interrupt_flag, n % 2 != 0);
            host_finish(&host);
        }
    }
}

static void they_are_restored_when_no_session_can_be_opened(void **state)
{
    static const enum host_operation on[] = { HOST_OP_CLI, HOST_OP_STI };

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        for (unsigned flag = 0; flag < 2; flag++) {
            start();
            host.interrupt_flag = flag != 0;
            cpu.depth = 2;
            assert_int_equal(direct_call(i, &cpu, out), SEVC_FORBIDDEN);
            assert_int_equal(sevc_direct_reason(&cpu), SEVC_REASON_NESTING);
            assert_log(on, flag != 0 ? 2 : 1);
            assert_int_equal(host.interrupt_flag, flag != 0);
            assert_int_equal(cpu.depth, 2);
            cpu.depth = 0;
            host_finish(&host);
        }
    }
}

/* ---- NMIs ---- */

static size_t inner;
static bool third;

static void call_inside(void *argument)
{
    uint64_t inside[CALL_OUTPUTS];

    (void)argument;
    host.ghcb_in_use = true;
    if (third) {
        assert_int_equal(direct_call(inner, &cpu, inside), SEVC_FORBIDDEN);
        assert_int_equal(sevc_direct_reason(&cpu), SEVC_REASON_NESTING);
    } else {
        assert_int_equal(direct_call(inner, &cpu, inside), SEVC_OK);
        assert_outputs(inside, direct_calls[inner].out, direct_calls[inner].outs);
    }
    assert_false(host.interrupt_flag);
    host.ghcb_in_use = false;
}

/* T16: any call within any other. */
static void a_call_within_a_call_leaves_the_outer_one_whole(void **state)
{
    (void)state;
    third = false;
    for (size_t i = 0; i < direct_call_count; i++) {
        for (inner = 0; inner < direct_call_count; inner++) {
            struct host_exchange exchange = direct_calls[i].exchange;

            start();
            host.interrupt_flag = true;
            exchange.meanwhile = call_inside;
            host_expect(&host, &exchange);
            host_expect(&host, &direct_calls[inner].exchange);
            assert_int_equal(direct_call(i, &cpu, out), SEVC_OK);
            assert_outputs(out, direct_calls[i].out, direct_calls[i].outs);
            assert_true(host.interrupt_flag);
            assert_int_equal(cpu.depth, 0);
            host_finish(&host);
        }
    }
}

static void within_two_sessions_a_call_is_refused(void **state)
{
    (void)state;
    third = true;
    for (size_t i = 0; i < direct_call_count; i++) {
        struct host_exchange exchange = direct_calls[i].exchange;

        start();
        cpu.depth = 1; /* the outermost, which has not put anything into the page yet */
        host.ghcb_in_use = true;
        inner = direct_call_count - 1 - i;
        exchange.meanwhile = call_inside;
        host_expect(&host, &exchange);
        assert_int_equal(direct_call(i, &cpu, out), SEVC_OK);
        cpu.depth = 0;
        host_finish(&host);
    }
}

/* An NMI may have come between the write of a request of the MSR protocol and its VMGEXIT. */
static void a_request_of_the_msr_protocol_is_put_back(void **state)
{
    const uint64_t request = 0x0000000740000004;

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        for (unsigned flag = 0; flag < 2; flag++) {
            start();
            host.interrupt_flag = flag != 0;
            host.ghcb_msr = request;
            host.ghcb_in_use = true; /* not at rest at CLI and STI */
            host_expect(&host, &direct_calls[i].exchange);
            assert_int_equal(direct_call(i, &cpu, out), SEVC_OK);
            assert_outputs(out, direct_calls[i].out, direct_calls[i].outs);
            assert_int_equal(host.ghcb_msr, request);
            assert_int_equal(host.interrupt_flag, flag != 0);
            assert_int_equal(cpu.depth, 0);
            host.ghcb_msr = HOST_GHCB_GPA;
            host.ghcb_in_use = false;
            host_finish(&host);
        }
    }
}

/* Between any two instructions of a call. */
static size_t stepped;
static enum sevc_result outer_result;

static void run(void *argument)
{
    (void)argument;
    outer_result = direct_call(stepped, &cpu, out);
}

static void interrupt(void *argument)
{
    uint32_t value = 0;

    (void)argument;
    host.ghcb_in_use = true;
    (void)sevc_in(&cpu, 0x61, 1, &value);
    host.ghcb_in_use = false;
}

static bool check(void *argument)
{
    (void)argument;
    return outer_result == SEVC_OK && cpu.depth == 0 && host_is_at_rest(&host) &&
           memcmp(out, direct_calls[stepped].out, direct_calls[stepped].outs * sizeof(out[0])) == 0;
}

/* The two exits come in one order or the other: the event tells which it is. */
static void serve(struct scripted_host *self, struct sevc_ghcb_page *page)
{
    uint64_t low = page->sw_exitcode == SEVC_EXIT_IOIO ? 7 : 0x89ABCDEF;

    (void)self;
    page->rax = low;
    page->rdx = 0x01234567;
    page->valid_bitmap[0] |= 1ull << 63;
    page->valid_bitmap[1] |= 1ull << 34;
    page->sw_exitinfo1 = 0;
    page->sw_exitinfo2 = 0;
}

static void T38_an_nmi_between_any_two_instructions_does_no_harm(void **state)
{
    uint64_t failed, steps;

    (void)state;
    for (stepped = 0; strcmp(direct_calls[stepped].name, "RDMSR") != 0; stepped++) {
    }
    start();
    host.interrupt_flag = true;
    host.lenient = true;
    host.serve = serve;
    steps = host_interrupt_everywhere(&host, run, interrupt, check, NULL, &failed);
    print_message("%llu instructions\n", (unsigned long long)steps);
    assert_int_equal(failed, 0);
    assert_in_range(steps, 100, 100000);
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_off_around_the_exchange_and_then_as_they_were),
        cmocka_unit_test(they_are_restored_when_the_host_fails_too),
        cmocka_unit_test(they_are_restored_when_no_session_can_be_opened),
        cmocka_unit_test(a_call_within_a_call_leaves_the_outer_one_whole),
        cmocka_unit_test(within_two_sessions_a_call_is_refused),
        cmocka_unit_test(a_request_of_the_msr_protocol_is_put_back),
        cmocka_unit_test(T38_an_nmi_between_any_two_instructions_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
