/* SPDX-License-Identifier: MIT */
/* The scripted hypervisor itself: each fault of a guest is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/arch/arch.h"
#include "scripted_host.h"

static const struct host_exchange mmio_write = {
    .event = 0x80000002,
    .info1 = 0xFEE000B0,
    .info2 = 4,
    .inputs = { { SEVC_GHCB_OFF_RCX, 0x1234 } },
    .scratch = true,
    .sent = "\x11\x22\x33\x44",
    .sent_bytes = 4,
};

/* The guest's part of it, by hand. */
static void fill(struct scripted_host *host)
{
    struct sevc_ghcb_page *page = host->ghcb.va;

    page->sw_exitcode = 0x80000002;
    page->sw_exitinfo1 = 0xFEE000B0;
    page->sw_exitinfo2 = 4;
    page->rcx = 0x1234;
    page->sw_scratch = HOST_GHCB_GPA + 0x800;
    page->valid_bitmap[1] = 0x003C000200000000;
    memcpy(page->shared_buffer, "\x11\x22\x33\x44", 4);
    page->protocol_version = 2;
}

static void a_correct_request_is_accepted(void **state)
{
    struct scripted_host host;

    (void)state;
    host_start(&host);
    host.recording = true;
    host_expect(&host, &mmio_write);
    fill(&host);
    sevc_arch_vmgexit();
    assert_string_equal(host.failure, "");
    memset(host.ghcb.va, 0, SEVC_GHCB_SIZE);
    host_finish(&host);
}

/* Any of the 32768 bits of the page. */
static void each_wrong_bit_is_noticed(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < SEVC_GHCB_SIZE * 8; bit++) {
        struct scripted_host host;

        host_start(&host);
        host.recording = true;
        host_expect(&host, &mmio_write);
        fill(&host);
        ((uint8_t *)host.ghcb.va)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        sevc_arch_vmgexit();
        if (host.failure[0] == '\0') {
            fail_msg("byte 0x%03x, bit %u: not noticed", bit / 8, bit % 8);
        }
        host.failure[0] = '\0';
        memset(host.ghcb.va, 0, SEVC_GHCB_SIZE);
        host_finish(&host);
    }
}

static void each_wrong_bit_of_the_msr_is_noticed(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct scripted_host host;

        host_start(&host);
        host.recording = true;
        host_expect(&host, &mmio_write);
        fill(&host);
        sevc_arch_wrmsr(SEVC_MSR_GHCB, HOST_GHCB_GPA ^ 1ull << bit);
        sevc_arch_vmgexit();
        assert_string_not_equal(host.failure, "");
        host.failure[0] = '\0';
        host.ghcb_msr = HOST_GHCB_GPA;
        memset(host.ghcb.va, 0, SEVC_GHCB_SIZE);
        host_finish(&host);
    }
}

static void other_faults_are_noticed(void **state)
{
    struct scripted_host host;

    (void)state;
    host_start(&host);
    host.recording = true;

    sevc_arch_vmgexit(); /* nothing was expected */
    assert_non_null(strstr(host.failure, "none was expected"));
    host.failure[0] = '\0';

    sevc_arch_rdmsr(0xC0000080); /* would be intercepted */
    assert_non_null(strstr(host.failure, "RDMSR"));
    host.failure[0] = '\0';

    sevc_arch_wrmsr(SEVC_MSR_SEV_STATUS, 0);
    assert_non_null(strstr(host.failure, "WRMSR"));
    host.failure[0] = '\0';

    host_expect_msr(&host, 0x080, 0x081);
    sevc_arch_wrmsr(SEVC_MSR_GHCB, 0x002);
    sevc_arch_vmgexit();
    assert_non_null(strstr(host.failure, "expected 0x80"));
    host.failure[0] = '\0';

    host.ghcb_msr = 0x1000;
    assert_false(host_is_at_rest(&host));
    host.failure[0] = '\0';
    host.ghcb_msr = HOST_GHCB_GPA;
    host.alias->reserved_ff0[3] = 1;
    assert_false(host_is_at_rest(&host));
    host.failure[0] = '\0';
    host.alias->reserved_ff0[3] = 0;
    assert_true(host_is_at_rest(&host));
    host_finish(&host);
}

static void a_second_reading_is_noticed(void **state)
{
    struct scripted_host host;
    volatile struct sevc_ghcb_page *page;
    uint64_t first, second;

    (void)state;
    host_start(&host);
    page = host.ghcb.va;
    host.alias->sw_exitinfo1 = 5;
    host_watch(&host);
    first = page->sw_exitinfo1;
    second = page->sw_exitinfo1;
    assert_int_equal(first, 5);
    assert_int_equal(second, ~5ull);
    assert_int_equal(host_reads(&host, SEVC_GHCB_OFF_SW_EXITINFO1), 2);
    assert_int_equal(host_reads(&host, SEVC_GHCB_OFF_SW_EXITINFO2), 0);
    page->sw_exitinfo1 = 0;
    assert_int_equal(host_reads(&host, SEVC_GHCB_OFF_SW_EXITINFO1), 2); /* a write is no reading */
    host_finish(&host);
}

struct counter {
    struct scripted_host host;
    volatile unsigned value;
    volatile unsigned step;
    bool torn;
};

static void two_steps(void *argument)
{
    struct counter *counter = argument;

    counter->step = 1;
    counter->step = 2;
}

static void look(void *argument)
{
    struct counter *counter = argument;

    counter->torn = counter->step == 1;
}

static bool was_whole(void *argument)
{
    return !((struct counter *)argument)->torn;
}

static bool was_done(void *argument)
{
    return ((struct counter *)argument)->step == 2;
}

static void an_interrupt_between_two_instructions_is_possible(void **state)
{
    struct counter counter = { .value = 0 };
    uint64_t failed = 0;
    uint64_t instructions;

    (void)state;
    host_start(&counter.host);
    instructions =
        host_interrupt_everywhere(&counter.host, two_steps, look, was_whole, &counter, &failed);
    assert_true(instructions >= 2);
    assert_true(failed > 0 && failed <= instructions);
    host_interrupt_everywhere(&counter.host, two_steps, look, was_done, &counter, &failed);
    assert_int_equal(failed, 0);
    host_finish(&counter.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_correct_request_is_accepted),
        cmocka_unit_test(each_wrong_bit_is_noticed),
        cmocka_unit_test(each_wrong_bit_of_the_msr_is_noticed),
        cmocka_unit_test(other_faults_are_noticed),
        cmocka_unit_test(a_second_reading_is_noticed),
        cmocka_unit_test(an_interrupt_between_two_instructions_is_possible),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
