/* SPDX-License-Identifier: MIT */
/*
 * What must hold of single instructions, by hand. T numbers are those of docs/threat-model.md: bugs and attacks that
 * other #VC handlers had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sevc/svm.h>

#include "harness.h"

struct bytes {
    uint8_t count;
    uint8_t at[SEVC_INSN_MAX_BYTES + 1];
};

#define B(...) { sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }

/* Decodes from a heap block of exactly that size: reading further ends the test. */
static enum sevc_result decode_prefix(const struct bytes *bytes, size_t count, unsigned code_bits,
                                      struct sevc_insn *insn)
{
    uint8_t *exact = malloc(count ? count : 1);
    enum sevc_result result;

    assert_non_null(exact);
    memcpy(exact, bytes->at, count);
    /* With no bytes at all, not even the pointer may be followed. */
    result = sevc_decode(count ? exact : exact + 1, count, code_bits, insn);
    free(exact);
    return result;
}

static struct sevc_insn decode(const struct bytes *bytes, unsigned code_bits)
{
    struct sevc_insn insn;

    assert_int_equal(decode_prefix(bytes, bytes->count, code_bits, &insn), SEVC_OK);
    assert_int_equal(insn.length, bytes->count);
    return insn;
}

#define DECODE(...) decode(&(const struct bytes)B(__VA_ARGS__), 64)

/* ---- agreement ---- */

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
        B(0x90), B(0xF4), B(0x31, 0xC0), B(0x33, 0xC0), B(0x30, 0xC0), B(0x32, 0xC0),
        B(0xA2 & 0x0F, 0xC0), B(0x09, 0xC0), B(0x08, 0xC0), B(0x01, 0xF9), B(0x0F, 0x01, 0xC1),
        B(0x0F, 0x01, 0xD8), B(0x0F, 0x01, 0xDA), B(0x0F, 0x01, 0xF8), B(0x0F, 0x01, 0x38),
        B(0x0F, 0x01, 0x18), B(0x0F, 0x20, 0xC0), B(0x0F, 0x22, 0xC0), B(0x0F, 0xA3, 0x07),
        B(0x0F, 0xC7, 0x0F), B(0x0F, 0x88, 1, 2, 3, 4), B(0x0F, 0x8B, 1, 2, 3, 4),
        B(0x0F, 0x89, 1, 2, 3, 4), B(0x0F, 0xC6, 0xC1, 3), B(0x8B, 0xC1), B(0x89, 0xC1),
        B(0xC7, 0xC0, 1, 2, 3, 4), B(0xC6, 0xC0, 1), B(0x0F, 0xB6, 0xC1), B(0x48, 0x63, 0xC1),
        B(0x0F, 0x10, 0xC1), B(0x8D, 0x07), B(0x8C, 0x07), B(0x8E, 0x07),
        B(0xF3, 0x0F, 0x01, 0xD9), B(0xF2, 0x0F, 0x01, 0xD9), B(0xF3, 0x0F, 0x01, 0xFA),
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

/* ---- prefixes ---- */

static void test_T3_T44_prefixes_lengthen_and_change_nothing_else(void **state)
{
    static const struct bytes prefixes[] = {
        B(0x66), B(0x67), B(0xF2), B(0xF3), B(0x2E), B(0x36), B(0x64), B(0x65), B(0x40), B(0x4F),
        B(0x66, 0x67, 0x2E, 0x48), B(0xF3, 0x66, 0x45), B(0x2E, 0x2E, 0x2E, 0x2E),
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
    struct sevc_trap trap = { .gpr = { [SEVC_RSI] = 0xFFFFFFFF80001234, [SEVC_RDI] = 0x100000008 } };
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
}

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
    assert_false(DECODE(0x0F, 0xB6, 0x27).high_byte); /* MOVZX ESP: the source is the byte */
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
    assert_int_equal(DECODE(0x0F, 0xA3, 0x07).kind, SEVC_INSN_OTHER); /* BT, not MOV moffs */
    assert_int_equal(DECODE(0x0F, 0xC7, 0x0F).kind, SEVC_INSN_OTHER); /* CMPXCHG8B */
    assert_int_equal(DECODE(0x0F, 0x88, 0, 0, 0, 0).kind, SEVC_INSN_OTHER); /* JS */
    assert_int_equal(DECODE(0xB6, 0x07).kind, SEVC_INSN_OTHER); /* MOV DH, 7 */
    assert_int_equal(DECODE(0x0F, 0x6F, 0x07).kind, SEVC_INSN_VECTOR); /* MOVQ, not OUTS */
}

static void test_T46_C6_and_C7_have_other_forms_that_store_nothing(void **state)
{
    static const struct bytes undefined[] = {
        B(0xC6, 0x0F, 1), B(0xC7, 0x0F, 1, 2, 3, 4), B(0xC7, 0x3F, 1, 2, 3, 4),
    };
    struct sevc_insn insn;

    (void)state;
    assert_int_equal(DECODE(0xC6, 0xC0, 1).kind, SEVC_INSN_OTHER);
    assert_int_equal(DECODE(0x48, 0xC7, 0xC0, 1, 2, 3, 4).kind, SEVC_INSN_OTHER);
    for (size_t i = 0; i < ARRAY_LENGTH(undefined); i++)
        assert_int_equal(decode_prefix(&undefined[i], undefined[i].count, 64, &insn), SEVC_BAD_INSN);
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

/* ---- bytes ---- */

static const struct bytes whole[] = {
    B(0x0F, 0xA2), B(0x66, 0x67, 0xF3, 0x2E, 0x48, 0x0F, 0xA2), B(0x0F, 0x01, 0xF9), B(0xE4, 0x71),
    B(0xF3, 0x66, 0x6F), B(0x0F, 0x21, 0xF8), B(0x8B, 0x07), B(0x48, 0x8B, 0x84, 0x88, 1, 2, 3, 4),
    B(0xA1, 1, 2, 3, 4, 5, 6, 7, 8), B(0x67, 0xA1, 1, 2, 3, 4), B(0xC6, 0x44, 0x88, 1, 2),
    B(0x66, 0x67, 0x64, 0x48, 0xC7, 0x84, 0x88, 1, 2, 3, 4, 5, 6, 7, 8), B(0x0F, 0xBF, 0x05, 1, 2, 3, 4),
    B(0xC5, 0xFC, 0x28, 0x07), B(0xC4, 0xE2, 0x7D, 0x18, 0x40, 1), B(0xD9, 0x07),
    B(0x62, 0xF1, 0x7C, 0x48, 0x10, 0x44, 0x88, 1), B(0x0F, 0x01, 0xD9), B(0x0F, 0x01, 0x14, 0x24),
    B(0x0F, 0x38, 0xF0, 0x07), B(0x66, 0x0F, 0x3A, 0x0F, 0x07, 1), B(0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E,
    0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x0F, 0xA2),
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
    static const uint8_t ends[][4] = { /* count first */
        { 2, 0x0F, 0xA2 }, { 1, 0xEC }, { 2, 0xE4, 0x10 }, { 2, 0x8B, 0x07 }, { 3, 0x0F, 0x21, 0xF8 },
        { 3, 0x0F, 0x01, 0xF9 }, { 3, 0x0F, 0xB6, 0x07 }, { 3, 0xC6, 0x07, 0x01 },
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
        cmocka_unit_test(test_T1_an_instruction_agrees_with_its_own_exit_and_no_other),
        cmocka_unit_test(test_T1_T45_look_alikes_agree_with_no_exit),
        cmocka_unit_test(test_T1_only_DR7_agrees_with_the_exits_of_DR7),
        cmocka_unit_test(test_every_kind_without_a_line_in_the_table_agrees_with_no_exit),
        cmocka_unit_test(test_T2_MONITORX_and_MWAITX_share_the_exits_of_MONITOR_and_MWAIT),
        cmocka_unit_test(test_T3_T44_prefixes_lengthen_and_change_nothing_else),
        cmocka_unit_test(test_T3_LOCK_is_undefined_before_all_that_it_cannot_lock),
        cmocka_unit_test(test_T3_LOCK_is_reported_where_it_is_defined_and_agrees_with_nothing),
        cmocka_unit_test(test_T70_VMGEXIT_is_never_VMMCALL),
        cmocka_unit_test(test_T70_mandatory_prefixes_make_other_instructions),
        cmocka_unit_test(test_ports_have_8_16_or_32_bits_whatever_REX_says),
        cmocka_unit_test(test_port_numbers_are_immediate_or_DX),
        cmocka_unit_test(test_T27_OUTS_has_the_overridden_segment_and_INS_has_ES),
        cmocka_unit_test(test_F2_and_F3_repeat_string_io_and_nothing_else),
        cmocka_unit_test(test_T28_the_address_size_prefix_gives_32_bits),
        cmocka_unit_test(test_T60_strings_have_the_base_of_FS_and_GS_and_no_other),
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
        cmocka_unit_test(test_every_part_of_an_instruction_asks_for_more),
        cmocka_unit_test(test_what_follows_an_instruction_changes_nothing),
        cmocka_unit_test(test_sixteen_bytes_are_no_instruction),
        cmocka_unit_test(test_a_code_size_that_does_not_exist_is_the_callers_mistake),
        cmocka_unit_test(test_canonical_ranges_end_where_the_hole_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
