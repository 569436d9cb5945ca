/* SPDX-License-Identifier: MIT */
/* MOV to and from DR7, and exits that concern no instruction: #DB, #AC, page not validated. */
#include "world.h"

#define RAX SEVC_GHCB_OFF_RAX

/* MOV DRn, reg and MOV reg, DRn; REX.B for R8 to R15. */
static void start(bool write, unsigned dr, unsigned reg)
{
    uint8_t code[4] = { 0x40, 0x0f, write ? 0x23 : 0x21, (uint8_t)(0xC0 | dr << 3 | (reg & 7)) };

    if (reg >= 8) {
        code[0] = 0x41;
    }
    world_start();
    world_code(code, sizeof(code));
}

static void expect_write(uint64_t value)
{
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_WRITE_DR7,
                                 .inputs = { { RAX, value } },
                             });
}

static void write_dr7(unsigned reg, uint64_t value)
{
    *sevc_trap_gpr(&world.trap, reg) = value;
    assert_int_equal(world_run(SEVC_EXIT_WRITE_DR7), SEVC_OK);
}

static void read_again(unsigned reg)
{
    uint8_t code[4] = { reg >= 8 ? 0x41 : 0x40, 0x0f, 0x21, (uint8_t)(0xF8 | (reg & 7)) };

    world_code(code, sizeof(code));
    assert_int_equal(world_run(SEVC_EXIT_READ_DR7), SEVC_OK);
}

/* T21. After reset DR7 is 0x400; the host is never asked. */
static void T21_dr7_is_its_reset_value_until_it_is_written(void **state)
{
    (void)state;
    for (unsigned reg = 0; reg < 16; reg++) {
        struct sevc_trap expected;

        start(false, 7, reg);
        world.cpu.dr7 = SEVC_DR7_RESET; /* sevc_cpu_init(): test_cpu.c */
        expected = world.trap;
        *sevc_trap_gpr(&expected, reg) = 0x400;
        expected.error_code = SEVC_EXIT_READ_DR7;
        expected.rip += 4;
        expected.rflags &= ~SEVC_RFLAGS_RF;
        assert_int_equal(world_run(SEVC_EXIT_READ_DR7), SEVC_OK);
        assert_memory_equal(&world.trap, &expected, sizeof(expected));
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

/* T21. From any register, RSP included, which stands elsewhere in the frame. */
static void T21_dr7_reads_back_as_it_was_written(void **state)
{
    (void)state;
    for (unsigned reg = 0; reg < 16; reg++) {
        start(true, 7, reg);
        expect_write(0x0D0307AA);
        write_dr7(reg, 0x0D0307AA);
        assert_int_equal(world.trap.gpr[SEVC_RSP == reg ? 0 : reg],
                         reg == SEVC_RSP ? world.trap.gpr[0] : 0x0D0307AA);
        read_again((reg + 5) % 16);
        assert_int_equal(sevc_trap_gpr_value(&world.trap, (reg + 5) % 16), 0x0D0307AA);
        world_finish();
    }
}

/* T21. Bit 10 is one, bits 11, 12, 14 and 15 are zero, whatever is written (APM vol. 2, 13.1.1.4). */
static void T21_fixed_bits_of_dr7_stay_fixed(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        uint64_t stays = bit == 11 || bit == 12 || bit == 14 || bit == 15 ? 0 : 1ull << bit;

        start(true, 7, SEVC_RBX);
        expect_write(stays | 0x400);
        write_dr7(SEVC_RBX, 1ull << bit);
        read_again(SEVC_RCX);
        assert_int_equal(world.trap.gpr[SEVC_RCX], stays | 0x400);
        world_finish();
    }
}

/* T21. In 64-bit mode; 32-bit code has no upper half. */
static void T21_an_upper_half_is_gp_and_dr7_stays(void **state)
{
    (void)state;
    for (unsigned bit = 32; bit < 64; bit++) {
        start(true, 7, SEVC_RBX);
        world.cpu.dr7 = 0x455;
        world.trap.gpr[SEVC_RBX] = 1ull << bit;
        assert_int_equal(world_run(SEVC_EXIT_WRITE_DR7), SEVC_EXCEPTION);
        world_assert_fault(SEVC_VECTOR_GP, 0, 0);
        world_assert_unchanged();
        assert_int_equal(world.cpu.dr7, 0x455);
        world_finish();
    }

    world_start();
    world.code_bits = 32;
    world.trap.rip = USER_CODE;
    world_code("\x0f\x23\xfb", 3);
    expect_write(0x403);
    write_dr7(SEVC_RBX, 0xDEAD000000000003);
    assert_int_equal(world.cpu.dr7, 0x403);
    world_finish();
}

/* The host refuses the write: then it has not happened. */
static void a_write_that_the_host_refuses_is_not_remembered(void **state)
{
    (void)state;
    for (unsigned lie = 0; lie < HOST_LIE_COUNT; lie++) {
        const struct host_lie_facts *facts = &host_lies[lie];

        if (!facts->page || facts->needs_output != 0 || facts->needs_any_output) {
            continue;
        }
        start(true, 7, SEVC_RAX);
        world.cpu.dr7 = 0x400;
        world.trap.gpr[SEVC_RAX] = 3;
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_WRITE_DR7,
                                     .inputs = { { RAX, 0x403 } },
                                     .lie = (enum host_lie)lie,
                                 });
        if (world_run(SEVC_EXIT_WRITE_DR7) == SEVC_OK) {
            assert_true(facts->result == SEVC_OK); /* silence: a write has no answer */
            assert_int_equal(world.cpu.dr7, 0x403);
        } else {
            world_assert_unchanged();
            assert_int_equal(world.cpu.dr7, 0x400);
        }
        world_finish();
    }
}

static void debug_registers_are_for_the_kernel_only(void **state)
{
    (void)state;
    for (unsigned cpl = 1; cpl <= 3; cpl++) {
        for (unsigned write = 0; write < 2; write++) {
            start(write != 0, 7, SEVC_RAX);
            world.trap.cs = 0x30 | cpl;
            world_page(KERNEL_CODE)->user = true;
            assert_int_equal(world_run(write != 0 ? SEVC_EXIT_WRITE_DR7 : SEVC_EXIT_READ_DR7),
                             SEVC_EXCEPTION);
            assert_int_equal(world.report.reason, SEVC_REASON_PRIVILEGE);
            world_assert_fault(SEVC_VECTOR_GP, 0, 0);
            world_assert_unchanged();
            world_finish();
        }
    }
}

/* T21. With DebugSwap the processor keeps DR7 for the guest: an exit for it is a lie. */
static void T21_with_debug_swap_no_exit_for_dr7_is_genuine(void **state)
{
    (void)state;
    for (unsigned write = 0; write < 2; write++) {
        start(write != 0, 7, SEVC_RAX);
        world.cpu.platform.sev_status |= SEVC_STATUS_DEBUG_SWAP;
        world.trap.gpr[SEVC_RAX] = 0x400;
        assert_int_equal(world_run(write != 0 ? SEVC_EXIT_WRITE_DR7 : SEVC_EXIT_READ_DR7),
                         SEVC_HOST_ERROR);
        assert_int_equal(world.report.reason, SEVC_REASON_DEBUG_SWAP);
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

/* T1. Neither by DR7's exit codes nor by their own. */
static void T1_no_other_debug_register_is_served(void **state)
{
    (void)state;
    for (unsigned dr = 0; dr < 7; dr++) {
        for (unsigned write = 0; write < 2; write++) {
            uint64_t first = write != 0 ? SEVC_EXIT_WRITE_DR0 : SEVC_EXIT_READ_DR0;

            start(write != 0, dr, SEVC_RAX);
            assert_int_equal(world_run(first + 7), SEVC_BAD_INSN);
            world_finish();
            start(write != 0, dr, SEVC_RAX);
            assert_int_equal(world_run(first + dr), SEVC_UNSUPPORTED);
            assert_int_equal(world.host.vmgexits, 0);
            world_finish();
        }
    }
}

/* ---- exceptions that the host intercepts ---- */

/* RIP stays, nothing is fetched or sent: the guest delivers the exception to itself. */
static void db_is_forwarded_from_any_mode(void **state)
{
    (void)state;
    for (unsigned user = 0; user < 2; user++) {
        world_start();
        if (user != 0) {
            world_user();
        }
        assert_int_equal(world_run(SEVC_EXIT_DB), SEVC_EXCEPTION);
        assert_int_equal(world.report.reason, SEVC_REASON_INTERCEPTED);
        world_assert_fault(SEVC_VECTOR_DB, 0, 0);
        world_assert_unchanged();
        assert_int_equal(world.fetches, 0);
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

/* #AC happens at CPL 3 with RFLAGS.AC, and nowhere else (APM vol. 2, 8.2.17). */
static void ac_is_forwarded_only_where_it_can_happen(void **state)
{
    (void)state;
    for (unsigned cpl = 0; cpl <= 3; cpl++) {
        for (unsigned ac = 0; ac < 2; ac++) {
            world_start();
            world.trap.cs = 0x30 | cpl;
            world.trap.rflags |= ac != 0 ? SEVC_RFLAGS_AC : 0;
            if (cpl == 3 && ac != 0) {
                assert_int_equal(world_run(SEVC_EXIT_AC), SEVC_EXCEPTION);
                assert_int_equal(world.report.reason, SEVC_REASON_INTERCEPTED);
                world_assert_fault(SEVC_VECTOR_AC, 0, 0);
            } else {
                assert_int_equal(world_run(SEVC_EXIT_AC), SEVC_HOST_ERROR);
                assert_int_equal(world.report.reason, SEVC_REASON_MISMATCH);
            }
            world_assert_unchanged();
            assert_int_equal(world.fetches, 0);
            world_finish();
        }
    }
}

/* T57. Before anything is fetched: the page that is not validated may be the code's. */
static void T57_a_page_not_validated_is_the_hooks_matter(void **state)
{
    (void)state;
    world_start();
    assert_int_equal(world_run(SEVC_EXIT_NOT_VALIDATED), SEVC_UNSUPPORTED);
    assert_int_equal(world.report.reason, SEVC_REASON_NOT_VALIDATED);
    world.validates = 1;
    assert_int_equal(world_run(SEVC_EXIT_NOT_VALIDATED), SEVC_RETRY);
    world_assert_unchanged();
    assert_int_equal(world_run(SEVC_EXIT_NOT_VALIDATED), SEVC_UNSUPPORTED);
    assert_int_equal(world.fetches, 0);
    assert_int_equal(world.host.vmgexits, 0);
    world_finish();
}

/* T1: the other thirty exceptions are the processor's to deliver; a #VC for one is a lie. */
static void T1_no_other_exception_is_forwarded(void **state)
{
    (void)state;
    for (uint64_t vector = 0; vector < 32; vector++) {
        if (vector == SEVC_VECTOR_DB || vector == SEVC_VECTOR_AC) {
            continue;
        }
        world_start();
        assert_int_equal(world_run(SEVC_EXIT_EXCEPTION + vector), SEVC_UNSUPPORTED);
        assert_int_equal(world.report.reason, SEVC_REASON_NO_SUCH_EXIT);
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T21_dr7_is_its_reset_value_until_it_is_written),
        cmocka_unit_test(T21_dr7_reads_back_as_it_was_written),
        cmocka_unit_test(T21_fixed_bits_of_dr7_stay_fixed),
        cmocka_unit_test(T21_an_upper_half_is_gp_and_dr7_stays),
        cmocka_unit_test(a_write_that_the_host_refuses_is_not_remembered),
        cmocka_unit_test(debug_registers_are_for_the_kernel_only),
        cmocka_unit_test(T21_with_debug_swap_no_exit_for_dr7_is_genuine),
        cmocka_unit_test(T1_no_other_debug_register_is_served),
        cmocka_unit_test(db_is_forwarded_from_any_mode),
        cmocka_unit_test(ac_is_forwarded_only_where_it_can_happen),
        cmocka_unit_test(T57_a_page_not_validated_is_the_hooks_matter),
        cmocka_unit_test(T1_no_other_exception_is_forwarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
