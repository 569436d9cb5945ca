/* SPDX-License-Identifier: MIT */
/* On a machine that is no SEV-ES guest each call is its instruction, and nothing else. */
#include "calls.h"

static struct scripted_host host;

static void each_call_is_one_instruction(void **state)
{
    struct sevc_cpu native;
    struct sevc_cpu *const cpus[] = { NULL, &native };

    (void)state;
    memset(&native, 0xA5, sizeof(native));
    sevc_native_init(&native);
    assert_false(sevc_cpu_ready(&native));
    for (size_t i = 0; i < direct_call_count; i++) {
        const struct direct_call *call = &direct_calls[i];

        for (size_t j = 0; j < COUNT_OF(cpus); j++) {
            struct host_native expected = call->native;
            uint64_t out[CALL_OUTPUTS];

            if (expected.kind == HOST_NATIVE_LOAD || expected.kind == HOST_NATIVE_STORE) {
                expected.operand += (uintptr_t)call_window.va;
            }
            host_start(&host);
            host.interrupt_flag = true;
            memcpy(host.native_answer, call->native_answer, sizeof(host.native_answer));
            assert_int_equal(direct_call(i, cpus[j], out), SEVC_OK);
            assert_outputs(out, call->native_out, call->outs);
            assert_int_equal(host.natives, 1);
            assert_memory_equal(&host.native[0], &expected, sizeof(expected));
            assert_int_equal(host.vmgexits + host.rdmsrs + host.wrmsrs, 0);
            assert_int_equal(host.logged, 0); /* interrupts as they were, all the time */
            assert_int_equal(sevc_direct_reason(cpus[j]), SEVC_REASON_NONE);
            host_finish(&host);
        }
    }
}

static void string_io_is_one_instruction_of_any_length(void **state)
{
    static uint8_t buffer[3 * 2032 * 4];
    size_t done;

    (void)state;
    for (unsigned bytes = 1; bytes <= 4; bytes *= 2) {
        host_start(&host);
        host.native_answer[0] = 0x5C;
        memset(buffer, 0, sizeof(buffer));
        assert_int_equal(sevc_ins(NULL, 0x1F0, bytes, buffer, 3 * 2032, &done), SEVC_OK);
        assert_int_equal(done, 3 * 2032);
        assert_int_equal(buffer[3 * 2032 * bytes - 1], 0x5C);
        assert_int_equal(sevc_outs(NULL, 0x1F0, bytes, buffer, 3 * 2032, NULL), SEVC_OK);
        assert_int_equal(host.natives, 2);
        assert_int_equal(host.native[0].kind, HOST_NATIVE_INS);
        assert_int_equal(host.native[1].kind, HOST_NATIVE_OUTS);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(host.native[i].operand, 0x1F0);
            assert_int_equal(host.native[i].value, 3 * 2032);
            assert_int_equal(host.native[i].bytes, bytes);
        }
        host_finish(&host);
    }
}

static void mmio_needs_an_address_that_is_mapped(void **state)
{
    static const struct sevc_mmio_window window = { NULL, CALL_WINDOW_GPA, 4096 };
    uint64_t value = CALL_UNTOUCHED;
    struct sevc_cpu native;

    (void)state;
    host_start(&host);
    sevc_native_init(&native);
    assert_int_equal(sevc_mmio_read(&native, &window, 0, 4, &value), SEVC_INVALID);
    assert_int_equal(sevc_direct_reason(&native), SEVC_REASON_ARGUMENT);
    assert_int_equal(sevc_mmio_write(NULL, &window, 0, 4, 1), SEVC_INVALID);
    assert_int_equal(value, CALL_UNTOUCHED);
    assert_int_equal(host.natives, 0);
    host_finish(&host);
}

/* Registers that the convention does not name are neither handed over nor changed. */
static void vmmcall_hands_over_what_the_convention_names(void **state)
{
    static const struct sevc_hypercall_abi abi = {
        .inputs = 1u << SEVC_R8 | 1u << SEVC_RBP,
        .outputs = 1u << SEVC_R15 | 1u << SEVC_RBX,
    };
    uint64_t gpr[16];

    (void)state;
    host_start(&host);
    host.native_answer[0] = 0xB0;
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = 0xA0 + i;
    }
    assert_int_equal(sevc_vmmcall(NULL, &abi, gpr), SEVC_OK);
    for (unsigned i = 0; i < 16; i++) {
        bool input = i == SEVC_RAX || i == SEVC_R8 || i == SEVC_RBP;
        bool output = i == SEVC_RAX || i == SEVC_R15 || i == SEVC_RBX;

        assert_int_equal(host.native[0].gpr[i], input ? 0xA0 + i : 0);
        assert_int_equal(gpr[i], output ? 0xB0 + i : 0xA0 + i);
    }
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_is_one_instruction),
        cmocka_unit_test(string_io_is_one_instruction_of_any_length),
        cmocka_unit_test(mmio_needs_an_address_that_is_mapped),
        cmocka_unit_test(vmmcall_hands_over_what_the_convention_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
