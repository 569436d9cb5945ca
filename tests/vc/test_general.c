/* SPDX-License-Identifier: MIT */
/*
 * The general way of the runtime handler, where the straight way (src/vc/hot.h) does not go: rules
 * that both have, and that tests of common exits ask of the straight way only.
 */
#include "world.h"

#define PORT      0x3F8
#define KERNEL_CS 0x10

static void expect_wbinvd(void)
{
    host_expect(&world.host, &(struct host_exchange){ .event = SEVC_EXIT_WBINVD });
}

static void rf_ends_with_the_instruction_and_tf_traps_after_it(void **state)
{
    (void)state;
    for (unsigned tf = 0; tf < 2; tf++) {
        world_start();
        world.trap.rflags |= SEVC_RFLAGS_RF | (tf ? SEVC_RFLAGS_TF : 0);
        world_code("\x0f\x09", 2);
        expect_wbinvd();
        assert_int_equal(world_run(SEVC_EXIT_WBINVD), tf ? SEVC_OK_TRAP : SEVC_OK);
        assert_int_equal(world.trap.rflags & SEVC_RFLAGS_RF, 0);
        assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
        assert_int_equal(world.shadow_stack_fixes, 1);
        assert_int_equal(world.shadow_stack_rip, KERNEL_CODE);
        if (tf) {
            assert_int_equal(world.report.fault.vector, SEVC_VECTOR_DB);
        }
        world_finish();
    }
}

/* APM vol. 2, 5.6: to paging CPL 3 alone is user mode. */
static void rings_1_and_2_have_a_supervisors_rights_to_pages(void **state)
{
    (void)state;
    for (unsigned cpl = 1; cpl < 4; cpl++) {
        world_start();
        world.policy.user_io = SEVC_USER_IO_BITMAP;
        world.io_allowed[PORT] = true;
        world.trap.cs = KERNEL_CS | cpl;
        world.trap.ss = (KERNEL_CS + 8) | cpl;
        world.trap.gpr[SEVC_RDX] = PORT;
        world.trap.gpr[SEVC_RSI] = KERNEL_DATA;
        world_code("\x6e", 1); /* outsb, of a page and from a page that is not user mode's */
        if (cpl == 3) {
            assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
            assert_int_equal(world.report.fault.vector, SEVC_VECTOR_PF);
            world_finish();
            continue;
        }
        host_expect(&world.host,
                    &(struct host_exchange){
                        .event = SEVC_EXIT_IOIO,
                        .info1 = (uint64_t)PORT << 16 | SEVC_IOIO_ADDRESS_64 | SEVC_IOIO_STRING |
                                 1 << 4 | SEVC_DS << SEVC_IOIO_SEGMENT_SHIFT,
                        .info2 = 1,
                        .scratch = true,
                        .sent = world_byte(KERNEL_DATA),
                        .sent_bytes = 1,
                    });
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        assert_int_equal(world.trap.rip, KERNEL_CODE + 1);
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rf_ends_with_the_instruction_and_tf_traps_after_it),
        cmocka_unit_test(rings_1_and_2_have_a_supervisors_rights_to_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
