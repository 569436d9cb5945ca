/* SPDX-License-Identifier: MIT */
/* From the runtime stubs to the handler: which results the kernel hears of. */
#include "world.h"

#include "../../src/idt/dispatch.h"

static unsigned accounted, raised;
static struct sevc_report seen;
static struct sevc_cpu *this_cpu;

void sevc_os_account(const struct sevc_report *report)
{
    assert_int_equal(raised, 0); /* before sevc_os_raise() */
    seen = *report;
    accounted++;
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    assert_ptr_equal(trap, &world.trap);
    assert_int_equal(report->result, seen.result);
    raised++;
}

struct sevc_cpu *sevc_os_this_cpu(void)
{
    return this_cpu;
}

static void every_result_is_accounted_and_errors_are_raised(void **state)
{
    static const struct {
        uint64_t exit_code;
        uint64_t tf;
        unsigned validates;
        enum sevc_result result;
        bool raised;
    } cases[] = {
        { SEVC_EXIT_MWAIT, 0, 0, SEVC_OK, false },
        { SEVC_EXIT_MWAIT, SEVC_RFLAGS_TF, 0, SEVC_OK_TRAP, true },
        { SEVC_EXIT_NOT_VALIDATED, 0, 1, SEVC_RETRY, false },
        { SEVC_EXIT_NOT_VALIDATED, 0, 0, SEVC_UNSUPPORTED, true },
        { SEVC_EXIT_DB, 0, 0, SEVC_EXCEPTION, true },
        { SEVC_EXIT_CPUID, 0, 0, SEVC_BAD_INSN, true },
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = i / 2;

        world_start();
        world_code("\x0f\x01\xc9", 3);
        world.trap.error_code = cases[n].exit_code;
        world.trap.rflags |= cases[n].tf;
        world.validates = cases[n].validates;
        accounted = raised = 0;
        this_cpu = &world.cpu;
        if (i % 2 == 0) {
            sevc_vc_dispatch(&world.trap, &world.cpu);
        } else {
            sevc_vc_dispatch_plain(&world.trap);
        }
        assert_int_equal(accounted, 1);
        assert_int_equal(raised, cases[n].raised);
        assert_int_equal(seen.result, cases[n].result);
        world_finish();
    }
}

/* T18: no CPU yet, by either entry. The early handler serves CPUID, and nothing else. */
static void T18_without_a_cpu_nothing_is_dereferenced(void **state)
{
    (void)state;
    world_start();
    world.trap.error_code = SEVC_EXIT_MSR;
    accounted = raised = 0;
    this_cpu = NULL;
    sevc_vc_dispatch_plain(&world.trap);
    assert_int_equal(raised, 1);
    assert_int_equal(seen.reason, SEVC_REASON_NOT_READY);
    world_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_is_accounted_and_errors_are_raised),
        cmocka_unit_test(T18_without_a_cpu_nothing_is_dereferenced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
