/* SPDX-License-Identifier: MIT */
/*
 * Exits about which the integrator decides: RDPMC, INVD, WBINVD, MONITOR, MWAIT, and those that nobody
 * handles. Each value of each policy, and that the default is the safe one.
 */
#include "world.h"

#define RAX SEVC_GHCB_OFF_RAX
#define RCX SEVC_GHCB_OFF_RCX
#define RDX SEVC_GHCB_OFF_RDX

#define CR4_PCE (1ull << 8)

static void start(const char *code, size_t length)
{
    world_start();
    world_code(code, length);
}

static void set_cpl(unsigned cpl)
{
    world_user();
    world.trap.cs = 0x30 | cpl;
}

/* A reply without outputs: nothing changes but RIP and RFLAGS.RF. */
static void assert_only_rip_moves(uint64_t exit_code, unsigned length)
{
    struct sevc_trap expected = world.trap;

    expected.error_code = exit_code;
    expected.rip += length;
    expected.rflags &= ~SEVC_RFLAGS_RF;
    assert_int_equal(world_run(exit_code), SEVC_OK);
    assert_memory_equal(&world.trap, &expected, sizeof(expected));
}

static void assert_gp(uint64_t exit_code)
{
    assert_int_equal(world_run(exit_code), SEVC_EXCEPTION);
    assert_int_equal(world.report.reason, SEVC_REASON_PRIVILEGE);
    world_assert_fault(SEVC_VECTOR_GP, 0, 0);
    world_assert_unchanged();
    assert_int_equal(world.host.vmgexits, 0);
}

/* ---- RDPMC ---- */

/* Only ECX goes out, and two times 32 bits come in. */
static void rdpmc_sends_ecx_and_writes_two_clean_halves(void **state)
{
    (void)state;
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        start("\x0f\x33", 2);
        world.code_bits = bits;
        if (bits == 32) {
            world.trap.rip = USER_CODE;
            world_code("\x0f\x33", 2);
        }
        world.trap.gpr[SEVC_RCX] = 0xDEAD000000000003;
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_RDPMC,
                                     .inputs = { { RCX, 3 } },
                                     .outputs = { { RAX, 0x89ABCDEF }, { RDX, 0x4567 } },
                                     .lie = HOST_DIRTY_HIGH,
                                 });
        assert_int_equal(world_run(SEVC_EXIT_RDPMC), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RAX], 0x89ABCDEF);
        assert_int_equal(world.trap.gpr[SEVC_RDX], 0x4567);
        assert_int_equal(world.trap.gpr[SEVC_RCX], 0xDEAD000000000003);
        world_finish();
    }
}

/* At CPL 0 CR4.PCE says nothing (APM vol. 3, RDPMC). */
static void cr4_pce_lets_user_mode_count(void **state)
{
    (void)state;
    for (unsigned cpl = 0; cpl <= 3; cpl++) {
        for (unsigned pce = 0; pce < 2; pce++) {
            start("\x0f\x33", 2);
            if (cpl != 0) {
                set_cpl(cpl);
                world_code("\x0f\x33", 2);
            }
            world.cr4 = pce != 0 ? CR4_PCE : ~CR4_PCE & ~(1ull << 12);
            world.trap.gpr[SEVC_RCX] = 0;
            if (cpl != 0 && pce == 0) {
                assert_gp(SEVC_EXIT_RDPMC);
            } else {
                host_expect(&world.host, &(struct host_exchange){
                                             .event = SEVC_EXIT_RDPMC,
                                             .inputs = { { RCX, 0 } },
                                             .outputs = { { RAX, 1 }, { RDX, 2 } },
                                         });
                assert_int_equal(world_run(SEVC_EXIT_RDPMC), SEVC_OK);
            }
            world_finish();
        }
    }
}

/* ---- caches ---- */

static void invd_is_refused_unless_the_policy_forwards_it(void **state)
{
    (void)state;
    start("\x0f\x08", 2);
    assert_int_equal(world_run(SEVC_EXIT_INVD), SEVC_FORBIDDEN);
    assert_int_equal(world.report.reason, SEVC_REASON_INVD);
    assert_int_equal(world.host.vmgexits, 0);
    world_finish();

    start("\x0f\x08", 2);
    world.policy.invd = SEVC_INVD_FORWARD;
    host_expect(&world.host, &(struct host_exchange){ .event = SEVC_EXIT_INVD });
    assert_only_rip_moves(SEVC_EXIT_INVD, 2);
    world_finish();
}

/* Writing back loses nothing: always forwarded. WBNOINVD is WBINVD with F3, and shares its exit. */
static void wbinvd_and_wbnoinvd_are_one_event(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
    } forms[] = { { "\x0f\x09", 2 }, { "\xf3\x0f\x09", 3 }, { "\x66\x0f\x09", 3 } };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        start(forms[i].code, forms[i].length);
        host_expect(&world.host, &(struct host_exchange){ .event = SEVC_EXIT_WBINVD });
        assert_only_rip_moves(SEVC_EXIT_WBINVD, forms[i].length);
        world_finish();
    }
}

static void caches_are_for_the_kernel_only(void **state)
{
    (void)state;
    for (unsigned cpl = 1; cpl <= 3; cpl++) {
        start("\x0f\x08", 2);
        set_cpl(cpl);
        world.policy.invd = SEVC_INVD_FORWARD;
        world_code("\x0f\x08", 2);
        assert_gp(SEVC_EXIT_INVD);
        world_finish();

        start("\x0f\x09", 2);
        set_cpl(cpl);
        world_code("\x0f\x09", 2);
        assert_gp(SEVC_EXIT_WBINVD);
        world_finish();
    }
}

/* ---- MONITOR and MWAIT ---- */

static const struct form {
    const char *code;
    uint64_t exit_code;
} monitors[] = {
    { "\x0f\x01\xc8", SEVC_EXIT_MONITOR },
    { "\x0f\x01\xfa", SEVC_EXIT_MONITOR },
}, mwaits[] = {
    { "\x0f\x01\xc9", SEVC_EXIT_MWAIT },
    { "\x0f\x01\xfb", SEVC_EXIT_MWAIT },
};

static const struct form *form(unsigned i)
{
    return i < 2 ? &monitors[i] : &mwaits[i - 2];
}

/* T2 (MONITORX, MWAITX). By default the host hears nothing, not even that the guest waits. */
static void T2_monitor_and_mwait_do_nothing_by_default(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned user = 0; user < 2; user++) {
            start(form(i)->code, 3);
            if (user != 0) {
                world_user();
                world_code(form(i)->code, 3);
            }
            world.trap.gpr[SEVC_RAX] = KERNEL_DATA + 0x123;
            assert_only_rip_moves(form(i)->exit_code, 3);
            assert_int_equal(world.host.vmgexits, 0);
            assert_int_equal(world.translations, 0);
            world_finish();
        }
    }
}

/* What the host gets is the guest-physical address, never the linear one (T2). */
static void T2_monitor_forwarded_sends_the_translated_address(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        uint64_t rax, gpa;
    } cases[] = {
        { "\x0f\x01\xc8", 3, KERNEL_DATA + 0x123, 0x10123 },
        { "\x0f\x01\xfa", 3, KERNEL_DATA + 0x1040, 0x77040 },
        { "\x65\x0f\x01\xc8", 4, 0x80, 0x10080 },        /* GS: */
        { "\x2e\x0f\x01\xc8", 4, KERNEL_DATA, 0x10000 }, /* CS: counts for nothing */
        { "\x67\x0f\x01\xfa", 4, 0xFFFFFFFF00000000 | USER_DATA, 0x20000 }, /* EAX */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].code, cases[i].length);
        world.policy.monitor = SEVC_MONITOR_FORWARD;
        world.gs_base = KERNEL_DATA;
        world.trap.gpr[SEVC_RAX] = cases[i].rax;
        world.trap.gpr[SEVC_RCX] = 0xDEAD000000000001;
        world.trap.gpr[SEVC_RDX] = 0xDEAD000000000002;
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_MONITOR,
                                     .inputs = { { RAX, cases[i].gpa }, { RCX, 1 }, { RDX, 2 } },
                                 });
        assert_only_rip_moves(SEVC_EXIT_MONITOR, cases[i].length);
        world_finish();
    }
}

static void mwait_forwarded_sends_its_hints(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start(mwaits[i].code, 3);
        world.policy.monitor = SEVC_MONITOR_FORWARD;
        world.trap.gpr[SEVC_RAX] = 0xDEAD0000000000F0;
        world.trap.gpr[SEVC_RCX] = 0xDEAD000000000001;
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_MWAIT,
                                     .inputs = { { RAX, 0xF0 }, { RCX, 1 } },
                                 });
        assert_only_rip_moves(SEVC_EXIT_MWAIT, 3);
        world_finish();
    }
}

/* MONITOR reads a byte with the rights of who executes it. */
static void monitor_of_what_may_not_be_read_faults(void **state)
{
    static const struct {
        uint64_t va;
        bool user;
        uint8_t vector;
        uint32_t error_code;
    } cases[] = {
        { KERNEL_DATA + 0x2000, false, SEVC_VECTOR_PF, 0 },
        { USER_DATA + 0x2000, true, SEVC_VECTOR_PF, 4 },
        { KERNEL_DATA, true, SEVC_VECTOR_PF, 5 },
        { 0x8000000000000000, false, SEVC_VECTOR_GP, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(monitors[1].code, 3);
        if (cases[i].user) {
            world_user();
            world_code(monitors[1].code, 3);
        }
        world.policy.monitor = SEVC_MONITOR_FORWARD;
        world.trap.gpr[SEVC_RAX] = cases[i].va;
        assert_int_equal(world_run(SEVC_EXIT_MONITOR), SEVC_EXCEPTION);
        world_assert_fault(cases[i].vector, cases[i].error_code,
                           cases[i].vector == SEVC_VECTOR_PF ? cases[i].va : 0);
        world_assert_unchanged();
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

static void monitor_of_a_mapping_that_goes_is_refused(void **state)
{
    (void)state;
    start(monitors[0].code, 3);
    world.policy.monitor = SEVC_MONITOR_FORWARD;
    world.trap.gpr[SEVC_RAX] = KERNEL_DATA;
    world.unmap_after_probe = true;
    assert_int_equal(world_run(SEVC_EXIT_MONITOR), SEVC_FORBIDDEN);
    assert_int_equal(world.report.reason, SEVC_REASON_NOT_MAPPED);
    world_finish();
}

/* ---- exits that nobody handles ---- */

/* HLT, XSETBV, shutdown; whatever stands at RIP, an undefined opcode too. */
static void the_host_hears_of_an_unsupported_exit_only_by_policy(void **state)
{
    static const uint64_t exits[] = {
        SEVC_EXIT_READ_CR0,
        SEVC_EXIT_HLT,
        SEVC_EXIT_XSETBV,
        SEVC_EXIT_SHUTDOWN,
        SEVC_EXIT_VMGEXIT,
        SEVC_EXIT_INVPCID,
        0x406,
        0x8000FFFF,
        1ull << 32 | SEVC_EXIT_CPUID,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        for (unsigned tell = 0; tell < 2; tell++) {
            for (unsigned defined = 0; defined < 2; defined++) {
                start(defined != 0 ? "\xf4" : "\x06", 1);
                if (tell != 0) {
                    world.policy.unsupported = SEVC_UNSUPPORTED_TELL;
                    host_expect(&world.host, &(struct host_exchange){
                                                 .event = SEVC_NAE_UNSUPPORTED,
                                                 .info1 = exits[i],
                                             });
                }
                assert_int_equal(world_run(exits[i]), SEVC_UNSUPPORTED);
                assert_int_equal(world.report.reason, SEVC_REASON_NO_SUCH_EXIT);
                assert_int_equal(world.report.stage, SEVC_STAGE_AGREEMENT);
                world_finish();
            }
        }
    }
}

/* The host is told, not asked: whatever it answers, the result is the same. */
static void the_answer_to_an_unsupported_exit_does_not_matter(void **state)
{
    (void)state;
    for (unsigned lie = 0; lie < HOST_LIE_COUNT; lie++) {
        if (!host_lies[lie].page || host_lies[lie].needs_output != 0) {
            continue;
        }
        start("\xf4", 1);
        world.policy.unsupported = SEVC_UNSUPPORTED_TELL;
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_NAE_UNSUPPORTED,
                                     .info1 = SEVC_EXIT_HLT,
                                     .lie = (enum host_lie)lie,
                                 });
        assert_int_equal(world_run(SEVC_EXIT_HLT), SEVC_UNSUPPORTED);
        assert_int_equal(world.report.reason, SEVC_REASON_NO_SUCH_EXIT);
        world_finish();
    }
}

/* An exit that is served and does not fit the instruction is an injection: the host is told nothing. */
static void an_injected_exit_is_not_told(void **state)
{
    (void)state;
    start("\x90", 1);
    world.policy.unsupported = SEVC_UNSUPPORTED_TELL;
    assert_int_equal(world_run(SEVC_EXIT_CPUID), SEVC_BAD_INSN);
    assert_int_equal(world.host.vmgexits, 0);
    world_finish();
}

/* Both GHCBs are taken: nothing is sent, and the result is the same. */
static void an_unsupported_exit_three_levels_deep_is_not_told(void **state)
{
    (void)state;
    start("\xf4", 1);
    world.policy.unsupported = SEVC_UNSUPPORTED_TELL;
    world.cpu.depth = 2;
    assert_int_equal(world_run(SEVC_EXIT_HLT), SEVC_UNSUPPORTED);
    assert_int_equal(world.host.vmgexits, 0);
    world.cpu.depth = 0;
    world_finish();
}

/* All zero is the safe default: what the header promises. */
static void the_default_policy_is_all_zero_and_safe(void **state)
{
    static const struct sevc_policy zero = { 0 };

    (void)state;
    assert_int_equal(zero.mmio, SEVC_MMIO_BASIC);
    assert_int_equal(zero.user_io, SEVC_USER_IO_OFF);
    assert_int_equal(zero.invd, SEVC_INVD_REFUSE);
    assert_int_equal(zero.monitor, SEVC_MONITOR_NOP);
    assert_int_equal(zero.unsupported, SEVC_UNSUPPORTED_QUIET);
    assert_null(zero.hypercall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rdpmc_sends_ecx_and_writes_two_clean_halves),
        cmocka_unit_test(cr4_pce_lets_user_mode_count),
        cmocka_unit_test(invd_is_refused_unless_the_policy_forwards_it),
        cmocka_unit_test(wbinvd_and_wbnoinvd_are_one_event),
        cmocka_unit_test(caches_are_for_the_kernel_only),
        cmocka_unit_test(T2_monitor_and_mwait_do_nothing_by_default),
        cmocka_unit_test(T2_monitor_forwarded_sends_the_translated_address),
        cmocka_unit_test(mwait_forwarded_sends_its_hints),
        cmocka_unit_test(monitor_of_what_may_not_be_read_faults),
        cmocka_unit_test(monitor_of_a_mapping_that_goes_is_refused),
        cmocka_unit_test(the_host_hears_of_an_unsupported_exit_only_by_policy),
        cmocka_unit_test(the_answer_to_an_unsupported_exit_does_not_matter),
        cmocka_unit_test(an_injected_exit_is_not_told),
        cmocka_unit_test(an_unsupported_exit_three_levels_deep_is_not_told),
        cmocka_unit_test(the_default_policy_is_all_zero_and_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
