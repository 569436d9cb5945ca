/* SPDX-License-Identifier: MIT */
/* VMMCALL by each convention: exactly its registers go out, and exactly its registers come back. */
#include "world.h"

#define CPL_QUADWORD (SEVC_GHCB_OFF_CPL & ~7u)

/* Written out by hand, from the hypervisors' own documents; bit n is the register's encoding. */
enum {
    BIT_RAX = 1,
    BIT_RCX = 2,
    BIT_RDX = 4,
    BIT_RBX = 8,
    BIT_RBP = 32,
    BIT_RSI = 64,
    BIT_RDI = 128
};
#define BIT_R8  (1u << 8)
#define BIT_R10 (1u << 10)
#define BIT_R15 (1u << 15)

static const struct sevc_hypercall_abi custom = {
    .inputs = BIT_RBX | BIT_R10 | BIT_R15,
    .outputs = BIT_RDX | BIT_R15,
    .rip = true,
};

static const struct convention {
    const struct sevc_hypercall_abi *abi;
    unsigned sent, taken;
    bool rip, user;
} conventions[] = {
    { &sevc_hypercall_kvm, BIT_RAX | BIT_RBX | BIT_RCX | BIT_RDX | BIT_RSI, BIT_RAX, false, false },
    { &sevc_hypercall_hyperv, BIT_RAX | BIT_RCX | BIT_RDX | BIT_R8, BIT_RAX, false, false },
    { &sevc_hypercall_vmware, BIT_RAX | BIT_RBX | BIT_RCX | BIT_RDX | BIT_RSI | BIT_RDI | BIT_RBP,
      BIT_RAX | BIT_RBX | BIT_RCX | BIT_RDX | BIT_RSI | BIT_RDI | BIT_RBP, true, true },
    { &custom, BIT_RAX | BIT_RBX | BIT_R10 | BIT_R15, BIT_RAX | BIT_RDX | BIT_R15, true, false },
};
#define CONVENTIONS (sizeof(conventions) / sizeof(conventions[0]))

static unsigned offset_of(unsigned gpr)
{
    return gpr == SEVC_RAX ? SEVC_GHCB_OFF_RAX : SEVC_GHCB_OFF_RCX + 8 * (gpr - SEVC_RCX);
}

static void start(const struct convention *convention, unsigned cpl, unsigned code_bits)
{
    world_start();
    if (cpl != 0 || code_bits == 32) {
        world_user();
    }
    world.trap.cs = 0x30 | cpl;
    world.code_bits = code_bits;
    world.policy.hypercall = convention != NULL ? convention->abi : NULL;
    world_code("\x0f\x01\xd9", 3);
}

static uint64_t answer(unsigned gpr)
{
    return 0xA000000000000000u + gpr;
}

/* What the host must see, and an answer in every register that the convention returns. */
static struct host_exchange exchange(const struct convention *convention, unsigned cpl)
{
    struct host_exchange result = { .event = SEVC_EXIT_VMMCALL };
    bool narrow = world.code_bits == 32;
    unsigned inputs = 0, outputs = 0;

    for (unsigned i = 0; i < 16; i++) {
        uint64_t value = narrow ? (i < 8 ? (uint32_t)world.trap.gpr[i] : 0) : world.trap.gpr[i];

        if ((convention->sent >> i & 1) != 0) {
            result.inputs[inputs++] = (struct host_field){ offset_of(i), value };
        }
        if ((convention->taken >> i & 1) != 0) {
            result.outputs[outputs++] = (struct host_field){ offset_of(i), answer(i) };
        }
    }
    if (convention->rip) {
        result.inputs[inputs++] = (struct host_field){ SEVC_GHCB_OFF_RIP, world.trap.rip };
    }
    result.inputs[inputs] = (struct host_field){ CPL_QUADWORD, (uint64_t)cpl << 24 };
    return result;
}

static void call_and_compare(const struct convention *convention, unsigned cpl, unsigned code_bits)
{
    struct host_exchange expected;
    struct sevc_trap trap;

    start(convention, cpl, code_bits);
    expected = exchange(convention, cpl);
    host_expect(&world.host, &expected);
    trap = world.trap;
    for (unsigned i = 0; i < (code_bits == 64 ? 16u : 8u); i++) {
        if ((convention->taken >> i & 1) != 0) {
            trap.gpr[i] = code_bits == 64 ? answer(i) : (uint32_t)answer(i);
        }
    }
    trap.error_code = SEVC_EXIT_VMMCALL;
    trap.rip += 3;
    trap.rflags &= ~SEVC_RFLAGS_RF;
    assert_int_equal(world_run(SEVC_EXIT_VMMCALL), SEVC_OK);
    assert_memory_equal(&world.trap, &trap, sizeof(trap));
    world_finish();
}

static void each_convention_carries_exactly_its_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONVENTIONS; i++) {
        call_and_compare(&conventions[i], 0, 64);
    }
}

/* Outside 64-bit mode the upper halves and R8 to R15 are not the caller's: they stay, and stay here. */
static void code_of_32_bits_sends_and_takes_32_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONVENTIONS; i++) {
        call_and_compare(&conventions[i], 0, 32);
    }
    call_and_compare(&conventions[2], 3, 32); /* VMware's tools */
}

/* The GHCB tells the host the privilege level; what user mode may not, is undefined to it. */
static void user_mode_calls_only_where_the_convention_lets_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONVENTIONS; i++) {
        for (unsigned cpl = 1; cpl <= 3; cpl++) {
            if (conventions[i].user) {
                call_and_compare(&conventions[i], cpl, 64);
                continue;
            }
            start(&conventions[i], cpl, 64);
            assert_int_equal(world_run(SEVC_EXIT_VMMCALL), SEVC_EXCEPTION);
            assert_int_equal(world.report.reason, SEVC_REASON_PRIVILEGE);
            world_assert_fault(SEVC_VECTOR_UD, 0, 0);
            world_assert_unchanged();
            assert_int_equal(world.host.vmgexits, 0);
            world_finish();
        }
    }
}

static void without_a_convention_nothing_is_disclosed(void **state)
{
    (void)state;
    for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
        start(NULL, cpl, 64);
        assert_int_equal(world_run(SEVC_EXIT_VMMCALL), SEVC_FORBIDDEN);
        assert_int_equal(world.report.reason, SEVC_REASON_HYPERCALL);
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

/* Each output missing in turn, in either mode: none of the others is taken. */
static void a_missing_output_takes_none(void **state)
{
    static const enum host_lie lies[] = { HOST_MISSING_RAX, HOST_MISSING_RBX, HOST_MISSING_RCX,
                                          HOST_MISSING_RDX };

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct host_exchange lie;

        start(&conventions[2], 0, i < 4 ? 64 : 32);
        lie = exchange(&conventions[2], 0);
        lie.lie = lies[i % 4];
        host_expect(&world.host, &lie);
        assert_int_equal(world_run(SEVC_EXIT_VMMCALL), SEVC_HOST_ERROR);
        assert_int_equal(world.report.reason, SEVC_REASON_MISSING_OUTPUT);
        world_finish();
    }
}

/* RSP is the kernel's stack pointer, not an argument: a convention that names it is a mistake. */
static void a_convention_with_rsp_is_invalid_and_sends_nothing(void **state)
{
    static const struct sevc_hypercall_abi sends = { .inputs = 1u << SEVC_RSP };
    static const struct sevc_hypercall_abi takes = { .outputs = 1u << SEVC_RSP };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        start(&conventions[0], 0, i < 2 ? 64 : 32);
        world.policy.hypercall = i % 2 == 0 ? &sends : &takes;
        assert_int_equal(world_run(SEVC_EXIT_VMMCALL), SEVC_INVALID);
        assert_int_equal(world.report.reason, SEVC_REASON_ARGUMENT);
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_convention_carries_exactly_its_registers),
        cmocka_unit_test(code_of_32_bits_sends_and_takes_32_bits),
        cmocka_unit_test(user_mode_calls_only_where_the_convention_lets_it),
        cmocka_unit_test(without_a_convention_nothing_is_disclosed),
        cmocka_unit_test(a_missing_output_takes_none),
        cmocka_unit_test(a_convention_with_rsp_is_invalid_and_sends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
