/* SPDX-License-Identifier: MIT */
/*
 * Which instruction agrees with which exit: the defence against a host that injects a #VC with an
 * error code of its choice (WeSee). T numbers are the bugs and attacks of other #VC handlers
 * (docs/threat-model.md).
 */
#include "unit.h"

/* Every instruction with a meaning, and the one exit that it raises. */
static const struct {
    struct bytes bytes;
    uint16_t exit;
    uint8_t kind;
} pairs[] = {
    { B(0x0F, 0xA2), SEVC_EXIT_CPUID, SEVC_INSN_CPUID },
    { B(0x0F, 0x32), SEVC_EXIT_MSR, SEVC_INSN_RDMSR },
    { B(0x0F, 0x30), SEVC_EXIT_MSR, SEVC_INSN_WRMSR },
    { B(0x0F, 0x31), SEVC_EXIT_RDTSC, SEVC_INSN_RDTSC },
    { B(0x0F, 0x01, 0xF9), SEVC_EXIT_RDTSCP, SEVC_INSN_RDTSCP },
    { B(0x0F, 0x33), SEVC_EXIT_RDPMC, SEVC_INSN_RDPMC },
    { B(0x0F, 0x08), SEVC_EXIT_INVD, SEVC_INSN_INVD },
    { B(0x0F, 0x09), SEVC_EXIT_WBINVD, SEVC_INSN_WBINVD },
    { B(0xF3, 0x0F, 0x09), SEVC_EXIT_WBINVD, SEVC_INSN_WBNOINVD },
    { B(0x0F, 0x01, 0xC8), SEVC_EXIT_MONITOR, SEVC_INSN_MONITOR },
    { B(0x0F, 0x01, 0xFA), SEVC_EXIT_MONITOR, SEVC_INSN_MONITORX },
    { B(0x0F, 0x01, 0xC9), SEVC_EXIT_MWAIT, SEVC_INSN_MWAIT },
    { B(0x0F, 0x01, 0xFB), SEVC_EXIT_MWAIT, SEVC_INSN_MWAITX },
    { B(0x0F, 0x01, 0xD9), SEVC_EXIT_VMMCALL, SEVC_INSN_VMMCALL },
    { B(0x0F, 0x21, 0xF8), SEVC_EXIT_READ_DR7, SEVC_INSN_READ_DR },
    { B(0x0F, 0x23, 0xF8), SEVC_EXIT_WRITE_DR7, SEVC_INSN_WRITE_DR },
    { B(0xEC), SEVC_EXIT_IOIO, SEVC_INSN_IN },
    { B(0xE4, 0x71), SEVC_EXIT_IOIO, SEVC_INSN_IN },
    { B(0xEF), SEVC_EXIT_IOIO, SEVC_INSN_OUT },
    { B(0xE7, 0x80), SEVC_EXIT_IOIO, SEVC_INSN_OUT },
    { B(0x6C), SEVC_EXIT_IOIO, SEVC_INSN_INS },
    { B(0xF3, 0x6F), SEVC_EXIT_IOIO, SEVC_INSN_OUTS },
    { B(0x8B, 0x07), SEVC_EXIT_NPF, SEVC_INSN_LOAD },
    { B(0x0F, 0xB6, 0x07), SEVC_EXIT_NPF, SEVC_INSN_LOAD },
    { B(0x89, 0x07), SEVC_EXIT_NPF, SEVC_INSN_STORE },
    { B(0xC6, 0x07, 0x5A), SEVC_EXIT_NPF, SEVC_INSN_STORE_IMM },
    { B(0x0F, 0x10, 0x07), SEVC_EXIT_NPF, SEVC_INSN_VECTOR },
    { B(0x03, 0x07), SEVC_EXIT_NPF, SEVC_INSN_ALU },
    { B(0x39, 0x07), SEVC_EXIT_NPF, SEVC_INSN_ALU },
    { B(0xF6, 0x07, 0x80), SEVC_EXIT_NPF, SEVC_INSN_ALU },
    { B(0x0F, 0xBA, 0x27, 0x05), SEVC_EXIT_NPF, SEVC_INSN_ALU },
    { B(0x0F, 0xC3, 0x07), SEVC_EXIT_NPF, SEVC_INSN_STORE },
    { B(0x0F, 0x38, 0xF0, 0x07), SEVC_EXIT_NPF, SEVC_INSN_LOAD },
    { B(0x0F, 0x38, 0xF1, 0x07), SEVC_EXIT_NPF, SEVC_INSN_STORE },
    { B(0xA4), SEVC_EXIT_NPF, SEVC_INSN_MOVS },
    { B(0xF3, 0xAB), SEVC_EXIT_NPF, SEVC_INSN_STOS },
    { B(0xAD), SEVC_EXIT_NPF, SEVC_INSN_LODS },
    { B(0xF2, 0xA6), SEVC_EXIT_NPF, SEVC_INSN_CMPS },
    { B(0xF3, 0xAF), SEVC_EXIT_NPF, SEVC_INSN_SCAS },
    { B(0x0F, 0xAE, 0x3F), SEVC_EXIT_NPF, SEVC_INSN_HINT },
    { B(0x0F, 0x18, 0x07), SEVC_EXIT_NPF, SEVC_INSN_HINT },
    { B(0x0F, 0x0D, 0x0F), SEVC_EXIT_NPF, SEVC_INSN_HINT },
};

/* Those that read and write in one, without LOCK and, where it is not implied, with it. */
static const struct bytes lockable[] = {
    B(0x00, 0x07),       B(0x09, 0x07),       B(0x83, 0x17, 0x01), B(0x81, 0x1F, 1, 2, 3, 4),
    B(0xF6, 0x17),       B(0xF7, 0x1F),       B(0xFE, 0x07),       B(0xFF, 0x0F),
    B(0x0F, 0xAB, 0x07), B(0x0F, 0xB3, 0x07), B(0x0F, 0xBB, 0x07), B(0x0F, 0xBA, 0x2F, 0x01),
    B(0x86, 0x07),       B(0x87, 0x07),       B(0x0F, 0xB0, 0x07), B(0x0F, 0xB1, 0x07),
    B(0x0F, 0xC0, 0x07), B(0x0F, 0xC1, 0x07), B(0x0F, 0xC7, 0x0F), B(0x48, 0x0F, 0xC7, 0x0F),
};

static void test_T1_an_instruction_agrees_with_its_own_exit_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        struct sevc_insn insn = decode(&pairs[i].bytes, 64);

        assert_int_equal(insn.kind, pairs[i].kind);
        for (uint64_t exit = 0; exit < 0x1000; exit++)
            assert_int_equal(sevc_insn_agrees(exit, &insn), exit == pairs[i].exit);
        assert_false(sevc_insn_agrees(pairs[i].exit | 1ull << 32, &insn));
        assert_false(sevc_insn_agrees(UINT64_MAX, &insn));
        insn.locked = true;
        assert_false(sevc_insn_agrees(pairs[i].exit, &insn));
    }
}

/* Aliases that a comparison of the last opcode byte would take for the real instruction. */
static void test_T1_T45_look_alikes_agree_with_no_exit(void **state)
{
    static const struct bytes look_alikes[] = {
        B(0x90),
        B(0xF4),
        B(0x31, 0xC0),
        B(0x33, 0xC0),
        B(0x30, 0xC0),
        B(0x32, 0xC0),
        B(0x02, 0xC0),
        B(0x09, 0xC0),
        B(0x08, 0xC0),
        B(0x01, 0xF9),
        B(0x0F, 0x01, 0xC1),
        B(0x0F, 0x01, 0xD8),
        B(0x0F, 0x01, 0xDA),
        B(0x0F, 0x01, 0xF8),
        B(0x0F, 0x01, 0x38),
        B(0x0F, 0x01, 0x18),
        B(0x0F, 0x20, 0xC0),
        B(0x0F, 0x22, 0xC0),
        B(0x0F, 0xA3, 0xC7),
        B(0x0F, 0xC7, 0x37),
        B(0x0F, 0xC7, 0xF0),
        B(0x01, 0xC8),
        B(0x04, 0x10),
        B(0x80, 0xC0, 1),
        B(0x87, 0xC8),
        B(0xF7, 0x27),
        B(0xF7, 0x37),
        B(0xFF, 0x17),
        B(0xFF, 0x27),
        B(0xFF, 0x37),
        B(0x0F, 0xA5, 0x07),
        B(0x0F, 0xAE, 0xF8),
        B(0x0F, 0x18, 0xC0),
        B(0xF2, 0x0F, 0x38, 0xF0, 0xC0),
        B(0xF2, 0x0F, 0x38, 0xF1, 0x07),
        B(0x0F, 0x88, 1, 2, 3, 4),
        B(0x0F, 0x8B, 1, 2, 3, 4),
        B(0x0F, 0x89, 1, 2, 3, 4),
        B(0x0F, 0xC6, 0xC1, 3),
        B(0x8B, 0xC1),
        B(0x89, 0xC1),
        B(0xC7, 0xC0, 1, 2, 3, 4),
        B(0xC6, 0xC0, 1),
        B(0x0F, 0xB6, 0xC1),
        B(0x48, 0x63, 0xC1),
        B(0x0F, 0x10, 0xC1),
        B(0x8D, 0x07),
        B(0x8C, 0x07),
        B(0x8E, 0x07),
        B(0xF3, 0x0F, 0x01, 0xD9),
        B(0xF2, 0x0F, 0x01, 0xD9),
        B(0xF3, 0x0F, 0x01, 0xFA),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(look_alikes); i++) {
        struct sevc_insn insn = decode(&look_alikes[i], 64);

        for (uint64_t exit = 0; exit < 0x1000; exit++)
            assert_false(sevc_insn_agrees(exit, &insn));
    }
}

static void test_T1_only_DR7_agrees_with_the_exits_of_DR7(void **state)
{
    (void)state;
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        struct sevc_insn read = DECODE(0x0F, 0x21, (uint8_t)modrm);
        struct sevc_insn write = DECODE(0x41, 0x0F, 0x23, (uint8_t)modrm);

        assert_int_equal(read.dr, modrm >> 3 & 7);
        assert_int_equal(read.reg, modrm & 7);
        assert_int_equal(write.reg, (modrm & 7) + 8);
        assert_int_equal(sevc_insn_agrees(SEVC_EXIT_READ_DR7, &read), read.dr == 7);
        assert_int_equal(sevc_insn_agrees(SEVC_EXIT_WRITE_DR7, &write), write.dr == 7);
        assert_false(sevc_insn_agrees(SEVC_EXIT_WRITE_DR7, &read));
        assert_false(sevc_insn_agrees(SEVC_EXIT_READ_DR7, &write));
    }
}

static void test_every_kind_without_a_line_in_the_table_agrees_with_no_exit(void **state)
{
    struct sevc_insn insn = { .kind = SEVC_INSN_OTHER };

    (void)state;
    for (uint64_t exit = 0; exit < 0x1000; exit++) {
        insn.kind = SEVC_INSN_OTHER;
        assert_false(sevc_insn_agrees(exit, &insn));
        insn.kind = SEVC_INSN_VMGEXIT;
        assert_false(sevc_insn_agrees(exit, &insn));
        insn.kind = SEVC_INSN_KIND_COUNT;
        assert_false(sevc_insn_agrees(exit, &insn));
    }
    for (unsigned kind = 0; kind < SEVC_INSN_KIND_COUNT; kind++) {
        insn.kind = (uint8_t)kind;
        assert_false(sevc_insn_agrees(SEVC_EXIT_READ_CR0, &insn));
    }
}

static void test_T2_MONITORX_and_MWAITX_share_the_exits_of_MONITOR_and_MWAIT(void **state)
{
    struct sevc_insn monitorx = DECODE(0x0F, 0x01, 0xFA), mwaitx = DECODE(0x0F, 0x01, 0xFB);

    (void)state;
    assert_true(sevc_insn_agrees(SEVC_EXIT_MONITOR, &monitorx));
    assert_false(sevc_insn_agrees(SEVC_EXIT_MWAIT, &monitorx));
    assert_true(sevc_insn_agrees(SEVC_EXIT_MWAIT, &mwaitx));
    assert_false(sevc_insn_agrees(SEVC_EXIT_MONITOR, &mwaitx));
}

static void test_T3_LOCK_is_undefined_before_all_that_it_cannot_lock(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        struct bytes bytes = { (uint8_t)(pairs[i].bytes.count + 1), { 0xF0 } };
        struct sevc_insn insn;

        memcpy(bytes.at + 1, pairs[i].bytes.at, pairs[i].bytes.count);
        assert_int_equal(decode_prefix(&bytes, bytes.count, 64, &insn), SEVC_BAD_INSN);
    }
}

static void test_T3_with_LOCK_nothing_agrees_and_the_kind_stays_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lockable); i++) {
        struct bytes bytes = { (uint8_t)(lockable[i].count + 1), { 0xF0 } };
        struct sevc_insn plain = decode(&lockable[i], 64), locked;

        memcpy(bytes.at + 1, lockable[i].at, lockable[i].count);
        locked = decode(&bytes, 64);
        assert_true(sevc_insn_agrees(SEVC_EXIT_NPF, &plain));
        assert_false(plain.locked);
        assert_true(locked.locked);
        assert_int_equal(locked.kind, plain.kind);
        assert_int_not_equal(locked.kind, SEVC_INSN_OTHER);
        for (uint64_t exit = 0; exit < 0x1000; exit++)
            assert_false(sevc_insn_agrees(exit, &locked));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_T1_an_instruction_agrees_with_its_own_exit_and_no_other),
        cmocka_unit_test(test_T1_T45_look_alikes_agree_with_no_exit),
        cmocka_unit_test(test_T1_only_DR7_agrees_with_the_exits_of_DR7),
        cmocka_unit_test(test_every_kind_without_a_line_in_the_table_agrees_with_no_exit),
        cmocka_unit_test(test_T2_MONITORX_and_MWAITX_share_the_exits_of_MONITOR_and_MWAIT),
        cmocka_unit_test(test_T3_LOCK_is_undefined_before_all_that_it_cannot_lock),
        cmocka_unit_test(test_T3_with_LOCK_nothing_agrees_and_the_kind_stays_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
