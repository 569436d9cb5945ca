/* SPDX-License-Identifier: MIT */
/*
 * What must hold of single loads and stores: widths, registers, immediates, addresses. T numbers
 * are the bugs and attacks of other #VC handlers (docs/threat-model.md).
 */
#include "unit.h"

/* ---- loads and stores ---- */

static void test_T29_T30_widths_of_memory_and_register_are_told_apart(void **state)
{
    static const struct {
        struct bytes bytes;
        uint8_t data, reg;
        bool sign;
    } loads[] = {
        { B(0x8A, 0x07), 1, 1, false },
        { B(0x8B, 0x07), 4, 4, false },
        { B(0x66, 0x8B, 0x07), 2, 2, false },
        { B(0x48, 0x8B, 0x07), 8, 8, false },
        { B(0x66, 0x48, 0x8B, 0x07), 8, 8, false },
        { B(0x48, 0x66, 0x8B, 0x07), 2, 2, false }, /* REX not before the opcode */
        { B(0x0F, 0xB6, 0x07), 1, 4, false },
        { B(0x66, 0x0F, 0xB6, 0x07), 1, 2, false },
        { B(0x48, 0x0F, 0xB6, 0x07), 1, 8, false },
        { B(0x0F, 0xB7, 0x07), 2, 4, false },
        { B(0x48, 0x0F, 0xB7, 0x07), 2, 8, false },
        { B(0x0F, 0xBE, 0x07), 1, 4, true },
        { B(0x48, 0x0F, 0xBF, 0x07), 2, 8, true },
        { B(0x63, 0x07), 4, 4, true },
        { B(0x48, 0x63, 0x07), 4, 8, true },
        { B(0x66, 0x63, 0x07), 4, 2, true }, /* AMD: MOVSXD Gv, Ed */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(loads); i++) {
        struct sevc_insn insn = decode(&loads[i].bytes, 64);

        assert_int_equal(insn.kind, SEVC_INSN_LOAD);
        assert_int_equal(insn.data_bytes, loads[i].data);
        assert_int_equal(insn.register_bytes, loads[i].reg);
        assert_int_equal(insn.sign_extend, loads[i].sign);
    }
    assert_int_equal(decode(&(struct bytes)B(0x63, 0x07), 32).kind, SEVC_INSN_OTHER); /* ARPL */
}

static void test_T31_immediates_are_sign_extended(void **state)
{
    struct sevc_insn insn = DECODE(0x48, 0xC7, 0x00, 0x00, 0x00, 0x00, 0x80);

    (void)state;
    assert_int_equal(insn.kind, SEVC_INSN_STORE_IMM);
    assert_int_equal(insn.data_bytes, 8);
    assert_int_equal(insn.immediate, 0xFFFFFFFF80000000);
    insn = DECODE(0x66, 0xC7, 0x00, 0xFE, 0xFF);
    assert_int_equal(insn.data_bytes, 2);
    assert_int_equal(insn.immediate, UINT64_MAX - 1);
    insn = DECODE(0xC6, 0x40, 0x01, 0x80);
    assert_int_equal(insn.data_bytes, 1);
    assert_int_equal(insn.immediate, UINT64_MAX - 0x7F);
    assert_int_equal(insn.memory.displacement, 1);
    insn = DECODE(0xC7, 0x80, 0x78, 0x56, 0x34, 0x92, 0x11, 0x22, 0x33, 0x44);
    assert_int_equal(insn.immediate, 0x44332211);
    assert_int_equal((uint64_t)insn.memory.displacement, 0xFFFFFFFF92345678);
}

static void test_T32_AH_to_BH_without_REX_and_SPL_to_DIL_with_it(void **state)
{
    (void)state;
    for (unsigned reg = 0; reg < 8; reg++) {
        struct sevc_insn plain = DECODE(0x8A, (uint8_t)(reg << 3 | 7));
        struct sevc_insn rex = DECODE(0x40, 0x88, (uint8_t)(reg << 3 | 7));
        struct sevc_insn high = DECODE(0x44, 0x8A, (uint8_t)(reg << 3 | 7));

        assert_int_equal(plain.high_byte, reg >= 4);
        assert_int_equal(plain.reg, reg & 3);
        assert_false(rex.high_byte);
        assert_int_equal(rex.reg, reg);
        assert_false(high.high_byte);
        assert_int_equal(high.reg, reg + 8);
    }
    assert_false(DECODE(0x0F, 0xB6, 0x27).high_byte);      /* MOVZX ESP: the source is the byte */
    assert_true(DECODE(0x40, 0x2E, 0x88, 0x27).high_byte); /* a REX that does not count */
}

static void test_T40_absolute_offsets_have_the_address_size(void **state)
{
    struct sevc_trap trap = { .rip = 0 };
    struct sevc_insn insn = DECODE(0xA1, 1, 2, 3, 4, 5, 6, 7, 0x88);

    (void)state;
    assert_int_equal(insn.kind, SEVC_INSN_LOAD);
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x8807060504030201);
    insn = DECODE(0x67, 0xA2, 1, 2, 3, 0x84);
    assert_int_equal(insn.kind, SEVC_INSN_STORE);
    assert_int_equal(insn.data_bytes, 1);
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x84030201);
    test_registers.gs_base = 0x100;
    insn = DECODE(0x65, 0x48, 0xA3, 1, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(insn.data_bytes, 8);
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x101);
}

static void test_T45_the_escape_byte_is_part_of_the_opcode(void **state)
{
    (void)state;
    assert_int_equal(DECODE(0x0F, 0xA3, 0x07).kind, SEVC_INSN_ALU);         /* BT, not MOV moffs */
    assert_int_equal(DECODE(0x0F, 0xC7, 0x0F).kind, SEVC_INSN_ATOMIC);      /* CMPXCHG8B */
    assert_int_equal(DECODE(0x0F, 0x00, 0x07).kind, SEVC_INSN_OTHER);       /* SLDT, not ADD */
    assert_int_equal(DECODE(0x0F, 0xA5, 0x07).kind, SEVC_INSN_OTHER);       /* SHLD, not MOVS */
    assert_int_equal(DECODE(0x0F, 0x88, 0, 0, 0, 0).kind, SEVC_INSN_OTHER); /* JS */
    assert_int_equal(DECODE(0xB6, 0x07).kind, SEVC_INSN_OTHER);             /* MOV DH, 7 */
    assert_int_equal(DECODE(0x0F, 0x6F, 0x07).kind, SEVC_INSN_VECTOR);      /* MOVQ, not OUTS */
}

static void test_T46_C6_and_C7_have_other_forms_that_store_nothing(void **state)
{
    static const struct bytes undefined[] = {
        B(0xC6, 0x0F, 1),
        B(0xC7, 0x0F, 1, 2, 3, 4),
        B(0xC7, 0x3F, 1, 2, 3, 4),
    };
    struct sevc_insn insn;

    (void)state;
    assert_int_equal(DECODE(0xC6, 0xC0, 1).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0x48, 0xC7, 0xC0, 1, 2, 3, 4).kind, SEVC_INSN_OTHER);
    for (size_t i = 0; i < ARRAY_LENGTH(undefined); i++)
        assert_int_equal(decode_prefix(&undefined[i], undefined[i].count, 64, &insn),
                         SEVC_BAD_INSN);
}

static void test_T47_RIP_relative_counts_from_the_next_instruction(void **state)
{
    struct sevc_trap trap = { .rip = 0x1000, .gpr = { [SEVC_R13] = 0xDEAD } };
    struct sevc_insn insn = DECODE(0x8B, 0x05, 0x10, 0, 0, 0);

    (void)state;
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x1016);
    insn = DECODE(0x41, 0x8B, 0x05, 0x10, 0, 0, 0); /* REX.B has no say */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x1017);
    insn = DECODE(0xC7, 0x05, 0xF0, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4); /* the immediate counts */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x1000 + 10 - 0x10);
    trap.rip = 0xFFFFFFFF80001000;
    insn = DECODE(0x67, 0x8B, 0x05, 0x10, 0, 0, 0); /* truncated to EIP */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x80001017);
}

static void test_T47_base_and_index_codes_with_a_meaning_of_their_own(void **state)
{
    struct sevc_trap trap = { .rsp = 0x1000,
                              .gpr = { [SEVC_RBP] = 0x200, [SEVC_R12] = 0x30, [SEVC_R13] = 0x4 } };
    struct sevc_insn insn;

    (void)state;
    trap.gpr[SEVC_RSP] = 0xBAD;
    insn = DECODE(0x8B, 0x04, 0x24); /* [rsp] */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x1000);
    assert_int_equal(insn.memory.segment, SEVC_SS);
    insn = DECODE(0x42, 0x8B, 0x04, 0xA4); /* [rsp + r12 * 4] */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x10C0);
    insn = DECODE(0x41, 0x8B, 0x45, 0x00); /* [r13 + 0] */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x4);
    assert_int_equal(insn.memory.segment, SEVC_DS);
    insn = DECODE(0x43, 0x8B, 0x04, 0x25, 1, 0, 0, 0); /* [r12 * 1 + 1]: no base */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x31);
    insn = DECODE(0x8B, 0x45, 0xF8); /* [rbp - 8] */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0x1F8);
    assert_int_equal(insn.memory.segment, SEVC_SS);
    insn = DECODE(0x3E, 0x8B, 0x45, 0xF8); /* DS: ignored in 64-bit mode, the access is SS's */
    assert_int_equal(insn.memory.segment, SEVC_SS);
}

static void test_T59_sums_wrap_around(void **state)
{
    struct sevc_trap trap = { .gpr = { [SEVC_RAX] = 0x10, [SEVC_RCX] = UINT64_MAX } };
    struct sevc_insn insn = DECODE(0x8B, 0x40, 0x80);

    (void)state;
    assert_int_equal(sevc_linear_address(&insn, &trap), UINT64_MAX - 0x6F);
    insn = DECODE(0x8B, 0x04, 0x88); /* [rax + rcx * 4] */
    assert_int_equal(sevc_linear_address(&insn, &trap), 0xC);
    insn = DECODE(0x67, 0x8B, 0x04, 0x88);
    assert_int_equal(sevc_linear_address(&insn, &trap), 0xC);
    insn = DECODE(0x67, 0x8B, 0x40, 0x80);
    assert_int_equal(sevc_linear_address(&insn, &trap), 0xFFFFFF90);
}

static void test_T60_memory_operands_have_the_base_of_FS_and_GS(void **state)
{
    struct sevc_trap trap = { .gpr = { [SEVC_RDI] = 0xFFFFFFFFFFFFFFF0 } };
    struct sevc_insn fs = DECODE(0x64, 0x8B, 0x07), gs = DECODE(0x65, 0x67, 0x8B, 0x07);

    (void)state;
    test_registers.code_bits = 64;
    test_registers.fs_base = 0x30;
    test_registers.gs_base = 0xFFFF900000000000;
    assert_int_equal(sevc_linear_address(&fs, &trap), 0x20);
    assert_int_equal(sevc_linear_address(&gs, &trap), 0xFFFF9000FFFFFFF0);
}

/* ---- canonical addresses ---- */

static void test_canonical_ranges_end_where_the_hole_begins(void **state)
{
    static const struct {
        uint64_t va, bytes;
        bool la48, la57;
    } cases[] = {
        { 0, 1, true, true },
        { 0x00007FFFFFFFFFFF, 1, true, true },
        { 0x00007FFFFFFFFFFF, 2, false, true },
        { 0x0000800000000000, 1, false, true },
        { 0x00FFFFFFFFFFFFFF, 1, false, true },
        { 0x00FFFFFFFFFFFFFF, 2, false, false },
        { 0x0100000000000000, 1, false, false },
        { 0xFEFFFFFFFFFFFFFF, 2, false, false },
        { 0xFF00000000000000, 8, false, true },
        { 0xFFFF7FFFFFFFFFFF, 1, false, true },
        { 0xFFFF7FFFFFFFFFFF, 2, false, true },
        { 0xFFFF800000000000, 8, true, true },
        { 0xFFFFFFFFFFFFFFFF, 1, true, true },
        { 0xFFFFFFFFFFFFFFFF, 2, false, false }, /* wraps around */
        { 0xFFFFFFFFFFFFFFF8, 8, true, true },
        { 0x00007FFFFFFFFFFF, 0, true, true },
        { 0, UINT64_MAX, false, false }, /* from one half to the other */
        { 5, UINT64_MAX, false, false }, /* all the way round */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(sevc_is_canonical(cases[i].va, cases[i].bytes, false), cases[i].la48);
        assert_int_equal(sevc_is_canonical(cases[i].va, cases[i].bytes, true), cases[i].la57);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_T29_T30_widths_of_memory_and_register_are_told_apart),
        cmocka_unit_test(test_T31_immediates_are_sign_extended),
        cmocka_unit_test(test_T32_AH_to_BH_without_REX_and_SPL_to_DIL_with_it),
        cmocka_unit_test(test_T40_absolute_offsets_have_the_address_size),
        cmocka_unit_test(test_T45_the_escape_byte_is_part_of_the_opcode),
        cmocka_unit_test(test_T46_C6_and_C7_have_other_forms_that_store_nothing),
        cmocka_unit_test(test_T47_RIP_relative_counts_from_the_next_instruction),
        cmocka_unit_test(test_T47_base_and_index_codes_with_a_meaning_of_their_own),
        cmocka_unit_test(test_T59_sums_wrap_around),
        cmocka_unit_test(test_T60_memory_operands_have_the_base_of_FS_and_GS),
        cmocka_unit_test(test_canonical_ranges_end_where_the_hole_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
