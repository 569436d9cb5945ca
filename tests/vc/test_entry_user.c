/* SPDX-License-Identifier: MIT */
/* A kernel with an entry of its own for user mode: this program defines sevc_vc_entry_user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <sevc/cpu.h>
#include <sevc/idt.h>

#include "../../src/idt/dispatch.h"
#include "enter.h"

static struct sevc_vc_stack stack;
static unsigned dispatched;

void sevc_vc_dispatch(struct sevc_trap *trap, struct sevc_cpu *cpu)
{
    (void)cpu;
    dispatched++;
    trap->cs |= 3;
    trap->rip = (uint64_t)enter_resume;
}

static void user_mode_goes_to_the_kernels_own_entry_and_kernel_mode_does_not(void **state)
{
    struct frame *frame = (struct frame *)(&stack + 1) - 1;
    uint8_t interrupted_stack[256];

    (void)state;
    for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
        memset(&enter_state, 0, sizeof(enter_state));
        *frame = (struct frame){
            .error_code = 0x72,
            .cs = (enter_cs() & ~3ull) | cpl,
            .rflags = 0x202,
            .rsp = (uint64_t)&interrupted_stack[128],
            .ss = enter_ss(),
        };
        enter_state.entry = (uint64_t)sevc_vc_entry;
        enter_state.frame = (uint64_t)frame;
        enter_state.rflags_in = 2;
        dispatched = 0;
        enter();
        assert_int_equal(enter_state.handed_over, cpl == 3);
        assert_int_equal(dispatched, cpl == 0);
        if (cpl == 3) { /* as the processor left it */
            assert_int_equal(enter_state.out[SEVC_RSP], (uint64_t)frame);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_mode_goes_to_the_kernels_own_entry_and_kernel_mode_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
