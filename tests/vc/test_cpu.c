/* SPDX-License-Identifier: MIT */
/* sevc_cpu_init(), sevc_cpu_ready(), and the names of what a report holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scripted_host.h"

static struct scripted_host host;
static struct sevc_cpu cpu;
static struct sevc_vc_stack stack;
static uint64_t tss_ist;

static void start(void)
{
    host_start(&host);
    memset(&cpu, 0xA5, sizeof(cpu));
    memset(&stack, 0, sizeof(stack));
    tss_ist = 0x1111;
}

static void init_readies_the_cpu_the_page_the_msr_and_the_stack(void **state)
{
    struct sevc_cpu_config config;

    (void)state;
    start();
    assert_false(sevc_cpu_ready(&cpu));
    assert_false(sevc_cpu_ready(NULL));
    memset(host.ghcb.va, 0x77, SEVC_GHCB_SIZE);
    host.ghcb_msr = 0xDEAD;
    host_expect_platform(&host, 1, 2, 51);
    config = host_config(&host);
    config.stack = &stack;
    config.tss_ist = &tss_ist;
    assert_int_equal(sevc_cpu_init(&cpu, &config), SEVC_OK);
    assert_true(sevc_cpu_ready(&cpu));
    assert_int_equal(cpu.platform.version, 2);
    assert_int_equal(cpu.platform.c_bit, 51);
    assert_int_equal(cpu.depth, 0);
    assert_int_equal(cpu.vmgexits, 0);
    assert_non_null(cpu.policy);
    assert_int_equal(cpu.policy->mmio, SEVC_MMIO_BASIC);
    assert_int_equal(cpu.policy->user_io, SEVC_USER_IO_OFF);
    assert_ptr_equal(stack.head.cpu, &cpu);
    assert_ptr_equal(stack.head.tss_ist, &tss_ist);
    assert_int_equal(tss_ist, (uint64_t)&stack + SEVC_VC_STACK_BYTES);
    host_finish(&host); /* the page is zero, and the MSR names it */
}

/* From reset: CPUID by the early handler puts back what the MSR held, so that it is still there. */
static void from_reset_to_the_runtime_handler_only_cpuid_asks(void **state)
{
    static const uint8_t code[] = { 0x0F, 0xA2 };
    struct sevc_trap trap = { .error_code = SEVC_EXIT_CPUID, .rip = (uint64_t)code };
    struct sevc_cpu_config config;
    struct sevc_report report;

    (void)state;
    start();
    host.ghcb_msr = 0x0002000133000001;
    for (unsigned reg = 0; reg < 4; reg++) {
        host_expect_msr(&host, (uint64_t)reg << 30 | 4, (uint64_t)reg << 30 | 5);
    }
    assert_int_equal(sevc_early_handle_vc(&trap, &report), SEVC_OK);
    config = host_config(&host);
    assert_int_equal(sevc_cpu_init(&cpu, &config), SEVC_OK);
    assert_int_equal(cpu.platform.version, 2);
    assert_int_equal(cpu.platform.c_bit, 51);
    assert_int_equal(host.vmgexits, 4);
    host_finish(&host);
}

static void a_second_cpu_like_the_first_asks_nothing(void **state)
{
    static const struct sevc_policy policy = { .mmio = SEVC_MMIO_OFF };
    struct sevc_cpu_config config;
    struct sevc_cpu first;

    (void)state;
    start();
    host_make_cpu(&host, &first, 2);
    config = host_config(&host);
    config.like = &first;
    config.policy = &policy;
    assert_int_equal(sevc_cpu_init(&cpu, &config), SEVC_OK);
    assert_memory_equal(&cpu.platform, &first.platform, sizeof(cpu.platform));
    assert_ptr_equal(cpu.policy, &policy);
    assert_int_equal(host.vmgexits, 0);
    host_finish(&host);
}

static void a_configuration_that_cannot_work_is_invalid(void **state)
{
    static struct sevc_cpu not_ready;
    static struct sevc_cpuid_table no_table;
    struct sevc_cpu_config good, bad;

    (void)state;
    start();
    good = host_config(&host);
    for (unsigned i = 0; i < 10; i++) {
        bad = good;
        switch (i) {
        case 0:
            bad.ghcb.va = NULL;
            break;
        case 1:
            bad.ghcb.va = (uint8_t *)bad.ghcb.va + 8;
            break;
        case 2:
            bad.ghcb.gpa += 0x800;
            break;
        case 3:
            bad.ghcb.gpa |= 1ull << 52;
            break;
        case 4:
            bad.backup = NULL;
            break;
        case 5:
            bad.backup = (uint8_t *)bad.backup + 16;
            break;
        case 6:
            bad.stack = &stack;
            break;
        case 7:
            bad.stack = (struct sevc_vc_stack *)(void *)((uint8_t *)&stack + 4096);
            bad.tss_ist = &tss_ist;
            break;
        case 8:
            bad.cpuid_table = &no_table;
            break;
        default:
            bad.like = &not_ready;
        }
        host_make_cpu(&host, &cpu, 2);
        assert_int_equal(sevc_cpu_init(&cpu, &bad), SEVC_INVALID);
        assert_false(sevc_cpu_ready(&cpu));
    }
    assert_int_equal(tss_ist, 0x1111);
    assert_int_equal(host.vmgexits, 0);
    host_finish(&host);
}

/* A guest that is SNP-active must not run with the weaker checks of a plain one. */
static void a_platform_that_is_refused_leaves_the_cpu_not_ready(void **state)
{
    struct sevc_cpu_config config;

    (void)state;
    start();
    config = host_config(&host);
    host_make_cpu(&host, &cpu, 2); /* once it was ready */
    host.sev_status |= SEVC_STATUS_SNP;
    assert_int_equal(sevc_cpu_init(&cpu, &config), SEVC_UNSUPPORTED);
    assert_false(sevc_cpu_ready(&cpu));
    host_finish(&host);
}

static void every_enumerator_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= SEVC_REASON_ARGUMENT; i++) {
        const char *name = sevc_reason_name((enum sevc_reason)i);

        assert_string_not_equal(name, "?");
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(name, sevc_reason_name((enum sevc_reason)j));
        }
    }
    for (unsigned i = 0; i <= SEVC_STAGE_APPLY; i++) {
        assert_string_not_equal(sevc_stage_name((enum sevc_stage)i), "?");
    }
    for (unsigned i = 0; i <= SEVC_INVALID; i++) {
        assert_string_not_equal(sevc_result_name((enum sevc_result)i), "?");
    }
    assert_string_equal(sevc_result_name(SEVC_HOST_ERROR), "HOST_ERROR");
    assert_string_equal(sevc_stage_name(SEVC_STAGE_REPLY), "REPLY");
    assert_string_equal(sevc_reason_name(SEVC_REASON_MISSING_OUTPUT), "MISSING_OUTPUT");
    assert_string_equal(sevc_result_name((enum sevc_result)99), "?");
    assert_string_equal(sevc_stage_name((enum sevc_stage)99), "?");
    assert_string_equal(sevc_reason_name((enum sevc_reason)0x7FFFFFFF), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_readies_the_cpu_the_page_the_msr_and_the_stack),
        cmocka_unit_test(from_reset_to_the_runtime_handler_only_cpuid_asks),
        cmocka_unit_test(a_second_cpu_like_the_first_asks_nothing),
        cmocka_unit_test(a_configuration_that_cannot_work_is_invalid),
        cmocka_unit_test(a_platform_that_is_refused_leaves_the_cpu_not_ready),
        cmocka_unit_test(every_enumerator_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
