/* SPDX-License-Identifier: MIT */
/* INS and OUTS by explicit calls: cut into shared buffers, interrupts let in between, but for up to three. */
#include "calls.h"

#define BUFFER 2032
#define TURN   3 /* exchanges */

static struct scripted_host host;
static struct sevc_cpu cpu;
static uint8_t data[5 * BUFFER + 8];
static uint8_t copy[sizeof(data)];

static void start(void)
{
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    host.interrupt_flag = true;
    host.log_vmgexits = true;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + i / 256 + 1);
    }
    memset(copy, 0, sizeof(copy));
}

/* The exchanges for COUNT elements: SW_EXITINFO1 by the tables of the specification. */
static void expect(unsigned bytes, size_t count, bool in)
{
    size_t most = BUFFER / bytes;

    for (size_t at = 0; at < count; at += most) {
        size_t now = count - at < most ? count - at : most;
        struct host_exchange exchange = {
            .event = 0x7B,
            .info1 = 0x1F0ull << 16 | 1u << 9 | 1u << 3 | 1u << 2 | bytes << 4,
            .info2 = now,
            .scratch = true,
        };

        if (in) {
            exchange.info1 |= 1;
            exchange.returned = data + at * bytes;
            exchange.returned_bytes = (unsigned)(now * bytes);
        } else {
            exchange.info1 |= 3u << 10;
            exchange.sent = data + at * bytes;
            exchange.sent_bytes = (unsigned)(now * bytes);
        }
        host_expect(&host, &exchange);
    }
}

/* T48: up to a turn in one; else each exchange has interrupts off, and on again before the next. */
static void assert_turns(unsigned exits)
{
    unsigned turn = exits <= TURN ? TURN : 1;
    unsigned at = 0;

    for (unsigned n = 0; n < exits; n++) {
        if (n % turn == 0) {
            assert_int_equal(host.log[at++].operation, HOST_OP_CLI);
        }
        assert_int_equal(host.log[at++].operation, HOST_OP_VMGEXIT);
        if (n % turn == turn - 1 || n + 1 == exits) {
            assert_int_equal(host.log[at++].operation, HOST_OP_STI);
        }
    }
    assert_int_equal(host.logged, at);
}

static const struct {
    unsigned bytes;
    size_t count;
    unsigned exits;
} cases[] = {
    { 1, 0, 0 },    { 1, 1, 1 },    { 2, 1, 1 },    { 4, 1, 1 },    { 1, 7, 1 },
    { 1, 2031, 1 }, { 1, 2032, 1 }, { 1, 2033, 2 }, { 1, 4064, 2 }, { 1, 4065, 3 },
    { 2, 1016, 1 }, { 2, 1017, 2 }, { 4, 508, 1 },  { 4, 509, 2 },  { 4, 1524, 3 },
    { 1, 6096, 3 }, { 1, 6097, 4 }, { 2, 3049, 4 }, { 4, 1525, 4 },
};

/* T35 */
static void T35_elements_go_out_and_come_in_a_buffer_at_a_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t bytes = cases[i].bytes * cases[i].count;
        size_t done = 99;

        start();
        expect(cases[i].bytes, cases[i].count, false);
        assert_int_equal(sevc_outs(&cpu, 0x1F0, cases[i].bytes, data, cases[i].count, &done),
                         SEVC_OK);
        assert_int_equal(done, cases[i].count);
        host_finish(&host);

        start();
        expect(cases[i].bytes, cases[i].count, true);
        assert_int_equal(sevc_ins(&cpu, 0x1F0, cases[i].bytes, copy + 1, cases[i].count, NULL),
                         SEVC_OK);
        assert_memory_equal(copy + 1, data, bytes);
        assert_int_equal(copy[0], 0);
        assert_int_equal(copy[bytes + 1], 0);
        assert_turns(cases[i].exits);
        host_finish(&host);
    }
}

static void a_failure_says_how_many_elements_are_complete(void **state)
{
    static const enum host_lie lies[] = { HOST_REJECTS, HOST_INJECTS_GP };

    static const struct {
        unsigned exchanges, complete;
    } cases_of_failure[] = { { 3, 0 }, { 3, 1 }, { 3, 2 }, { 5, 0 }, { 5, 4 } };

    (void)state;
    for (unsigned n = 0; n < 4 * COUNT_OF(lies) * COUNT_OF(cases_of_failure); n++) {
        bool in = n % 2 != 0;
        bool wants_done = n / 2 % 2 != 0;
        enum host_lie lie = lies[n / 4 % COUNT_OF(lies)];
        unsigned complete = cases_of_failure[n / 4 / COUNT_OF(lies)].complete;
        size_t count = 1016ul * cases_of_failure[n / 4 / COUNT_OF(lies)].exchanges;
        size_t done = 99;
        size_t *where = wants_done ? &done : NULL;
        enum sevc_result result;

        start();
        expect(2, count, in);
        host.script[complete].lie = lie;
        host.script_length = complete + 1;
        result = in ? sevc_ins(&cpu, 0x1F0, 2, copy, count, where)
                    : sevc_outs(&cpu, 0x1F0, 2, data, count, where);
        assert_int_equal(result, lie == HOST_REJECTS ? SEVC_HOST_ERROR : SEVC_EXCEPTION);
        assert_int_equal(done, wants_done ? 1016 * complete : 99);
        if (in) {
            assert_memory_equal(copy, data, BUFFER * complete);
            assert_int_equal(copy[BUFFER * complete], 0); /* nothing of the failed exchange */
        }
        assert_true(host.interrupt_flag);
        host_finish(&host); /* and the buffer is scrubbed */
    }
}

/*
 * By the general way: an NMI has come between the write of a request of the MSR protocol and its
 * VMGEXIT, which is put back after each exchange.
 */
static void inside_a_request_of_the_msr_protocol(void **state)
{
    const uint64_t request = 0x0000000740000004;

    (void)state;
    for (unsigned n = 0; n < 4; n++) {
        bool in = n % 2 != 0;
        bool rejected = n / 2 != 0;
        size_t done = 99;
        enum sevc_result result;

        start();
        host.ghcb_msr = request;
        host.ghcb_in_use = true; /* not at rest at CLI and STI */
        expect(4, 509, in);
        if (rejected) {
            host.script[1].lie = HOST_REJECTS;
        }
        result = in ? sevc_ins(&cpu, 0x1F0, 4, copy, 509, &done)
                    : sevc_outs(&cpu, 0x1F0, 4, data, 509, &done);
        assert_int_equal(result, rejected ? SEVC_HOST_ERROR : SEVC_OK);
        assert_int_equal(done, rejected ? 508 : 509);
        if (in) {
            assert_memory_equal(copy, data, 4 * done);
            assert_int_equal(copy[4 * done], 0);
        }
        assert_int_equal(host.ghcb_msr, request);
        assert_true(host.interrupt_flag);
        assert_int_equal(cpu.depth, 0);
        host.ghcb_msr = HOST_GHCB_GPA;
        host.ghcb_in_use = false;
        host_finish(&host); /* and the buffer is scrubbed */
    }
}

/* A third level of nesting: refused before anything is asked, or read, or written. */
static void within_two_sessions_nothing_is_moved(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        size_t done = 99;
        enum sevc_result result;

        start();
        cpu.depth = 2;
        host.ghcb_in_use = true;
        result = n != 0 ? sevc_ins(&cpu, 0x1F0, 1, copy, 7, &done)
                        : sevc_outs(&cpu, 0x1F0, 1, data, 7, &done);
        assert_int_equal(result, SEVC_FORBIDDEN);
        assert_int_equal(done, 0);
        assert_int_equal(copy[0], 0);
        assert_int_equal(cpu.depth, 2);
        assert_true(host.interrupt_flag);
        cpu.depth = 0;
        host.ghcb_in_use = false;
        host_finish(&host);
    }
}

/* T11 */
static void each_byte_of_the_buffer_is_read_once(void **state)
{
    (void)state;
    start();
    expect(1, 100, true);
    host_watch(&host);
    assert_int_equal(sevc_ins(&cpu, 0x1F0, 1, copy, 100, NULL), SEVC_OK);
    assert_memory_equal(copy, data, 100);
    for (unsigned offset = 0x800; offset < 0x800 + 100; offset++) {
        assert_int_equal(host_reads(&host, offset), 1);
    }
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T35_elements_go_out_and_come_in_a_buffer_at_a_time),
        cmocka_unit_test(a_failure_says_how_many_elements_are_complete),
        cmocka_unit_test(inside_a_request_of_the_msr_protocol),
        cmocka_unit_test(within_two_sessions_nothing_is_moved),
        cmocka_unit_test(each_byte_of_the_buffer_is_read_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
