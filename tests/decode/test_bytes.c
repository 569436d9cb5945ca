/* SPDX-License-Identifier: MIT */
/*
 * What must hold of single instructions: what prefixes do, how ports and strings are read,
 * where the bytes end. T numbers are the bugs and attacks of other #VC
 * handlers (docs/threat-model.md).
 */
#include "unit.h"

/* ---- prefixes ---- */

static void test_T3_T44_prefixes_lengthen_and_change_nothing_else(void **state)
{
    static const struct bytes prefixes[] = {
        B(0x66),
        B(0x67),
        B(0xF2),
        B(0xF3),
        B(0x2E),
        B(0x36),
        B(0x64),
        B(0x65),
        B(0x40),
        B(0x4F),
        B(0x66, 0x67, 0x2E, 0x48),
        B(0xF3, 0x66, 0x45),
        B(0x2E, 0x2E, 0x2E, 0x2E),
    };
    static const uint8_t opcodes[] = { 0xA2, 0x30, 0x31, 0x32, 0x33, 0x08 };

    (void)state;
    for (size_t p = 0; p < ARRAY_LENGTH(prefixes); p++) {
        for (size_t i = 0; i < ARRAY_LENGTH(opcodes); i++) {
            struct bytes bytes = prefixes[p];
            struct bytes plain = B(0x0F, opcodes[i]);
            struct sevc_insn with;

            bytes.at[bytes.count++] = 0x0F;
            bytes.at[bytes.count++] = opcodes[i];
            with = decode(&bytes, 64);
            assert_int_equal(with.kind, decode(&plain, 64).kind);
        }
    }
    assert_int_equal(DECODE(0x66, 0x48, 0x0F, 0x01, 0xF9).kind, SEVC_INSN_RDTSCP);
}

static void test_T3_LOCK_is_reported_where_it_is_defined_and_agrees_with_nothing(void **state)
{
    struct sevc_insn insn = DECODE(0xF0, 0x83, 0x07, 0x01); /* lock add dword [rdi], 1 */

    (void)state;
    assert_true(insn.locked);
    assert_false(sevc_insn_agrees(SEVC_EXIT_NPF, &insn));
}

static void test_T70_VMGEXIT_is_never_VMMCALL(void **state)
{
    static const struct bytes vmgexits[] = {
        B(0xF3, 0x0F, 0x01, 0xD9),       B(0xF2, 0x0F, 0x01, 0xD9),
        B(0x66, 0xF3, 0x0F, 0x01, 0xD9), B(0xF3, 0x66, 0x0F, 0x01, 0xD9),
        B(0xF2, 0x48, 0x0F, 0x01, 0xD9), B(0xF3, 0xF2, 0x2E, 0x0F, 0x01, 0xD9),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(vmgexits); i++) {
        struct sevc_insn insn = decode(&vmgexits[i], 64);

        assert_int_equal(insn.kind, SEVC_INSN_VMGEXIT);
        assert_false(sevc_insn_agrees(SEVC_EXIT_VMMCALL, &insn));
        assert_false(sevc_insn_agrees(SEVC_EXIT_VMGEXIT, &insn));
    }
}

static void test_T70_mandatory_prefixes_make_other_instructions(void **state)
{
    (void)state;
    assert_int_equal(DECODE(0xF3, 0x0F, 0x01, 0xFA).kind, SEVC_INSN_OTHER); /* MCOMMIT */
    assert_int_equal(DECODE(0xF2, 0x0F, 0x01, 0xFA).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0x66, 0x0F, 0x01, 0xD9).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0xF3, 0x0F, 0x01, 0xC8).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0xF3, 0x0F, 0x01, 0xC9).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0xF2, 0x0F, 0x01, 0xFB).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0xF3, 0x0F, 0x09).kind, SEVC_INSN_WBNOINVD);
    assert_int_equal(DECODE(0xF2, 0x0F, 0x09).kind, SEVC_INSN_WBINVD);
    assert_int_equal(DECODE(0x66, 0x0F, 0x09).kind, SEVC_INSN_WBINVD);
}

/* ---- ports ---- */

static void test_ports_have_8_16_or_32_bits_whatever_REX_says(void **state)
{
    (void)state;
    assert_int_equal(DECODE(0xEC).data_bytes, 1);
    assert_int_equal(DECODE(0x66, 0xEC).data_bytes, 1);
    assert_int_equal(DECODE(0xED).data_bytes, 4);
    assert_int_equal(DECODE(0x66, 0xED).data_bytes, 2);
    assert_int_equal(DECODE(0x48, 0xED).data_bytes, 4);
    assert_int_equal(DECODE(0x48, 0xE7, 0x10).data_bytes, 4);
    assert_int_equal(DECODE(0x66, 0x48, 0x6D).data_bytes, 4); /* REX.W wins over 66 */
    assert_int_equal(decode(&(struct bytes)B(0xED), 16).data_bytes, 2);
    assert_int_equal(decode(&(struct bytes)B(0x66, 0xED), 16).data_bytes, 4);
    assert_int_equal(decode(&(struct bytes)B(0x66, 0xED), 32).data_bytes, 2);
}

static void test_port_numbers_are_immediate_or_DX(void **state)
{
    struct sevc_insn insn = DECODE(0xE4, 0xF1);

    (void)state;
    assert_true(insn.port_immediate);
    assert_int_equal(insn.immediate, 0xF1);
    insn = DECODE(0xEE);
    assert_false(insn.port_immediate);
    assert_int_equal(insn.immediate, 0);
}

static void test_T27_OUTS_has_the_overridden_segment_and_INS_has_ES(void **state)
{
    static const uint8_t prefixes[] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
        assert_int_equal(DECODE(prefixes[i], 0x6E).segment, SEVC_ES + i);
        assert_int_equal(DECODE(0xF3, prefixes[i], 0x6F).segment, SEVC_ES + i);
        assert_int_equal(DECODE(prefixes[i], 0x6C).segment, SEVC_ES);
    }
    assert_int_equal(DECODE(0x6E).segment, SEVC_DS);
    assert_int_equal(DECODE(0x64, 0x2E, 0x6E).segment, SEVC_FS); /* 2E is ignored */
}

static void test_F2_and_F3_repeat_string_io_and_nothing_else(void **state)
{
    (void)state;
    assert_true(DECODE(0xF3, 0x6C).rep);
    assert_true(DECODE(0xF2, 0x6F).rep);
    assert_false(DECODE(0x6F).rep);
    assert_false(DECODE(0xF3, 0xEC).rep);
    assert_false(DECODE(0xF3, 0x8B, 0x07).rep);
}

static void test_T28_the_address_size_prefix_gives_32_bits(void **state)
{
    struct sevc_trap trap = { .gpr = {
                                  [SEVC_RSI] = 0xFFFFFFFF80001234, [SEVC_RDI] = 0x100000008 } };
    struct sevc_insn outs = DECODE(0x67, 0x6E), ins = DECODE(0x67, 0x6C);

    (void)state;
    assert_int_equal(outs.address_bytes, 4);
    assert_int_equal(sevc_string_address(&outs, &trap, SEVC_RSI), 0x80001234);
    assert_int_equal(sevc_string_address(&ins, &trap, SEVC_RDI), 8);
    outs = DECODE(0x6E);
    assert_int_equal(sevc_string_address(&outs, &trap, SEVC_RSI), 0xFFFFFFFF80001234);
    ins = decode(&(struct bytes)B(0x67, 0x6C), 32);
    assert_int_equal(ins.address_bytes, 2);
}

static void test_T60_strings_have_the_base_of_FS_and_GS_and_no_other(void **state)
{
    struct sevc_trap trap = { .gpr = { [SEVC_RSI] = 0x10, [SEVC_RDI] = 0x20 } };
    struct sevc_insn fs = DECODE(0x64, 0x6E), gs = DECODE(0x65, 0x6E), cs = DECODE(0x2E, 0x6E);
    struct sevc_insn ins = DECODE(0x65, 0x6C);

    (void)state;
    test_registers.fs_base = 0xFFFF800000000000;
    test_registers.gs_base = 0x7000;
    assert_int_equal(sevc_string_address(&fs, &trap, SEVC_RSI), 0xFFFF800000000010);
    assert_int_equal(sevc_string_address(&gs, &trap, SEVC_RSI), 0x7010);
    assert_int_equal(sevc_string_address(&cs, &trap, SEVC_RSI), 0x10);
    assert_int_equal(sevc_string_address(&ins, &trap, SEVC_RDI), 0x20);
    /* Nor has rDI, in an instruction that has both: MOVS. */
    assert_int_equal(sevc_string_address(&gs, &trap, SEVC_RDI), 0x20);
}

/* ---- bytes ---- */

static const struct bytes whole[] = {
    B(0x0F, 0xA2),
    B(0x66, 0x67, 0xF3, 0x2E, 0x48, 0x0F, 0xA2),
    B(0x0F, 0x01, 0xF9),
    B(0xE4, 0x71),
    B(0xF3, 0x66, 0x6F),
    B(0x0F, 0x21, 0xF8),
    B(0x8B, 0x07),
    B(0x48, 0x8B, 0x84, 0x88, 1, 2, 3, 4),
    B(0xA1, 1, 2, 3, 4, 5, 6, 7, 8),
    B(0x67, 0xA1, 1, 2, 3, 4),
    B(0xC6, 0x44, 0x88, 1, 2),
    B(0x66, 0x67, 0x64, 0x48, 0xC7, 0x84, 0x88, 1, 2, 3, 4, 5, 6, 7, 8),
    B(0x0F, 0xBF, 0x05, 1, 2, 3, 4),
    B(0xC5, 0xFC, 0x28, 0x07),
    B(0xC4, 0xE2, 0x7D, 0x18, 0x40, 1),
    B(0xD9, 0x07),
    B(0x62, 0xF1, 0x7C, 0x48, 0x10, 0x44, 0x88, 1),
    B(0x0F, 0x01, 0xD9),
    B(0x0F, 0x01, 0x14, 0x24),
    B(0x0F, 0x38, 0xF0, 0x07),
    B(0x66, 0x0F, 0x3A, 0x0F, 0x07, 1),
    B(0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x0F, 0xA2),
};

static void test_every_part_of_an_instruction_asks_for_more(void **state)
{
    struct sevc_insn insn;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
        for (size_t count = 0; count < whole[i].count; count++)
            assert_int_equal(decode_prefix(&whole[i], count, 64, &insn), SEVC_RETRY);
        assert_int_equal(decode_prefix(&whole[i], whole[i].count, 64, &insn), SEVC_OK);
        assert_int_equal(insn.length, whole[i].count);
    }
}

static void test_what_follows_an_instruction_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
        struct sevc_insn alone, followed;
        struct bytes bytes = whole[i];

        memset(bytes.at + bytes.count, 0xF0, sizeof(bytes.at) - bytes.count);
        assert_int_equal(decode_prefix(&whole[i], whole[i].count, 64, &alone), SEVC_OK);
        assert_int_equal(decode_prefix(&bytes, SEVC_INSN_MAX_BYTES, 64, &followed), SEVC_OK);
        assert_int_equal(alone.kind, followed.kind);
        assert_int_equal(alone.length, followed.length);
        assert_memory_equal(&alone.memory, &followed.memory, sizeof(alone.memory));
    }
}

static void test_sixteen_bytes_are_no_instruction(void **state)
{
    /* Prefixes up to the fifteenth byte, and the instruction's end on the sixteenth. */
    static const uint8_t ends[][4] = {
        /* count first */
        { 2, 0x0F, 0xA2 },       { 1, 0xEC },
        { 2, 0xE4, 0x10 },       { 2, 0x8B, 0x07 },
        { 3, 0x0F, 0x21, 0xF8 }, { 3, 0x0F, 0x01, 0xF9 },
        { 3, 0x0F, 0xB6, 0x07 }, { 3, 0xC6, 0x07, 0x01 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        struct bytes bytes = { 16, { 0 } };
        struct sevc_insn insn;
        size_t start = 16u - ends[i][0];

        memset(bytes.at, 0x2E, sizeof(bytes.at));
        memcpy(bytes.at + start, &ends[i][1], ends[i][0]);
        assert_int_equal(decode_prefix(&bytes, 15, 64, &insn), SEVC_BAD_INSN);
        assert_int_equal(decode_prefix(&bytes, 16, 64, &insn), SEVC_BAD_INSN);
        /* One prefix less, and it is one. */
        memmove(bytes.at, bytes.at + 1, 15);
        assert_int_equal(decode_prefix(&bytes, 14, 64, &insn), SEVC_RETRY);
        assert_int_equal(decode_prefix(&bytes, 15, 64, &insn), SEVC_OK);
        assert_int_equal(insn.length, 15);
    }
}

static void test_a_code_size_that_does_not_exist_is_the_callers_mistake(void **state)
{
    static const struct bytes cpuid = B(0x0F, 0xA2);
    struct sevc_insn insn;

    (void)state;
    assert_int_equal(decode_prefix(&cpuid, 2, 0, &insn), SEVC_INVALID);
    assert_int_equal(decode_prefix(&cpuid, 2, 63, &insn), SEVC_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_T3_T44_prefixes_lengthen_and_change_nothing_else),
        cmocka_unit_test(test_T3_LOCK_is_reported_where_it_is_defined_and_agrees_with_nothing),
        cmocka_unit_test(test_T70_VMGEXIT_is_never_VMMCALL),
        cmocka_unit_test(test_T70_mandatory_prefixes_make_other_instructions),
        cmocka_unit_test(test_ports_have_8_16_or_32_bits_whatever_REX_says),
        cmocka_unit_test(test_port_numbers_are_immediate_or_DX),
        cmocka_unit_test(test_T27_OUTS_has_the_overridden_segment_and_INS_has_ES),
        cmocka_unit_test(test_F2_and_F3_repeat_string_io_and_nothing_else),
        cmocka_unit_test(test_T28_the_address_size_prefix_gives_32_bits),
        cmocka_unit_test(test_T60_strings_have_the_base_of_FS_and_GS_and_no_other),
        cmocka_unit_test(test_every_part_of_an_instruction_asks_for_more),
        cmocka_unit_test(test_what_follows_an_instruction_changes_nothing),
        cmocka_unit_test(test_sixteen_bytes_are_no_instruction),
        cmocka_unit_test(test_a_code_size_that_does_not_exist_is_the_callers_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
