/* SPDX-License-Identifier: MIT */
/* The early handler: CPUID by the MSR protocol, and nothing else, from a host that may lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/idt/dispatch.h"
#include "scripted_host.h"

static const uint8_t cpuid[] = { 0x0f, 0xa2 };

static struct scripted_host host;
static struct sevc_trap trap, before;
static struct sevc_report report;

static void start(const uint8_t *code, uint32_t leaf, uint32_t subleaf)
{
    host_start(&host);
    memset(&trap, 0xD7, sizeof(trap));
    trap.error_code = SEVC_EXIT_CPUID;
    trap.cs = 0x10;
    trap.rip = (uint64_t)(uintptr_t)code;
    trap.gpr[SEVC_RAX] = 0xDEAD000000000000 | leaf;
    trap.gpr[SEVC_RCX] = 0xDEAD000000000000 | subleaf;
}

static enum sevc_result handle(void)
{
    memset(&report, 0xA5, sizeof(report));
    before = trap;
    return sevc_early_handle_vc(&trap, &report);
}

/* EAX, EBX, ECX, EDX, in this order: only the leaf goes out (GHCB spec 2.03, 2.3.1). */
static void expect_answer(uint32_t leaf, const uint32_t answer[4])
{
    for (unsigned i = 0; i < 4; i++) {
        host_expect_msr(&host, (uint64_t)leaf << 32 | (uint64_t)i << 30 | 0x004,
                        (uint64_t)answer[i] << 32 | (uint64_t)i << 30 | 0x005);
    }
}

static void assert_refused(enum sevc_result result, enum sevc_reason reason)
{
    assert_int_equal(handle(), result);
    assert_int_equal(report.result, result);
    assert_int_equal(report.reason, reason);
    assert_int_equal(report.exit_code, trap.error_code);
    assert_int_equal(report.rip, trap.rip);
    assert_memory_equal(&trap, &before, sizeof(trap));
}

static void cpuid_is_answered_in_four_exits(void **state)
{
    static const uint32_t answer[4] = { 0xAAAA0001, 0xBBBB0002, 0xCCCC0003, 0xDDDD0004 };
    struct sevc_trap expected;

    (void)state;
    start(cpuid, 1, 0x12345678); /* leaf 1 has no sub-leaves: whatever ECX holds */
    expect_answer(1, answer);
    expected = trap;
    expected.gpr[SEVC_RAX] = answer[0];
    expected.gpr[SEVC_RBX] = answer[1];
    expected.gpr[SEVC_RCX] = answer[2];
    expected.gpr[SEVC_RDX] = answer[3];
    expected.rip += 2;
    expected.rflags &= ~SEVC_RFLAGS_RF;
    assert_int_equal(handle(), SEVC_OK);
    assert_memory_equal(&trap, &expected, sizeof(trap));
    assert_int_equal(report.vmgexits, 4);
    host_finish(&host);
}

/* The protocol has no place for a sub-leaf, and none for XCR0. */
static void what_the_protocol_cannot_ask_is_not_asked(void **state)
{
    static const uint32_t indexed[] = {
        0x4,  0x7,  0xB,  0xD,  0xF,  0x10, 0x12, 0x14,       0x17,       0x18,
        0x1A, 0x1B, 0x1D, 0x1F, 0x20, 0x23, 0x24, 0x8000001D, 0x80000020, 0x80000026,
    };
    static const uint32_t answer[4] = { 1, 2, 3, 4 };

    (void)state;
    for (size_t i = 0; i < sizeof(indexed) / sizeof(indexed[0]); i++) {
        start(cpuid, indexed[i], 1);
        assert_refused(SEVC_UNSUPPORTED, SEVC_REASON_CPUID_LEAF);
        assert_int_equal(host.vmgexits, 0);
        host_finish(&host);

        start(cpuid, indexed[i], 0);
        if (indexed[i] == 0xD) {
            assert_refused(SEVC_UNSUPPORTED, SEVC_REASON_CPUID_LEAF);
        } else {
            expect_answer(indexed[i], answer);
            assert_int_equal(handle(), SEVC_OK);
        }
        host_finish(&host);
    }
}

/* T1, in the earliest handler too: bytes that CPUID's exit code does not fit. */
static void T1_only_cpuid_itself_is_served(void **state)
{
    static const struct {
        uint8_t code[4];
        uint64_t exit_code;
        enum sevc_result result;
        enum sevc_reason reason;
    } cases[] = {
        { { 0x90, 0xa2 }, SEVC_EXIT_CPUID, SEVC_BAD_INSN, SEVC_REASON_MISMATCH },
        { { 0xa2, 0x0f }, SEVC_EXIT_CPUID, SEVC_BAD_INSN, SEVC_REASON_MISMATCH },
        { { 0x0f, 0x31 }, SEVC_EXIT_CPUID, SEVC_BAD_INSN, SEVC_REASON_MISMATCH },
        { { 0x66, 0x0f, 0xa2 }, SEVC_EXIT_CPUID, SEVC_BAD_INSN, SEVC_REASON_MISMATCH },
        { { 0x0f, 0x32 }, SEVC_EXIT_MSR, SEVC_UNSUPPORTED, SEVC_REASON_NO_SUCH_EXIT },
        { { 0x0f, 0xa2 }, SEVC_EXIT_MSR, SEVC_UNSUPPORTED, SEVC_REASON_NO_SUCH_EXIT },
        { { 0x0f, 0xa2 }, SEVC_EXIT_DB, SEVC_UNSUPPORTED, SEVC_REASON_NO_SUCH_EXIT },
        { { 0x0f, 0xa2 },
          1ull << 32 | SEVC_EXIT_CPUID,
          SEVC_UNSUPPORTED,
          SEVC_REASON_NO_SUCH_EXIT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].code, 1, 0);
        trap.error_code = cases[i].exit_code;
        assert_refused(cases[i].result, cases[i].reason);
        assert_int_equal(host.vmgexits, 0);
        host_finish(&host);
    }
}

/* Its bytes are read without a hook, which for user memory would be somebody else's address. */
static void user_mode_is_refused_before_its_bytes_are_read(void **state)
{
    (void)state;
    for (unsigned cpl = 1; cpl <= 3; cpl++) {
        start(NULL, 1, 0);
        trap.cs = 0x30 | cpl;
        assert_refused(SEVC_UNSUPPORTED, SEVC_REASON_NOT_READY);
        assert_int_equal(host.vmgexits, 0);
        host_finish(&host);
    }
}

/* T58: on SNP CPUID comes from a page that the firmware has checked; here it is refused. */
static void T58_on_snp_the_host_is_not_asked(void **state)
{
    (void)state;
    start(cpuid, 1, 0);
    host.sev_status |= SEVC_STATUS_SNP;
    assert_refused(SEVC_UNSUPPORTED, SEVC_REASON_SNP);
    assert_int_equal(host.vmgexits, 0);
    host_finish(&host);
}

/* T67: each of the four exchanges, each wrong answer. */
static void T67_a_wrong_response_to_any_of_the_four_is_an_error(void **state)
{
    static const uint64_t responses[] = { 0, ~0ull, 0x004, 0x001, 0x1005 };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (size_t j = 0; j < sizeof(responses) / sizeof(responses[0]) + 1; j++) {
            uint64_t registers = (uint64_t)i << 30;

            start(cpuid, 1, 0);
            for (unsigned k = 0; k < i; k++) {
                host_expect_msr(&host, 1ull << 32 | (uint64_t)k << 30 | 0x004,
                                7ull << 32 | (uint64_t)k << 30 | 0x005);
            }
            host_expect_msr(&host, 1ull << 32 | registers | 0x004,
                            j < 5 ? responses[j] : 7ull << 32 | (registers ^ 1u << 30) | 0x005);
            assert_refused(SEVC_HOST_ERROR, SEVC_REASON_BAD_RESPONSE);
            assert_int_equal(report.vmgexits, i + 1);
            host_finish(&host);
        }
    }
}

static const struct lie {
    uint32_t leaf, answer[4];
    enum sevc_reason reason;
} lies[] = {
    { 0x80000000, { 0x8000001F }, SEVC_REASON_NONE },
    { 0x80000000, { 0x8000001E }, SEVC_REASON_HIDES_SEV },
    { 0x80000000, { 0 }, SEVC_REASON_HIDES_SEV },
    { 0x8000001F, { 0xA, 32 }, SEVC_REASON_NONE },
    { 0x8000001F, { 0xA, 63 }, SEVC_REASON_NONE },
    { 0x8000001F, { 0xA, 31 }, SEVC_REASON_C_BIT },
    { 0x8000001F, { 0xA, 64 }, SEVC_REASON_C_BIT }, /* the field has six bits: 0 */
    { 0x8000001F, { 0xA, 0 }, SEVC_REASON_C_BIT },
    { 0x8000001F, { 0x8, 51 }, SEVC_REASON_HIDES_SEV },
    { 0x8000001F, { 0x2, 51 }, SEVC_REASON_HIDES_SEV },
};

/* T6: before the guest has put anything into memory. */
static void T6_a_host_that_hides_sev_or_moves_the_c_bit_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        start(cpuid, lies[i].leaf, 0);
        expect_answer(lies[i].leaf, lies[i].answer);
        if (lies[i].reason == SEVC_REASON_NONE) {
            assert_int_equal(handle(), SEVC_OK);
        } else {
            assert_refused(SEVC_HOST_ERROR, lies[i].reason);
        }
        host_finish(&host);
    }
}

/* ---- what the stub calls ---- */

static void dispatch(void *argument)
{
    (void)argument;
    sevc_early_dispatch(&trap);
}

/* T6: nobody can be told, so the guest ends. */
static void T6_a_failure_ends_the_guest_and_says_why(void **state)
{
    (void)state;
    start(cpuid, 1, 0);
    expect_answer(1, (const uint32_t[4]){ 1, 2, 3, 4 });
    sevc_early_dispatch(&trap);
    assert_int_equal(trap.gpr[SEVC_RDX], 4);
    host_finish(&host);

    start(cpuid, 0x8000001F, 0);
    expect_answer(0x8000001F, (const uint32_t[4]){ 8, 51, 0, 0 });
    assert_int_equal(host_run_to_termination(&host, 3, dispatch, NULL), 0x100);
    host.ghcb_msr = HOST_GHCB_GPA;
    host_finish(&host);
}

/* SEV_STATUS bit 2: refused at the first CPUID, by the reason that the specification has for it. */
static void an_snp_guest_is_ended_with_termination_0_2(void **state)
{
    (void)state;
    start(cpuid, 1, 0);
    host.sev_status |= SEVC_STATUS_SNP;
    assert_int_equal(host_run_to_termination(&host, 0, dispatch, NULL), 0x20100);
    host.ghcb_msr = HOST_GHCB_GPA;
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpuid_is_answered_in_four_exits),
        cmocka_unit_test(what_the_protocol_cannot_ask_is_not_asked),
        cmocka_unit_test(T1_only_cpuid_itself_is_served),
        cmocka_unit_test(user_mode_is_refused_before_its_bytes_are_read),
        cmocka_unit_test(T58_on_snp_the_host_is_not_asked),
        cmocka_unit_test(T67_a_wrong_response_to_any_of_the_four_is_an_error),
        cmocka_unit_test(T6_a_host_that_hides_sev_or_moves_the_c_bit_is_refused),
        cmocka_unit_test(T6_a_failure_ends_the_guest_and_says_why),
        cmocka_unit_test(an_snp_guest_is_ended_with_termination_0_2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
