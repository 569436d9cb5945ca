/* SPDX-License-Identifier: MIT */
/* The weak defaults of the optional hooks: this program defines none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sevc/os.h>

static void hooks_that_are_not_written_take_the_safe_side(void **state)
{
    static const struct sevc_trap trap;
    static const struct sevc_report report;

    (void)state;
    assert_false(sevc_os_io_allowed(&trap, 0x80, 1));
    assert_true(sevc_os_mmio_allowed(&trap, 0xFED00000, 4, true));
    assert_null(sevc_os_this_cpu());
    sevc_os_fix_shadow_stack(&trap, 0x1000);
    sevc_os_tlb_shootdown(0x1000, 0x1000);
    sevc_os_account(&report);
    sevc_os_nmi_completed(NULL, &report); /* SEVC_OK; otherwise the guest ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_that_are_not_written_take_the_safe_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
