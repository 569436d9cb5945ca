/* SPDX-License-Identifier: MIT */
/* The exits that work on registers alone: CPUID, RDMSR, WRMSR, RDTSC, RDTSCP. */
#include "world.h"

#define RAX SEVC_GHCB_OFF_RAX
#define RBX SEVC_GHCB_OFF_RBX
#define RCX SEVC_GHCB_OFF_RCX
#define RDX SEVC_GHCB_OFF_RDX

#define CR4_TSD (1ull << 2)

static const char cpuid[] = "\x0f\xa2";
static const char rdmsr[] = "\x0f\x32";
static const char wrmsr[] = "\x0f\x30";
static const char rdtsc[] = "\x0f\x31";
static const char rdtscp[] = "\x0f\x01\xf9";

/* Of inputs 32 bits go out, whatever lies above them; of outputs 32 bits come in (T34). */
static void T34_cpuid_sends_and_takes_32_bits(void **state)
{
    struct host_exchange exchange = {
        .event = SEVC_EXIT_CPUID,
        .inputs = { { RAX, 1 }, { RCX, 0xC0C1C2C3 } },
        .outputs = { { RAX, 0xAAAA0001 }, { RBX, 0xBBBB0002 }, { RCX, 0xCCCC0003 }, { RDX, 4 } },
        .lie = HOST_DIRTY_HIGH,
    };

    (void)state;
    for (int user = 0; user < 2; user++) {
        world_start();
        if (user) {
            world_user();
        }
        world.trap.gpr[SEVC_RAX] = 0xDEAD000000000001;
        world.trap.gpr[SEVC_RCX] = 0xDEAD0000C0C1C2C3;
        world_code(cpuid, 2);
        host_expect(&world.host, &exchange);
        assert_int_equal(world_run(SEVC_EXIT_CPUID), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RAX], 0xAAAA0001);
        assert_int_equal(world.trap.gpr[SEVC_RBX], 0xBBBB0002);
        assert_int_equal(world.trap.gpr[SEVC_RCX], 0xCCCC0003);
        assert_int_equal(world.trap.gpr[SEVC_RDX], 4);
        world_finish();
    }
}

/* T20 */
static void T20_leaf_d_sends_xcr0_and_subleaf_1_xss(void **state)
{
    static const struct {
        uint32_t leaf, subleaf;
        uint64_t cr4;
        uint16_t version;
        uint64_t xcr0, xss; /* expected; 0: not sent */
    } cases[] = {
        { 0xD, 0, CR4_OSXSAVE, 2, 0x207, 0 },
        { 0xD, 1, CR4_OSXSAVE, 2, 0x207, 0x1800 },
        { 0xD, 0, 0, 2, 1, 0 },
        { 0xD, 1, 0, 2, 1, 0x1800 },
        { 0xD, 1, CR4_OSXSAVE, 1, 0x207, 0 },
        { 0xD, 2, CR4_OSXSAVE, 2, 0x207, 0 },
        { 7, 1, CR4_OSXSAVE, 2, 0, 0 },
        { 0x8000000D, 0, CR4_OSXSAVE, 2, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct host_exchange exchange = {
            .event = SEVC_EXIT_CPUID,
            .inputs = { { RAX, cases[i].leaf }, { RCX, cases[i].subleaf } },
            .outputs = { { RAX, 1 }, { RBX, 2 }, { RCX, 3 }, { RDX, 4 } },
        };

        world_start();
        host_make_cpu(&world.host, &world.cpu, cases[i].version);
        world.cr4 = cases[i].cr4;
        world.xcr0 = 0x207;
        world.xss = 0x1800;
        world.trap.gpr[SEVC_RAX] = cases[i].leaf;
        world.trap.gpr[SEVC_RCX] = cases[i].subleaf;
        if (cases[i].xcr0 != 0) {
            exchange.inputs[2] = (struct host_field){ SEVC_GHCB_OFF_XCR0, cases[i].xcr0 };
        }
        if (cases[i].xss != 0) {
            exchange.inputs[3] = (struct host_field){ SEVC_GHCB_OFF_XSS, cases[i].xss };
        }
        world_code(cpuid, 2);
        host_expect(&world.host, &exchange);
        assert_int_equal(world_run(SEVC_EXIT_CPUID), SEVC_OK);
        world_finish();
    }
}

/* T6, at runtime too: the C-bit that the guest has been using cannot have moved. */
static void T6_a_cpuid_answer_that_hides_sev_is_refused(void **state)
{
    static const struct {
        uint32_t leaf, eax, ebx;
        enum sevc_reason reason;
    } cases[] = {
        { 0x80000000, 0x80000022, 0, SEVC_REASON_NONE },
        { 0x80000000, 0x8000001E, 0, SEVC_REASON_HIDES_SEV },
        { 0x8000001F, 0xA, 51, SEVC_REASON_NONE },
        { 0x8000001F, 0x8, 51, SEVC_REASON_HIDES_SEV },
        { 0x8000001F, 0x2, 51, SEVC_REASON_HIDES_SEV },
        { 0x8000001F, 0xA, 47, SEVC_REASON_C_BIT },
        { 0x8000001F, 0xA, 12, SEVC_REASON_C_BIT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct host_exchange exchange = {
            .event = SEVC_EXIT_CPUID,
            .inputs = { { RAX, cases[i].leaf }, { RCX, 0 } },
            .outputs = { { RAX, cases[i].eax }, { RBX, cases[i].ebx }, { RCX, 0 }, { RDX, 0 } },
        };
        bool lie = cases[i].reason != SEVC_REASON_NONE;

        world_start();
        world.trap.gpr[SEVC_RAX] = cases[i].leaf;
        world.trap.gpr[SEVC_RCX] = 0;
        world_code(cpuid, 2);
        host_expect(&world.host, &exchange);
        assert_int_equal(world_run(SEVC_EXIT_CPUID), lie ? SEVC_HOST_ERROR : SEVC_OK);
        assert_int_equal(world.report.reason, cases[i].reason);
        world_finish();
    }
}

/* T34, T43: ECX alone selects, and alone is sent. 32-bit code does as 64-bit code. */
static void T34_T43_rdmsr_is_selected_by_ecx_and_clears_upper_halves(void **state)
{
    (void)state;
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        world_start();
        world.code_bits = bits;
        if (bits == 32) {
            world.trap.rip = USER_CODE; /* flat: below 4 GiB */
        }
        world.trap.gpr[SEVC_RCX] = 0xFFFFFFFF0000001B;
        world_code(rdmsr, 2);
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_MSR,
                                     .inputs = { { RCX, 0x1B } },
                                     .outputs = { { RAX, 0xFEE00900 }, { RDX, 0x12 } },
                                     .lie = HOST_DIRTY_HIGH,
                                 });
        assert_int_equal(world_run(SEVC_EXIT_MSR), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RAX], 0xFEE00900);
        assert_int_equal(world.trap.gpr[SEVC_RDX], 0x12);
        world_finish();
    }
}

static void wrmsr_sends_32_bits_of_each_and_changes_only_rip(void **state)
{
    struct sevc_trap expected;

    (void)state;
    world_start();
    world.trap.gpr[SEVC_RCX] = 0xFFFFFFFFC0000080;
    world.trap.gpr[SEVC_RAX] = 0xFFFFFFFF00000D01;
    world.trap.gpr[SEVC_RDX] = 0xFFFFFFFF00000007;
    world_code(wrmsr, 2);
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_MSR,
                                 .info1 = SEVC_MSR_INFO1_WRITE,
                                 .inputs = { { RCX, 0xC0000080 }, { RAX, 0xD01 }, { RDX, 7 } },
                             });
    expected = world.trap;
    assert_int_equal(world_run(SEVC_EXIT_MSR), SEVC_OK);
    expected.error_code = SEVC_EXIT_MSR;
    expected.rip += 2;
    expected.rflags &= ~SEVC_RFLAGS_RF;
    assert_memory_equal(&world.trap, &expected, sizeof(expected));
    world_finish();
}

/* T71: an exit for the library's own RDMSR or WRMSR, injected. */
static void T71_the_ghcb_and_status_msrs_are_never_emulated(void **state)
{
    static const uint32_t msrs[] = { SEVC_MSR_GHCB, SEVC_MSR_SEV_STATUS };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        world_start();
        world.trap.gpr[SEVC_RCX] = 0xABCD00000000ull << 16 | msrs[i % 2];
        world_code(i < 2 ? rdmsr : wrmsr, 2);
        assert_int_equal(world_run(SEVC_EXIT_MSR), SEVC_FORBIDDEN);
        assert_int_equal(world.report.reason, SEVC_REASON_PROTECTED_MSR);
        world_finish();
    }
}

static void msrs_are_for_the_kernel_only(void **state)
{
    (void)state;
    for (unsigned cpl = 1; cpl <= 3; cpl++) {
        for (unsigned i = 0; i < 2; i++) {
            world_start();
            world_user();
            world.trap.cs = 0x30 | cpl;
            world.trap.gpr[SEVC_RCX] = 0x1B;
            world_code(i == 0 ? rdmsr : wrmsr, 2);
            assert_int_equal(world_run(SEVC_EXIT_MSR), SEVC_EXCEPTION);
            world_assert_fault(SEVC_VECTOR_GP, 0, 0);
            world_assert_unchanged();
            world_finish();
        }
    }
}

static void rdtsc_writes_two_clean_halves(void **state)
{
    (void)state;
    world_start();
    world_code(rdtsc, 2);
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_RDTSC,
                                 .outputs = { { RAX, 0x89ABCDEF }, { RDX, 0x01234567 } },
                                 .lie = HOST_DIRTY_HIGH,
                             });
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RAX], 0x89ABCDEF);
    assert_int_equal(world.trap.gpr[SEVC_RDX], 0x01234567);
    world_finish();
}

static void rdtscp_writes_ecx_too_and_is_three_bytes_long(void **state)
{
    (void)state;
    world_start();
    world_code(rdtscp, 3);
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_RDTSCP,
                                 .outputs = { { RAX, 1 }, { RDX, 2 }, { RCX, 3 } },
                                 .lie = HOST_DIRTY_HIGH,
                             });
    assert_int_equal(world_run(SEVC_EXIT_RDTSCP), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RAX], 1);
    assert_int_equal(world.trap.gpr[SEVC_RDX], 2);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 3);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 3);
    world_finish();
}

/* T23 */
static void T23_with_secure_tsc_the_host_is_not_asked_for_the_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        world_start();
        world.cpu.platform.sev_status |= SEVC_STATUS_SECURE_TSC;
        world_code(i == 0 ? rdtsc : rdtscp, i == 0 ? 2 : 3);
        assert_int_equal(world_run(i == 0 ? SEVC_EXIT_RDTSC : SEVC_EXIT_RDTSCP), SEVC_HOST_ERROR);
        assert_int_equal(world.report.reason, SEVC_REASON_SECURE_TSC);
        world_finish();
    }
}

static void cr4_tsd_keeps_the_time_from_user_mode(void **state)
{
    (void)state;
    world_start();
    world_user();
    world.cr4 = CR4_TSD;
    world_code(rdtsc, 2);
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_GP, 0, 0);
    world_assert_unchanged();
    world_finish();

    for (unsigned user = 0; user < 2; user++) { /* but not from the kernel, and not without TSD */
        world_start();
        if (user != 0) {
            world_user();
        }
        world.cr4 = user != 0 ? ~CR4_TSD & ~(1ull << 12) : CR4_TSD;
        world_code(rdtsc, 2);
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_RDTSC,
                                     .outputs = { { RAX, 1 }, { RDX, 2 } },
                                 });
        assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_OK);
        world_finish();
    }
}

/* ---- the straight way gives way (src/vc/hot.h) ---- */

static const struct common_exit {
    const char *code;
    unsigned length;
    uint64_t exit_code;
    struct host_exchange exchange;
} common_exits[] = {
    { "\x0f\xa2",
      2,
      SEVC_EXIT_CPUID,
      { .event = SEVC_EXIT_CPUID,
        .inputs = { { RAX, 7 }, { RCX, 0 } },
        .outputs = { { RAX, 1 }, { RBX, 2 }, { RCX, 3 }, { RDX, 4 } } } },
    { "\x0f\x32",
      2,
      SEVC_EXIT_MSR,
      { .event = SEVC_EXIT_MSR, .inputs = { { RCX, 0 } }, .outputs = { { RAX, 1 }, { RDX, 4 } } } },
    { "\x0f\x30",
      2,
      SEVC_EXIT_MSR,
      { .event = SEVC_EXIT_MSR,
        .info1 = SEVC_MSR_INFO1_WRITE,
        .inputs = { { RCX, 0 }, { RAX, 7 }, { RDX, 0x3F8 } } } },
    { "\x0f\x31",
      2,
      SEVC_EXIT_RDTSC,
      { .event = SEVC_EXIT_RDTSC, .outputs = { { RAX, 1 }, { RDX, 4 } } } },
    { "\xef",
      1,
      SEVC_EXIT_IOIO,
      { .event = SEVC_EXIT_IOIO, .info1 = 0x03F80240, .inputs = { { RAX, 7 } } } },
    { "\xed",
      1,
      SEVC_EXIT_IOIO,
      { .event = SEVC_EXIT_IOIO, .info1 = 0x03F80241, .outputs = { { RAX, 1 } } } },
    { "\x89\x03",
      2,
      SEVC_EXIT_NPF,
      { .event = SEVC_NAE_MMIO_WRITE,
        .info1 = DEVICE_GPA,
        .info2 = 4,
        .scratch = true,
        .sent = "\x07\0\0",
        .sent_bytes = 4 } },
};

#define COMMON_EXITS (sizeof(common_exits) / sizeof(common_exits[0]))

static void start_common(const struct common_exit *exit, const struct host_exchange *exchange)
{
    world_start();
    world.trap.gpr[SEVC_RAX] = 7;
    world.trap.gpr[SEVC_RBX] = DEVICE;
    world.trap.gpr[SEVC_RCX] = 0;
    world.trap.gpr[SEVC_RDX] = 0x3F8;
    world_code(exit->code, exit->length);
    host_expect(&world.host, exchange);
}

static void assert_common_done(const struct common_exit *exit)
{
    bool answers = exit->exchange.outputs[0].offset != 0;

    assert_int_equal(world.trap.rip, KERNEL_CODE + exit->length);
    assert_int_equal(world.trap.gpr[SEVC_RAX], answers ? 1 : 7);
}

/* Each exit inside another session, and with a request of the MSR protocol interrupted. */
static void common_exits_put_back_what_they_interrupt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMON_EXITS; i++) {
        struct sevc_session outer;
        struct sevc_report report;

        start_common(&common_exits[i], &common_exits[i].exchange);
        world.host.ghcb_msr = 0x0000000700000004; /* CPUID, asked for and not yet sent */
        assert_int_equal(world_run(common_exits[i].exit_code), SEVC_OK);
        assert_common_done(&common_exits[i]);
        assert_int_equal(world.host.ghcb_msr, 0x0000000700000004);
        world.host.ghcb_msr = world.cpu.ghcb.gpa; /* at rest again */
        world_finish();

        start_common(&common_exits[i], &common_exits[i].exchange);
        assert_int_equal(sevc_session_begin(&outer, &world.cpu, &report), SEVC_OK);
        assert_int_equal(world_run(common_exits[i].exit_code), SEVC_OK);
        assert_common_done(&common_exits[i]);
        assert_int_equal(world.cpu.depth, 1);
        sevc_session_end(&outer);
        world_finish();
    }
}

/* The general way refuses what the straight one does: RAX of the answer is not marked valid. */
static void common_exits_inside_a_session_are_refused_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMON_EXITS; i++) {
        const struct common_exit *exit = &common_exits[i];
        struct host_exchange lie = exit->exchange;
        struct sevc_session outer;
        struct sevc_report report;

        if (lie.outputs[0].offset == 0) {
            continue; /* nothing comes back */
        }
        lie.lie = HOST_MISSING_RAX;
        start_common(exit, &lie);
        assert_int_equal(sevc_session_begin(&outer, &world.cpu, &report), SEVC_OK);
        assert_int_not_equal(world_run(exit->exit_code), SEVC_OK);
        world_assert_unchanged();
        sevc_session_end(&outer);
        world_finish();
    }
}

/* TF: #DB behind the instruction, as the processor would. */
static void common_exits_are_stepped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMON_EXITS; i++) {
        start_common(&common_exits[i], &common_exits[i].exchange);
        world.trap.rflags |= SEVC_RFLAGS_TF;
        assert_int_equal(world_run(common_exits[i].exit_code), SEVC_OK_TRAP);
        assert_common_done(&common_exits[i]);
        assert_int_equal(world.report.fault.vector, SEVC_VECTOR_DB);
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T34_cpuid_sends_and_takes_32_bits),
        cmocka_unit_test(T20_leaf_d_sends_xcr0_and_subleaf_1_xss),
        cmocka_unit_test(T6_a_cpuid_answer_that_hides_sev_is_refused),
        cmocka_unit_test(T34_T43_rdmsr_is_selected_by_ecx_and_clears_upper_halves),
        cmocka_unit_test(wrmsr_sends_32_bits_of_each_and_changes_only_rip),
        cmocka_unit_test(T71_the_ghcb_and_status_msrs_are_never_emulated),
        cmocka_unit_test(msrs_are_for_the_kernel_only),
        cmocka_unit_test(rdtsc_writes_two_clean_halves),
        cmocka_unit_test(rdtscp_writes_ecx_too_and_is_three_bytes_long),
        cmocka_unit_test(T23_with_secure_tsc_the_host_is_not_asked_for_the_time),
        cmocka_unit_test(cr4_tsd_keeps_the_time_from_user_mode),
        cmocka_unit_test(common_exits_put_back_what_they_interrupt),
        cmocka_unit_test(common_exits_inside_a_session_are_refused_too),
        cmocka_unit_test(common_exits_are_stepped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
