/* SPDX-License-Identifier: MIT */
/* Extended MMIO that cannot be completed: nothing has changed but the elements that are complete. */
#include "world.h"

#define FAR 0x123456000ull /* nothing is mapped there */

static void start(const char *code, size_t length, uint64_t rsi, uint64_t rdi)
{
    world_start();
    world.policy.mmio = SEVC_MMIO_EXTENDED;
    world.trap.gpr[SEVC_RAX] = 0x11;
    world.trap.gpr[SEVC_RBX] = DEVICE;
    world.trap.gpr[SEVC_RCX] = 3;
    world.trap.gpr[SEVC_RSI] = rsi;
    world.trap.gpr[SEVC_RDI] = rdi;
    world_code(code, length);
}

static void expect(uint64_t event, uint64_t gpa, const void *byte, enum host_lie lie)
{
    bool read = event == SEVC_NAE_MMIO_READ;

    host_expect(&world.host, &(struct host_exchange){
                                 .event = event,
                                 .info1 = gpa,
                                 .info2 = 1,
                                 .scratch = true,
                                 .sent = read ? NULL : byte,
                                 .sent_bytes = read ? 0 : 1,
                                 .returned = read ? byte : NULL,
                                 .returned_bytes = read ? 1 : 0,
                                 .lie = lie,
                             });
}

/* T36, T51: each access that an instruction makes, answered by each lie. */
static void T36_T51_a_lie_to_any_access_changes_nothing(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        uint64_t rsi, rdi;
        unsigned reads;
        const char *written; /* or NULL */
    } cases[] = {
        { "\xa4", 1, DEVICE, KERNEL_DATA, 1, NULL },
        { "\xa4", 1, DEVICE, DEVICE, 1, "Z" },
        { "\xaa", 1, 0, DEVICE, 0, "\x11" },
        { "\xac", 1, DEVICE, 0, 1, NULL },
        { "\xae", 1, 0, DEVICE, 1, NULL },
        { "\xa6", 1, DEVICE, KERNEL_DATA, 1, NULL },
        { "\xa6", 1, DEVICE, DEVICE, 2, NULL },
        { "\x00\x03", 2, 0, 0, 1, "\x6b" },
        { "\x02\x03", 2, 0, 0, 1, NULL },
        { "\x38\x03", 2, 0, 0, 1, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned accesses = cases[i].reads + (cases[i].written != NULL);

        for (unsigned lying = 0; lying < accesses; lying++) {
            for (unsigned lie = 0; lie < HOST_LIE_COUNT; lie++) {
                if (!host_lies[lie].page || host_lies[lie].result != SEVC_HOST_ERROR ||
                    host_lies[lie].needs_output != 0 || host_lies[lie].needs_any_output) {
                    continue;
                }
                start(cases[i].code, cases[i].length, cases[i].rsi, cases[i].rdi);
                for (unsigned n = 0; n <= lying; n++) {
                    bool read = n < cases[i].reads;

                    expect(read ? SEVC_NAE_MMIO_READ : SEVC_NAE_MMIO_WRITE, DEVICE_GPA,
                           read ? "Z" : cases[i].written,
                           n == lying ? (enum host_lie)lie : HOST_HONEST);
                }
                assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_HOST_ERROR);
                assert_int_equal(world.report.reason, host_lies[lie].reason);
                world_finish();
            }
        }
    }
}

/* The host answers a request for one element at a time: those before the lie are complete. */
static void a_lie_in_the_middle_of_rep_keeps_the_elements_before_it(void **state)
{
    (void)state;
    start("\xf3\xa4", 2, DEVICE, KERNEL_DATA);
    world.trap.error_code = SEVC_EXIT_NPF;
    expect(SEVC_NAE_MMIO_READ, DEVICE_GPA, "a", HOST_HONEST);
    expect(SEVC_NAE_MMIO_READ, DEVICE_GPA + 1, "b", HOST_REJECTS);
    assert_int_equal(sevc_handle_vc(&world.cpu, &world.trap, &world.report), SEVC_HOST_ERROR);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 2);
    assert_int_equal(world.trap.gpr[SEVC_RSI], DEVICE + 1);
    assert_int_equal(world.trap.gpr[SEVC_RDI], KERNEL_DATA + 1);
    assert_int_equal(world.trap.rip, KERNEL_CODE);
    assert_int_equal(*world_byte(KERNEL_DATA), 'a');
    assert_int_not_equal(*world_byte(KERNEL_DATA + 1), 'b');
    world_finish();
}

static void a_string_that_is_not_mapped_faults_before_any_exit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start("\xa4", 1, i == 0 ? FAR : DEVICE, i == 0 ? DEVICE : FAR);
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_EXCEPTION);
        world_assert_fault(SEVC_VECTOR_PF, i == 0 ? 0 : 2, FAR);
        world_assert_unchanged();
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

/* T4: no side is a device, so nothing here raises the exit: it was injected. */
static void T4_a_string_between_encrypted_pages_is_refused(void **state)
{
    static const char *const codes[] = { "\xa4", "\xa6", "\xaa", "\xac", "\xae" };

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        start(codes[i], 1, KERNEL_DATA, KERNEL_DATA + 0x100);
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_FORBIDDEN);
        assert_int_equal(world.report.reason, SEVC_REASON_ENCRYPTED_MMIO);
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

/* The page becomes read-only after it was probed: the fault is the guest's, nothing is complete. */
static void a_destination_that_vanishes_is_a_fault(void **state)
{
    (void)state;
    start("\xa4", 1, DEVICE, KERNEL_DATA);
    world.race = true;
    expect(SEVC_NAE_MMIO_READ, DEVICE_GPA, "a", HOST_HONEST);
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 3, KERNEL_DATA);
    world_assert_unchanged();
    world_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T36_T51_a_lie_to_any_access_changes_nothing),
        cmocka_unit_test(a_lie_in_the_middle_of_rep_keeps_the_elements_before_it),
        cmocka_unit_test(a_string_that_is_not_mapped_faults_before_any_exit),
        cmocka_unit_test(T4_a_string_between_encrypted_pages_is_refused),
        cmocka_unit_test(a_destination_that_vanishes_is_a_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
