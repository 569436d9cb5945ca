/* SPDX-License-Identifier: MIT */
/* Where an instruction begins and ends: the fetch, and the RIP rule. */
#include "world.h"

#define RAX SEVC_GHCB_OFF_RAX
#define RDX SEVC_GHCB_OFF_RDX

static void expect_rdtsc(void)
{
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_RDTSC,
                                 .outputs = { { RAX, 1 }, { RDX, 2 } },
                             });
}

/* T3, T44 */
static void T3_T44_rip_moves_by_the_length_prefixes_included(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        bool valid;
    } cases[] = {
        { "\x0f\x31", 2, true },
        { "\x66\x0f\x31", 3, true },
        { "\x48\x0f\x31", 3, true },
        { "\x2e\x67\x66\x40\x0f\x31", 6, true },
        { "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x0f\x31", 15, true },
        { "\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x0f\x31", 16, false },
        { "\xf0\x0f\x31", 3, false }, /* LOCK: #UD */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_start();
        world_code(cases[i].code, cases[i].length);
        if (cases[i].valid) {
            expect_rdtsc();
            assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_OK);
            assert_int_equal(world.trap.rip, KERNEL_CODE + cases[i].length);
            assert_int_equal(world.fetches, 1);
        } else {
            assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_BAD_INSN);
            assert_int_equal(world.report.reason, SEVC_REASON_NO_INSN);
        }
        world_finish();
    }
}

static void rf_ends_with_the_instruction_and_tf_traps_after_it(void **state)
{
    (void)state;
    for (unsigned tf = 0; tf < 2; tf++) {
        world_start();
        world.trap.rflags |= tf ? SEVC_RFLAGS_TF : 0;
        world_code("\x0f\x31", 2);
        expect_rdtsc();
        assert_int_equal(world_run(SEVC_EXIT_RDTSC), tf ? SEVC_OK_TRAP : SEVC_OK);
        assert_int_equal(world.trap.rflags, 2 | SEVC_RFLAGS_CF | (tf ? SEVC_RFLAGS_TF : 0));
        assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
        if (tf) {
            assert_int_equal(world.report.fault.vector, SEVC_VECTOR_DB);
            assert_false(world.report.fault.has_error_code);
        }
        world_finish();
    }
}

/* A fault is no end: RF, with which the frame was pushed, stays for its delivery. */
static void an_exception_leaves_rip_and_rf(void **state)
{
    (void)state;
    world_start();
    world.trap.rflags |= SEVC_RFLAGS_TF;
    world_code("\x0f\x31", 2);
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_RDTSC,
                                 .outputs = { { RAX, 1 }, { RDX, 2 } },
                                 .lie = HOST_INJECTS_GP,
                             });
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_EXCEPTION);
    world_assert_unchanged();
    assert_int_equal(world.shadow_stack_fixes, 0);
    world_finish();
}

static void the_shadow_stack_is_fixed_once_where_rip_moves(void **state)
{
    (void)state;
    world_start();
    world_code("\x0f\x31", 2);
    expect_rdtsc();
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_OK);
    assert_int_equal(world.shadow_stack_fixes, 1);
    assert_int_equal(world.shadow_stack_rip, KERNEL_CODE);
    world_finish();
}

static void in_32_bit_code_rip_has_32_bits(void **state)
{
    (void)state;
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        world_start();
        world.code_bits = bits;
        world.pages[1].va = 0xFFFFF000;
        world.trap.rip = 0xFFFFFFFE;
        world_code("\x0f\x31", 2);
        expect_rdtsc();
        assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_OK);
        assert_int_equal(world.trap.rip, bits == 32 ? 0 : 0x100000000);
        world_finish();
    }
}

static void sixteen_bit_code_is_refused(void **state)
{
    (void)state;
    world_start();
    world.code_bits = 16;
    world.trap.rip = USER_CODE; /* which the upper half of the address space has none of */
    world_code("\x0f\x31", 2);
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_UNSUPPORTED);
    assert_int_equal(world.report.reason, SEVC_REASON_CODE_SIZE);
    world_finish();
}

/* T56 */
static void T56_an_instruction_may_end_with_its_page(void **state)
{
    (void)state;
    world_start();
    world_code_at_end("\x66\x0f\x31", 3);
    expect_rdtsc();
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_OK);
    assert_int_equal(world.report.insn_bytes, 3);
    assert_int_equal(world.fetches, 1);
    world_finish();
}

static void an_instruction_that_runs_into_nothing_faults_there(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        uint64_t exit_code;
    } cases[] = {
        { "\x0f", 1, SEVC_EXIT_RDTSC },   { "\x0f", 1, SEVC_EXIT_CPUID },
        { "\x66", 1, SEVC_EXIT_RDTSC },   { "\x0f\x01", 2, SEVC_EXIT_RDTSCP },
        { "\x8b\x04", 2, SEVC_EXIT_NPF }, { "\x8b\x87\x00\x00\x00", 5, SEVC_EXIT_NPF },
        { "\xe6", 1, SEVC_EXIT_IOIO },
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        bool user = i % 2 != 0;

        world_start();
        if (user) {
            world_user();
        }
        world_code_at_end(cases[i / 2].code, cases[i / 2].length);
        assert_int_equal(world_run(cases[i / 2].exit_code), SEVC_EXCEPTION);
        world_assert_fault(SEVC_VECTOR_PF, user ? 0x14 : 0x10,
                           world.trap.rip + cases[i / 2].length);
        assert_int_equal(world.report.stage, SEVC_STAGE_FETCH);
        assert_int_equal(world.report.insn_bytes, cases[i / 2].length);
        world_assert_unchanged();
        world_finish();
    }
}

static void code_that_may_not_be_executed_is_not_read(void **state)
{
    (void)state;
    world_start();
    world_page(KERNEL_CODE)->no_execute = true;
    world_code("\x0f\x31", 2);
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 0x11, KERNEL_CODE);
    world_finish();

    world_start(); /* user mode at a kernel address */
    world_code("\x0f\x31", 2);
    world.trap.cs = 0x33;
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 0x15, KERNEL_CODE);
    world_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T3_T44_rip_moves_by_the_length_prefixes_included),
        cmocka_unit_test(rf_ends_with_the_instruction_and_tf_traps_after_it),
        cmocka_unit_test(an_exception_leaves_rip_and_rf),
        cmocka_unit_test(the_shadow_stack_is_fixed_once_where_rip_moves),
        cmocka_unit_test(in_32_bit_code_rip_has_32_bits),
        cmocka_unit_test(sixteen_bit_code_is_refused),
        cmocka_unit_test(T56_an_instruction_may_end_with_its_page),
        cmocka_unit_test(an_instruction_that_runs_into_nothing_faults_there),
        cmocka_unit_test(code_that_may_not_be_executed_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
