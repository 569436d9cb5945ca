/* SPDX-License-Identifier: MIT */
/* The table in the #VC handler: the same answers, registers cut to 32 bits, no session, no exit. */
#include "world.h"

#define RAX SEVC_GHCB_OFF_RAX
#define RBX SEVC_GHCB_OFF_RBX
#define RCX SEVC_GHCB_OFF_RCX
#define RDX SEVC_GHCB_OFF_RDX

static struct sevc_cpuid_table table;
static const char cpuid[] = "\x0f\xa2";

static void start(enum sevc_cpuid_miss miss)
{
    world_start();
    sevc_cpuid_table_init(&table, &world.cpu, miss);
    world.cpu.cpuid_table = &table;
}

static void expect(uint32_t leaf, uint32_t subleaf, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    host_expect(&world.host,
                &(struct host_exchange){
                    .event = SEVC_EXIT_CPUID,
                    .inputs = { { RAX, leaf }, { RCX, subleaf } },
                    .outputs = { { RAX, 0xAAAA }, { RBX, ebx }, { RCX, ecx }, { RDX, edx } },
                    .lie = HOST_DIRTY_HIGH,
                });
}

static enum sevc_result execute(uint32_t leaf, uint32_t subleaf, const char *code, size_t bytes)
{
    world.trap.rip = sevc_trap_cpl(&world.trap) == 3 ? USER_CODE : KERNEL_CODE;
    world.trap.gpr[SEVC_RAX] = 0xDEAD000000000000ull | leaf;
    world.trap.gpr[SEVC_RCX] = 0xDEAD000000000000ull | subleaf;
    world_code(code, bytes);
    return world_run(SEVC_EXIT_CPUID);
}

static void assert_registers(uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
    assert_int_equal(world.trap.gpr[SEVC_RAX], 0xAAAA);
    assert_int_equal(world.trap.gpr[SEVC_RBX], rbx);
    assert_int_equal(world.trap.gpr[SEVC_RCX], rcx);
    assert_int_equal(world.trap.gpr[SEVC_RDX], rdx);
}

static void a_pinned_answer_needs_no_exit_and_moves_rip_as_ever(void **state)
{
    static const struct {
        const char *code;
        size_t bytes;
    } codes[] = { { cpuid, 2 }, { "\x66\x0f\xa2", 3 }, { "\x48\x0f\xa2", 3 } };

    (void)state;
    for (unsigned user = 0; user < 2; user++) {
        start(SEVC_CPUID_MISS_ASK);
        if (user != 0) {
            world_user();
        }
        expect(4, 1, 0xFFFFFFFF, 0x80000000, 7);
        assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
            uint64_t rip = user != 0 ? USER_CODE : KERNEL_CODE;

            world.trap.rflags |= SEVC_RFLAGS_RF;
            assert_int_equal(execute(4, 1, codes[i].code, codes[i].bytes), SEVC_OK);
            assert_registers(0xFFFFFFFF, 0x80000000, 7);
            assert_int_equal(world.trap.rip, rip + codes[i].bytes);
            assert_int_equal(world.trap.rflags & SEVC_RFLAGS_RF, 0);
            assert_int_equal(world.report.vmgexits, 0);
            assert_int_equal(world.report.nae_code, 0);
        }
        assert_int_equal(world.host.vmgexits, 1);
        world_finish();
    }
}

static void a_leaf_without_sub_leaves_is_found_whatever_lies_in_ECX(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    expect(0x80000002, 0, 1, 2, 3);
    for (uint32_t ecx = 0; ecx < 3; ecx++) {
        assert_int_equal(execute(0x80000002, ecx, cpuid, 2), SEVC_OK);
        assert_registers(1, 2, 3);
        assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
    }
    assert_int_equal(world.host.vmgexits, 1);
    world_finish();
}

/* Leaf 0xB, EDX: the x2APIC id, which is in no table, and no bit of CR4 with it. */
static void what_is_each_cpus_own_is_asked_for_once(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    for (uint32_t id = 5; id < 7; id++) {
        expect(0xB, 1, 4, 0x201, id);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(execute(0xB, 1, cpuid, 2), SEVC_OK);
            assert_registers(4, 0x201, id);
            assert_int_equal(world.report.vmgexits, i == 0);
        }
        sevc_cpuid_seal(&table);
        memset(&world.cpu.cpuid_own, 0, sizeof(world.cpu.cpuid_own)); /* as another CPU begins */
    }
    assert_int_equal(world.host.vmgexits, 2);
    world_finish();
}

static void single_stepping_a_pinned_answer_traps(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    expect(4, 1, 1, 2, 3);
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
    world.trap.rflags |= SEVC_RFLAGS_TF;
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK_TRAP);
    assert_int_equal(world.report.fault.vector, SEVC_VECTOR_DB);
    world_finish();
}

/* It touches neither page nor MSR, so the depth of nesting does not matter. */
static void a_pinned_answer_is_there_at_any_depth(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    expect(4, 1, 1, 2, 3);
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
    world.cpu.depth = 2;
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
    assert_int_equal(execute(4, 2, cpuid, 2), SEVC_FORBIDDEN);
    assert_int_equal(world.report.reason, SEVC_REASON_NESTING);
    world.cpu.depth = 0;
    world_finish();
}

static void a_changed_answer_changes_no_register(void **state)
{
    struct sevc_cpu owner = { 0 };

    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    expect(1, 0, 0x05000000, 0, 0x200);
    assert_int_equal(execute(1, 0, cpuid, 2), SEVC_OK);
    sevc_cpuid_seal(&table);
    owner = world.cpu;
    table.owner = &owner; /* so that world.cpu is another CPU */
    world.cpu.cpuid_own.known = 0;
    expect(1, 0, 0x06000000, 1, 0x200);
    assert_int_equal(execute(1, 0, cpuid, 2), SEVC_HOST_ERROR);
    assert_int_equal(world.report.reason, SEVC_REASON_CHANGED);
    assert_int_equal(world.report.stage, SEVC_STAGE_REPLY);
    world_assert_unchanged();
    expect(1, 0, 0x06000000, 0, 0x200);
    assert_int_equal(execute(1, 0, cpuid, 2), SEVC_OK);
    assert_registers(0x06000000, 0, 0x200);
    world.cr4 = 1ull << 18;
    assert_int_equal(execute(1, 0, cpuid, 2), SEVC_OK);
    assert_registers(0x06000000, 1u << 27, 0x200);
    world_finish();
}

static void what_is_not_pinned_can_be_refused(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_REFUSE);
    sevc_cpuid_seal(&table);
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_FORBIDDEN);
    assert_int_equal(world.report.reason, SEVC_REASON_NOT_PINNED);
    assert_int_equal(world.report.stage, SEVC_STAGE_POLICY);
    assert_int_equal(world.host.vmgexits, 0);
    world_assert_unchanged();
    world_finish();
}

/* Before it is sealed the table is its owner's alone. */
static void another_cpu_asks_until_the_table_is_sealed(void **state)
{
    struct sevc_cpu owner = { 0 };

    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    expect(4, 1, 1, 2, 3); /* which the owner has been told, as this CPU has been until here */
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
    table.owner = &owner;
    for (uint32_t subleaf = 1; subleaf < 3; subleaf++) {
        expect(4, subleaf, 11, 12, 13);
        assert_int_equal(execute(4, subleaf, cpuid, 2), SEVC_OK);
        assert_registers(11, 12, 13);
    }
    assert_int_equal(table.count, 1);
    world_finish();
}

static void what_is_not_pinned_can_be_zero(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ZERO);
    sevc_cpuid_seal(&table);
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
    assert_int_equal(world.host.vmgexits, 0);
    assert_int_equal(world.trap.gpr[SEVC_RAX], 0);
    assert_int_equal(world.trap.gpr[SEVC_RBX], 0);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 0);
    assert_int_equal(world.trap.gpr[SEVC_RDX], 0);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
    world_finish();
}

/* WeSee: a table is no reason to skip the instruction. */
static void another_instruction_gets_no_pinned_answer(void **state)
{
    static const struct {
        const char *code;
        size_t bytes;
    } codes[] = {
        { "\x90\x90", 2 },     { "\x0f\x31", 2 },     { "\xa2\x0f", 2 },
        { "\xf0\x0f\xa2", 3 }, { "\x0f\xa3\xc0", 3 }, { "\x0e\xa2", 2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        start(SEVC_CPUID_MISS_ASK);
        expect(4, 1, 1, 2, 3);
        assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
        assert_int_equal(execute(4, 1, codes[i].code, codes[i].bytes), SEVC_BAD_INSN);
        world_assert_unchanged();
        world_finish();
    }
    start(SEVC_CPUID_MISS_ASK); /* and CPUID none under another exit code */
    expect(4, 1, 1, 2, 3);
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
    world.trap.rip = KERNEL_CODE;
    world_code(cpuid, 2);
    assert_int_equal(world_run(SEVC_EXIT_RDTSC), SEVC_BAD_INSN);
    world_assert_unchanged();
    world_finish();
}

/* The page ends behind 0F, or behind CPUID itself. */
static void cpuid_at_the_end_of_a_page(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    expect(4, 1, 1, 2, 3);
    assert_int_equal(execute(4, 1, cpuid, 2), SEVC_OK);
    world.trap.gpr[SEVC_RAX] = 4;
    world.trap.gpr[SEVC_RCX] = 1;
    world_code_at_end(cpuid, 2);
    assert_int_equal(world_run(SEVC_EXIT_CPUID), SEVC_OK);
    world.trap.rip = KERNEL_CODE;
    world_code_at_end(cpuid, 1);
    assert_int_equal(world_run(SEVC_EXIT_CPUID), SEVC_EXCEPTION);
    assert_int_equal(world.report.fault.vector, SEVC_VECTOR_PF);
    assert_int_equal(world.report.fault.cr2, (KERNEL_CODE | 0xFFF) + 1);
    assert_int_equal(world.report.reason, SEVC_REASON_COPY_FAULT);
    world_finish();
}

/* Of AVX and PKRU, with sub-leaf 9 of SIZE bytes; 0 bytes: it does not exist. */
static void start_xsave(uint32_t size)
{
    static struct sevc_snp_cpuid_page page;

    page = (struct sevc_snp_cpuid_page){
        .count = 10,
        .entries = {
            { .eax_in = 0x80000000, .eax = 0x8000001F },
            { .eax_in = 0x8000001F, .eax = 0xA, .ebx = 51 },
            { .eax_in = 0xD, .eax = 0xAAAA, .ecx = 0x988, .edx = 3 },
            { .eax_in = 0xD, .ecx_in = 1, .eax = 0xAAAA, .ecx = 0x1800, .edx = 4 },
            { .eax_in = 0xD, .ecx_in = 2, .eax = 256, .ebx = 576 },
            { .eax_in = 0xD, .ecx_in = 9, .eax = size, .ebx = 0x980 },
            { .eax_in = 0xD, .ecx_in = 11, .eax = 16, .ecx = 2 },
            { .eax_in = 0xD, .ecx_in = 40, .eax = 32, .ecx = 2 },
            { .eax_in = 7, .eax = 0xAAAA },
            { .eax_in = 0xB9 }, /* at the home of leaf 0xD's sub-leaf 5, which is not there */
        },
    };
    world_start();
    assert_int_equal(sevc_cpuid_table_snp(&table, &page, 0), SEVC_OK);
    world.cpu.cpuid_table = &table;
    world.cr4 = CR4_OSXSAVE;
    world.xcr0 = 0x207;
    world.xss = 1u << 11;
}

static void the_sizes_of_the_xsave_area_need_no_exit(void **state)
{
    (void)state;
    start_xsave(8);
    assert_int_equal(execute(0xD, 0, cpuid, 2), SEVC_OK);
    assert_registers(0x988, 0x988, 3);
    assert_int_equal(execute(0xD, 1, cpuid, 2), SEVC_OK);
    assert_registers(0x380 + 16, 0x1800, 4); /* 576 + 256 + 8, aligned, + 16 */
    world.xcr0 = 7;
    assert_int_equal(execute(0xD, 0, cpuid, 2), SEVC_OK);
    assert_registers(576 + 256, 0x988, 3);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
    assert_int_equal(world.host.vmgexits, 0);
    world_finish();
}

/* The size that has been computed last is kept for the next time, but for no other state. */
static void a_size_that_is_kept_follows_the_state(void **state)
{
    static const struct {
        uint64_t cr4, xcr0, xss;
        uint32_t standard, compacted;
    } steps[] = {
        { CR4_OSXSAVE, 0x207, 0x800, 2440, 912 },
        { CR4_OSXSAVE, 0x207, 0, 2440, 840 },
        { CR4_OSXSAVE, 7, 0, 832, 832 },
        { CR4_OSXSAVE, 7, 0x800, 832, 848 },
        { CR4_OSXSAVE, 3, 0x10000000800, 576, 640 + 32 },
        { CR4_OSXSAVE, 3, 0x800, 576, 592 },
        { 0, 0x207, 0x800, 576, 592 },
        { CR4_OSXSAVE, 0x207, 0, 2440, 840 },
    };

    (void)state;
    start_xsave(8);
    for (size_t i = 0; i < 2 * sizeof(steps) / sizeof(steps[0]); i++) { /* each twice */
        world.cr4 = steps[i / 2].cr4;
        world.xcr0 = steps[i / 2].xcr0;
        world.xss = steps[i / 2].xss;
        assert_int_equal(execute(0xD, 0, cpuid, 2), SEVC_OK);
        assert_registers(steps[i / 2].standard, 0x988, 3);
        assert_int_equal(execute(0xD, 1, cpuid, 2), SEVC_OK);
        assert_registers(steps[i / 2].compacted, 0x1800, 4);
    }
    assert_int_equal(world.host.vmgexits, 0);
    world_finish();
}

static void single_stepping_what_is_computed_traps(void **state)
{
    static const uint32_t leaves[] = { 0xD, 7 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start_xsave(8);
        world.trap.rflags |= SEVC_RFLAGS_TF;
        assert_int_equal(execute(leaves[i], 0, cpuid, 2), SEVC_OK_TRAP);
        assert_int_equal(world.report.fault.vector, SEVC_VECTOR_DB);
        assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
        world_finish();
    }
}

static void a_size_that_cannot_be_changes_no_register(void **state)
{
    (void)state;
    for (uint32_t subleaf = 0; subleaf < 2; subleaf++) {
        start_xsave(0);
        assert_int_equal(execute(0xD, subleaf, cpuid, 2), SEVC_HOST_ERROR);
        assert_int_equal(world.report.reason, SEVC_REASON_XSAVE_SIZE);
        world_assert_unchanged();
        world.xcr0 = 0x27; /* its sub-leaf 5 is not there at all */
        table.miss = SEVC_CPUID_MISS_REFUSE;
        assert_int_equal(execute(0xD, subleaf, cpuid, 2), SEVC_FORBIDDEN);
        assert_int_equal(world.report.reason, SEVC_REASON_NOT_PINNED);
        world_assert_unchanged();
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pinned_answer_needs_no_exit_and_moves_rip_as_ever),
        cmocka_unit_test(a_leaf_without_sub_leaves_is_found_whatever_lies_in_ECX),
        cmocka_unit_test(what_is_each_cpus_own_is_asked_for_once),
        cmocka_unit_test(single_stepping_a_pinned_answer_traps),
        cmocka_unit_test(a_pinned_answer_is_there_at_any_depth),
        cmocka_unit_test(a_changed_answer_changes_no_register),
        cmocka_unit_test(what_is_not_pinned_can_be_refused),
        cmocka_unit_test(another_cpu_asks_until_the_table_is_sealed),
        cmocka_unit_test(what_is_not_pinned_can_be_zero),
        cmocka_unit_test(another_instruction_gets_no_pinned_answer),
        cmocka_unit_test(cpuid_at_the_end_of_a_page),
        cmocka_unit_test(the_sizes_of_the_xsave_area_need_no_exit),
        cmocka_unit_test(a_size_that_is_kept_follows_the_state),
        cmocka_unit_test(single_stepping_what_is_computed_traps),
        cmocka_unit_test(a_size_that_cannot_be_changes_no_register),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
