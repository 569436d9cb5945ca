/* SPDX-License-Identifier: MIT */
/*
 * What must hold of the extended MMIO instructions: operands, widths, segments, repetition. T numbers
 * are the bugs and attacks of other #VC handlers (docs/threat-model.md).
 */
#include "unit.h"

static void test_arithmetic_has_its_operation_and_its_direction(void **state)
{
    (void)state;
    for (unsigned operation = SEVC_ALU_ADD; operation <= SEVC_ALU_CMP; operation++) {
        for (unsigned form = 0; form < 4; form++) {
            struct sevc_insn insn = DECODE((uint8_t)(operation * 8 + form), 0x0F);

            assert_int_equal(insn.kind, SEVC_INSN_ALU);
            assert_int_equal(insn.operation, operation);
            assert_int_equal(insn.source, SEVC_SOURCE_REGISTER);
            assert_int_equal(insn.to_register, form >= 2);
            assert_int_equal(insn.data_bytes, form % 2 ? 4 : 1);
            assert_int_equal(insn.register_bytes, form % 2 ? 4 : 1);
            assert_int_equal(insn.reg, SEVC_RCX);
            assert_int_equal(insn.memory.base, SEVC_RDI);
        }
    }
    assert_false(DECODE(0x84, 0x0F).to_register);
    assert_int_equal(DECODE(0x48, 0x85, 0x0F).operation, SEVC_ALU_TEST);
    assert_true(DECODE(0x00, 0x27).high_byte); /* ADD [rdi], AH */
    assert_int_equal(DECODE(0x44, 0x00, 0x27).reg, SEVC_R12);
}

static void test_T31_immediates_of_arithmetic_are_sign_extended(void **state)
{
    static const struct {
        struct bytes bytes;
        uint64_t immediate;
        uint8_t operation, data;
    } cases[] = {
        { B(0x80, 0x27, 0x80), 0xFFFFFFFFFFFFFF80, SEVC_ALU_AND, 1 },
        { B(0x83, 0x27, 0x80), 0xFFFFFFFFFFFFFF80, SEVC_ALU_AND, 4 },
        { B(0x48, 0x83, 0x0F, 0x7F), 0x7F, SEVC_ALU_OR, 8 },
        { B(0x66, 0x81, 0x37, 0x01, 0x80), 0xFFFFFFFFFFFF8001, SEVC_ALU_XOR, 2 },
        { B(0x81, 0x3F, 4, 3, 2, 0x81), 0xFFFFFFFF81020304, SEVC_ALU_CMP, 4 },
        { B(0x48, 0x81, 0x07, 4, 3, 2, 0x81), 0xFFFFFFFF81020304, SEVC_ALU_ADD, 8 },
        { B(0xF6, 0x07, 0x80), 0xFFFFFFFFFFFFFF80, SEVC_ALU_TEST, 1 },
        { B(0x66, 0xF7, 0x0F, 0x01, 0x80), 0xFFFFFFFFFFFF8001, SEVC_ALU_TEST, 2 },
        { B(0x0F, 0xBA, 0x2F, 0xFF), UINT64_MAX, SEVC_ALU_BTS, 4 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct sevc_insn insn = decode(&cases[i].bytes, 64);

        assert_int_equal(insn.kind, SEVC_INSN_ALU);
        assert_int_equal(insn.source, SEVC_SOURCE_IMMEDIATE);
        assert_int_equal(insn.immediate, cases[i].immediate);
        assert_int_equal(insn.operation, cases[i].operation);
        assert_int_equal(insn.data_bytes, cases[i].data);
        assert_false(insn.to_register);
        assert_false(insn.bit_offset);
    }
}

static void test_one_operand_forms_have_no_source(void **state)
{
    static const struct {
        uint8_t opcode, modrm, operation;
    } cases[] = {
        { 0xF6, 0x17, SEVC_ALU_NOT }, { 0xF6, 0x1F, SEVC_ALU_NEG }, { 0xFE, 0x07, SEVC_ALU_INC },
        { 0xFE, 0x0F, SEVC_ALU_DEC }, { 0xF7, 0x17, SEVC_ALU_NOT }, { 0xF7, 0x1F, SEVC_ALU_NEG },
        { 0xFF, 0x07, SEVC_ALU_INC }, { 0xFF, 0x0F, SEVC_ALU_DEC },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct sevc_insn insn = DECODE(cases[i].opcode, cases[i].modrm);

        assert_int_equal(insn.operation, cases[i].operation);
        assert_int_equal(insn.source, SEVC_SOURCE_NONE);
        assert_int_equal(insn.data_bytes, cases[i].opcode & 1 ? 4 : 1);
    }
    assert_int_equal(DECODE(0xF7, 0x27).kind, SEVC_INSN_OTHER); /* MUL */
    assert_int_equal(DECODE(0xFF, 0x37).kind, SEVC_INSN_OTHER); /* PUSH */
    assert_int_equal(DECODE(0xFF, 0x27).kind, SEVC_INSN_OTHER); /* JMP */
}

static void test_bit_offsets_are_in_registers_only(void **state)
{
    struct sevc_insn insn = DECODE(0x4C, 0x0F, 0xAB, 0x07);

    (void)state;
    assert_int_equal(insn.operation, SEVC_ALU_BTS);
    assert_true(insn.bit_offset);
    assert_int_equal(insn.reg, SEVC_R8);
    assert_int_equal(insn.data_bytes, 8);
    assert_true(DECODE(0x66, 0x0F, 0xA3, 0x07).bit_offset);
    assert_false(DECODE(0x0F, 0xBA, 0x27, 0x40).bit_offset);
    assert_int_equal(DECODE(0x0F, 0xBA, 0x37, 0x01).operation, SEVC_ALU_BTR);
    assert_int_equal(DECODE(0x0F, 0xBA, 0x3F, 0x01).operation, SEVC_ALU_BTC);
}

static void test_MOVBE_swaps_and_CRC32_does_not_pass_for_it(void **state)
{
    struct sevc_insn load = DECODE(0x66, 0x0F, 0x38, 0xF0, 0x07);
    struct sevc_insn store = DECODE(0x4C, 0x0F, 0x38, 0xF1, 0x3F);

    (void)state;
    assert_int_equal(load.kind, SEVC_INSN_LOAD);
    assert_true(load.byte_swap);
    assert_int_equal(load.data_bytes, 2);
    assert_int_equal(load.register_bytes, 2);
    assert_int_equal(store.kind, SEVC_INSN_STORE);
    assert_true(store.byte_swap);
    assert_int_equal(store.data_bytes, 8);
    assert_int_equal(store.reg, SEVC_R15);
    assert_int_equal(DECODE(0xF2, 0x0F, 0x38, 0xF0, 0x07).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0x66, 0xF2, 0x0F, 0x38, 0xF1, 0x07).kind, SEVC_INSN_OTHER);
    assert_false(DECODE(0x8B, 0x07).byte_swap);
}

static void test_MOVNTI_stores_four_or_eight_bytes(void **state)
{
    static const struct bytes movnti = B(0x0F, 0xC3, 0x07), with_66 = B(0x66, 0x0F, 0xC3, 0x07);
    struct sevc_insn insn;

    (void)state;
    assert_int_equal(decode(&movnti, 64).kind, SEVC_INSN_STORE);
    assert_int_equal(decode(&movnti, 64).data_bytes, 4);
    assert_int_equal(decode(&movnti, 16).data_bytes, 4);
    assert_int_equal(DECODE(0x48, 0x0F, 0xC3, 0x07).data_bytes, 8);
    assert_int_equal(decode_prefix(&with_66, with_66.count, 64, &insn), SEVC_BAD_INSN);
}

static void test_T27_strings_take_an_override_for_rSI_and_none_for_rDI(void **state)
{
    static const uint8_t with_source[] = { 0xA4, 0xA5, 0xA6, 0xA7, 0xAC, 0xAD };
    static const uint8_t without[] = { 0xAA, 0xAB, 0xAE, 0xAF };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(with_source); i++) {
        const struct bytes fs = B(0x64, with_source[i]), cs = B(0x2E, with_source[i]);

        assert_int_equal(DECODE(with_source[i]).segment, SEVC_DS);
        assert_int_equal(decode(&fs, 64).segment, SEVC_FS);
        assert_int_equal(decode(&cs, 64).segment, SEVC_DS); /* 64-bit mode ignores it */
        assert_int_equal(decode(&cs, 32).segment, SEVC_CS);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(without); i++)
        assert_int_equal(DECODE(0x65, without[i]).segment, SEVC_ES);
}

static void test_strings_have_their_width_and_repeat(void **state)
{
    struct sevc_insn insn = DECODE(0xF3, 0x48, 0xA5);

    (void)state;
    assert_int_equal(insn.kind, SEVC_INSN_MOVS);
    assert_int_equal(insn.data_bytes, 8);
    assert_true(insn.rep);
    assert_false(insn.repne);
    assert_int_equal(DECODE(0x66, 0xAB).data_bytes, 2);
    assert_int_equal(DECODE(0x48, 0xAA).data_bytes, 1);
    assert_false(DECODE(0xAA).rep);
    assert_int_equal(DECODE(0x67, 0xAA).address_bytes, 4);
    assert_true(DECODE(0xF2, 0xA4).rep); /* REPNE MOVS is REP MOVS */
    assert_false(DECODE(0xF2, 0xA4).repne);
    assert_true(DECODE(0xF2, 0xA6).repne);
    assert_true(DECODE(0xF3, 0xF2, 0xAE).repne); /* the last one counts */
    assert_false(DECODE(0xF2, 0xF3, 0xAE).repne);
}

static void test_hints_access_a_byte_or_nothing(void **state)
{
    (void)state;
    assert_int_equal(DECODE(0x0F, 0xAE, 0x3F).data_bytes, 1);              /* CLFLUSH */
    assert_int_equal(DECODE(0x66, 0x0F, 0xAE, 0x3F).data_bytes, 1);        /* CLFLUSHOPT */
    assert_int_equal(DECODE(0x66, 0x0F, 0xAE, 0x37).kind, SEVC_INSN_HINT); /* CLWB */
    assert_int_equal(DECODE(0x0F, 0xAE, 0x37).kind, SEVC_INSN_OTHER);      /* XSAVEOPT */
    assert_int_equal(DECODE(0x0F, 0xAE, 0xF8).kind, SEVC_INSN_OTHER);      /* SFENCE */
    for (unsigned reg = 0; reg < 8; reg++) {
        struct sevc_insn hint = DECODE(0x0F, 0x18, (uint8_t)(reg << 3 | 7));
        struct sevc_insn prefetch = DECODE(0x0F, 0x0D, (uint8_t)(reg << 3 | 7));

        assert_int_equal(hint.kind, reg < 4 ? SEVC_INSN_HINT : SEVC_INSN_OTHER);
        assert_int_equal(hint.data_bytes, 0);
        assert_int_equal(prefetch.kind, SEVC_INSN_HINT);
        assert_int_equal(prefetch.data_bytes, 0);
    }
}

static void test_MONITOR_has_the_segment_of_rAX(void **state)
{
    (void)state;
    assert_int_equal(DECODE(0x0F, 0x01, 0xC8).segment, SEVC_DS);
    assert_int_equal(DECODE(0x65, 0x0F, 0x01, 0xC8).segment, SEVC_GS);
    assert_int_equal(DECODE(0x64, 0x67, 0x0F, 0x01, 0xFA).segment, SEVC_FS);
    assert_int_equal(DECODE(0x64, 0x67, 0x0F, 0x01, 0xFA).address_bytes, 4);
    assert_int_equal(DECODE(0x36, 0x0F, 0x01, 0xFA).segment, SEVC_DS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic_has_its_operation_and_its_direction),
        cmocka_unit_test(test_T31_immediates_of_arithmetic_are_sign_extended),
        cmocka_unit_test(test_one_operand_forms_have_no_source),
        cmocka_unit_test(test_bit_offsets_are_in_registers_only),
        cmocka_unit_test(test_MOVBE_swaps_and_CRC32_does_not_pass_for_it),
        cmocka_unit_test(test_MOVNTI_stores_four_or_eight_bytes),
        cmocka_unit_test(test_T27_strings_take_an_override_for_rSI_and_none_for_rDI),
        cmocka_unit_test(test_strings_have_their_width_and_repeat),
        cmocka_unit_test(test_hints_access_a_byte_or_nothing),
        cmocka_unit_test(test_MONITOR_has_the_segment_of_rAX),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
