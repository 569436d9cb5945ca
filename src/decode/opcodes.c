/* SPDX-License-Identifier: MIT */
/*
 * What sevc knows: every opcode that a #VC handler gives a meaning, and every prefix. All other
 * rows are zero, which is SEVC_FORM_GENERAL and SEVC_INSN_OTHER.
 *
 * APM vol. 3, appendix A (opcode maps). The fields mean the same with every prefix but those that a
 * row names; with LOCK it is Zydis that says whether an instruction may have it.
 */
#include "decode/parts.h"

#define PREFIX(which)                                                                              \
    {                                                                                              \
        .form = SEVC_FORM_PREFIX, .flags = SEVC_PREFIX_##which                                     \
    }
#define OVERRIDE(segment)                                                                          \
    {                                                                                              \
        .form = SEVC_FORM_PREFIX, .flags = SEVC_PREFIX_SEGMENT, .kind = SEVC_##segment             \
    }
#define REX                                                                                        \
    {                                                                                              \
        .form = SEVC_FORM_REX                                                                      \
    }
#define FORM(form_)                                                                                \
    {                                                                                              \
        .form = SEVC_FORM_##form_                                                                  \
    }
#define IMPLIED(kind_)                                                                             \
    {                                                                                              \
        .form = SEVC_FORM_IMPLIED, .kind = SEVC_INSN_##kind_                                       \
    }
#define DEBUG(kind_)                                                                               \
    {                                                                                              \
        .form = SEVC_FORM_DEBUG_REGISTER, .kind = SEVC_INSN_##kind_                                \
    }
#define GROUP(which)                                                                               \
    {                                                                                              \
        .form = SEVC_FORM_GROUP, .operation = SEVC_GROUP_##which                                   \
    }

#define IO(form_, kind_, data)                                                                     \
    {                                                                                              \
        .form = SEVC_FORM_##form_, .kind = SEVC_INSN_##kind_, .data_bytes = SEVC_WIDTH_##data      \
    }

/* Moves between memory and a register. */
#define MOVE(form_, kind_, data, reg, flags_)                                                      \
    {                                                                                              \
        .form = SEVC_FORM_##form_, .kind = SEVC_INSN_##kind_, .flags = (flags_),                   \
        .data_bytes = SEVC_WIDTH_##data, .register_bytes = SEVC_WIDTH_##reg,                       \
        .source = SEVC_SOURCE_REGISTER                                                             \
    }

/* Memory and no register; of HINT, ATOMIC and the groups. */
#define MEMORY(kind_, data, source_, flags_, immediate_)                                           \
    {                                                                                              \
        .form = SEVC_FORM_MODRM, .kind = SEVC_INSN_##kind_, .flags = (flags_),                     \
        .data_bytes = SEVC_WIDTH_##data, .register_bytes = SEVC_WIDTH_NONE,                        \
        .source = SEVC_SOURCE_##source_, .immediate = SEVC_WIDTH_##immediate_                      \
    }

#define ALU(operation_, size, source_, flags_, immediate_)                                         \
    {                                                                                              \
        .form = SEVC_FORM_MODRM, .kind = SEVC_INSN_ALU, .flags = (flags_),                         \
        .data_bytes = SEVC_WIDTH_##size,                                                           \
        .register_bytes =                                                                          \
            SEVC_SOURCE_##source_ == SEVC_SOURCE_REGISTER ? SEVC_WIDTH_##size : SEVC_WIDTH_NONE,   \
        .operation = SEVC_ALU_##operation_, .source = SEVC_SOURCE_##source_,                       \
        .immediate = SEVC_WIDTH_##immediate_                                                       \
    }

/* 00 to 3B: four forms of each operation; those with AL and rAX have no memory operand. */
#define ARITHMETIC(first, operation)                                                               \
    [(first) + 0] = ALU(operation, 1, REGISTER, 0, NONE),                                          \
               [(first) + 1] = ALU(operation, OPERAND, REGISTER, 0, NONE),                         \
               [(first) + 2] = ALU(operation, 1, REGISTER, SEVC_OPCODE_TO_REGISTER, NONE),         \
               [(first) + 3] = ALU(operation, OPERAND, REGISTER, SEVC_OPCODE_TO_REGISTER, NONE)

const struct sevc_opcode sevc_one_byte_opcodes[256] = {
    [0x0F] = FORM(ESCAPE),
    [0x62] = FORM(EVEX),

    [0x26] = OVERRIDE(ES),
    [0x2E] = OVERRIDE(CS),
    [0x36] = OVERRIDE(SS),
    [0x3E] = OVERRIDE(DS),
    [0x64] = OVERRIDE(FS),
    [0x65] = OVERRIDE(GS),
    [0x66] = PREFIX(OPERAND_SIZE),
    [0x67] = PREFIX(ADDRESS_SIZE),
    [0xF0] = PREFIX(LOCK),
    [0xF2] = PREFIX(REPEAT),
    [0xF3] = PREFIX(REPEAT),

    [0x40] = REX,
    [0x41] = REX,
    [0x42] = REX,
    [0x43] = REX,
    [0x44] = REX,
    [0x45] = REX,
    [0x46] = REX,
    [0x47] = REX,
    [0x48] = REX,
    [0x49] = REX,
    [0x4A] = REX,
    [0x4B] = REX,
    [0x4C] = REX,
    [0x4D] = REX,
    [0x4E] = REX,
    [0x4F] = REX,

    [0x6C] = IO(STRING, INS, 1),
    [0x6D] = IO(STRING, INS, 2_OR_4),
    [0x6E] = IO(STRING, OUTS, 1),
    [0x6F] = IO(STRING, OUTS, 2_OR_4),
    [0xE4] = IO(PORT, IN, 1),
    [0xE5] = IO(PORT, IN, 2_OR_4),
    [0xE6] = IO(PORT, OUT, 1),
    [0xE7] = IO(PORT, OUT, 2_OR_4),
    [0xEC] = IO(IMPLIED, IN, 1),
    [0xED] = IO(IMPLIED, IN, 2_OR_4),
    [0xEE] = IO(IMPLIED, OUT, 1),
    [0xEF] = IO(IMPLIED, OUT, 2_OR_4),

    /*
     * MOVSXD: ARPL outside 64-bit mode. Without REX.W it extends nothing. With 66 an AMD
     * processor reads four bytes and writes two (MOVSXD Gv, Ed in APM vol. 3, table A-1); an
     * Intel one reads two.
     */
    [0x63] = MOVE(MODRM, LOAD, 4, OPERAND, SEVC_OPCODE_SIGNED | SEVC_OPCODE_NOT_16_32),
    [0x88] = MOVE(MODRM, STORE, 1, 1, 0),
    [0x89] = MOVE(MODRM, STORE, OPERAND, OPERAND, 0),
    [0x8A] = MOVE(MODRM, LOAD, 1, 1, 0),
    [0x8B] = MOVE(MODRM, LOAD, OPERAND, OPERAND, 0),
    [0xA0] = MOVE(OFFSET, LOAD, 1, 1, 0),
    [0xA1] = MOVE(OFFSET, LOAD, OPERAND, OPERAND, 0),
    [0xA2] = MOVE(OFFSET, STORE, 1, 1, 0),
    [0xA3] = MOVE(OFFSET, STORE, OPERAND, OPERAND, 0),
    [0xC6] = GROUP(C6),
    [0xC7] = GROUP(C7),

    ARITHMETIC(0x00, ADD),
    ARITHMETIC(0x08, OR),
    ARITHMETIC(0x10, ADC),
    ARITHMETIC(0x18, SBB),
    ARITHMETIC(0x20, AND),
    ARITHMETIC(0x28, SUB),
    ARITHMETIC(0x30, XOR),
    ARITHMETIC(0x38, CMP),
    [0x80] = GROUP(80),
    [0x81] = GROUP(81),
    [0x82] = GROUP(82),
    [0x83] = GROUP(83),
    [0x84] = ALU(TEST, 1, REGISTER, 0, NONE),
    [0x85] = ALU(TEST, OPERAND, REGISTER, 0, NONE),
    [0xF6] = GROUP(F6),
    [0xF7] = GROUP(F7),
    [0xFE] = GROUP(FE),
    [0xFF] = GROUP(FF),

    [0x86] = MEMORY(ATOMIC, 1, NONE, 0, NONE), /* XCHG */
    [0x87] = MEMORY(ATOMIC, OPERAND, NONE, 0, NONE),

    [0xA4] = IO(STRING, MOVS, 1),
    [0xA5] = IO(STRING, MOVS, OPERAND),
    [0xA6] = IO(STRING, CMPS, 1),
    [0xA7] = IO(STRING, CMPS, OPERAND),
    [0xAA] = IO(STRING, STOS, 1),
    [0xAB] = IO(STRING, STOS, OPERAND),
    [0xAC] = IO(STRING, LODS, 1),
    [0xAD] = IO(STRING, LODS, OPERAND),
    [0xAE] = IO(STRING, SCAS, 1),
    [0xAF] = IO(STRING, SCAS, OPERAND),
};

const struct sevc_opcode sevc_two_byte_opcodes[256] = {
    [0x01] = FORM(GROUP_7),
    [0x08] = IMPLIED(INVD),
    [0x09] = IMPLIED(WBINVD), /* with F3: WBNOINVD */
    [0x21] = DEBUG(READ_DR),
    [0x23] = DEBUG(WRITE_DR),
    [0x30] = IMPLIED(WRMSR),
    [0x31] = IMPLIED(RDTSC),
    [0x32] = IMPLIED(RDMSR),
    [0x33] = IMPLIED(RDPMC),
    [0x38] = FORM(ESCAPE_38),
    [0xA2] = IMPLIED(CPUID),

    [0xB6] = MOVE(MODRM, LOAD, 1, OPERAND, 0),
    [0xB7] = MOVE(MODRM, LOAD, 2, OPERAND, 0),
    [0xBE] = MOVE(MODRM, LOAD, 1, OPERAND, SEVC_OPCODE_SIGNED),
    [0xBF] = MOVE(MODRM, LOAD, 2, OPERAND, SEVC_OPCODE_SIGNED),
    [0xC3] = MOVE(MODRM, STORE, 4_OR_8, 4_OR_8, /* MOVNTI */
                  SEVC_OPCODE_NO_66 | SEVC_OPCODE_NO_REPEAT),

    [0xA3] = ALU(BT, OPERAND, REGISTER, SEVC_OPCODE_BIT_OFFSET, NONE),
    [0xAB] = ALU(BTS, OPERAND, REGISTER, SEVC_OPCODE_BIT_OFFSET, NONE),
    [0xB3] = ALU(BTR, OPERAND, REGISTER, SEVC_OPCODE_BIT_OFFSET, NONE),
    [0xBB] = ALU(BTC, OPERAND, REGISTER, SEVC_OPCODE_BIT_OFFSET, NONE),
    [0xBA] = GROUP(0FBA),

    [0x0D] = GROUP(0F0D),
    [0x18] = GROUP(0F18),
    [0xAE] = GROUP(0FAE),

    [0xB0] = MEMORY(ATOMIC, 1, NONE, 0, NONE), /* CMPXCHG */
    [0xB1] = MEMORY(ATOMIC, OPERAND, NONE, 0, NONE),
    [0xC0] = MEMORY(ATOMIC, 1, NONE, 0, NONE), /* XADD */
    [0xC1] = MEMORY(ATOMIC, OPERAND, NONE, 0, NONE),
    [0xC7] = GROUP(0FC7),
};

/* MOVBE; with F2 it is CRC32. */
const struct sevc_opcode sevc_movbe_opcodes[2] = {
    MOVE(MODRM, LOAD, OPERAND, OPERAND, SEVC_OPCODE_BYTE_SWAP | SEVC_OPCODE_NO_REPEAT),
    MOVE(MODRM, STORE, OPERAND, OPERAND, SEVC_OPCODE_BYTE_SWAP | SEVC_OPCODE_NO_REPEAT),
};

/* 80 to 83. */
#define IMMEDIATE_GROUP(size, flags, bytes)                                                        \
    {                                                                                              \
        ALU(ADD, size, IMMEDIATE, flags, bytes), ALU(OR, size, IMMEDIATE, flags, bytes),           \
            ALU(ADC, size, IMMEDIATE, flags, bytes), ALU(SBB, size, IMMEDIATE, flags, bytes),      \
            ALU(AND, size, IMMEDIATE, flags, bytes), ALU(SUB, size, IMMEDIATE, flags, bytes),      \
            ALU(XOR, size, IMMEDIATE, flags, bytes), ALU(CMP, size, IMMEDIATE, flags, bytes)       \
    }

/* F6, F7; of the manual's two TEST, /1 is the undocumented one. */
#define UNARY_GROUP(size, bytes)                                                                   \
    {                                                                                              \
        ALU(TEST, size, IMMEDIATE, 0, bytes), ALU(TEST, size, IMMEDIATE, 0, bytes),                \
            ALU(NOT, size, NONE, 0, NONE), ALU(NEG, size, NONE, 0, NONE)                           \
    }

#define STEP_GROUP(size)                                                                           \
    {                                                                                              \
        ALU(INC, size, NONE, 0, NONE), ALU(DEC, size, NONE, 0, NONE)                               \
    }
#define HINT(data) MEMORY(HINT, data, NONE, 0, NONE)

/* A cache line flushed: to the processor it counts as a load of a byte (APM vol. 3, CLFLUSH). */
#define FLUSH MEMORY(HINT, 1, NONE, SEVC_OPCODE_NO_REPEAT, NONE)

const struct sevc_opcode sevc_group_opcodes[SEVC_GROUP_COUNT][8] = {
    [SEVC_GROUP_80] = IMMEDIATE_GROUP(1, 0, 1),
    [SEVC_GROUP_81] = IMMEDIATE_GROUP(OPERAND, 0, 2_OR_4),
    [SEVC_GROUP_82] = IMMEDIATE_GROUP(1, SEVC_OPCODE_NOT_64, 1), /* 80, once more */
    [SEVC_GROUP_83] = IMMEDIATE_GROUP(OPERAND, 0, 1),
    [SEVC_GROUP_C6] = { MEMORY(STORE_IMM, 1, IMMEDIATE, 0, 1) },
    [SEVC_GROUP_C7] = { MEMORY(STORE_IMM, OPERAND, IMMEDIATE, 0, 2_OR_4) },
    [SEVC_GROUP_F6] = UNARY_GROUP(1, 1),
    [SEVC_GROUP_F7] = UNARY_GROUP(OPERAND, 2_OR_4),
    [SEVC_GROUP_FE] = STEP_GROUP(1),
    [SEVC_GROUP_FF] = STEP_GROUP(OPERAND),
    [SEVC_GROUP_0F0D] = { HINT(NONE), HINT(NONE), HINT(NONE), HINT(NONE), /* PREFETCH(W) */
                          HINT(NONE), HINT(NONE), HINT(NONE), HINT(NONE) },
    [SEVC_GROUP_0F18] = { HINT(NONE), HINT(NONE), HINT(NONE), HINT(NONE) }, /* PREFETCHNTA, T0.. */
    [SEVC_GROUP_0FAE] = { [7] = FLUSH },                                    /* CLFLUSH */
    [SEVC_GROUP_66_0FAE] = { [6] = FLUSH, [7] = FLUSH },                    /* CLWB, CLFLUSHOPT */
    [SEVC_GROUP_0FBA] = { [4] = ALU(BT, OPERAND, IMMEDIATE, 0, 1),
                          [5] = ALU(BTS, OPERAND, IMMEDIATE, 0, 1),
                          [6] = ALU(BTR, OPERAND, IMMEDIATE, 0, 1),
                          [7] = ALU(BTC, OPERAND, IMMEDIATE, 0, 1) },
    [SEVC_GROUP_0FC7] = { [1] =
                              MEMORY(ATOMIC, 8_OR_16, NONE, 0, NONE) }, /* CMPXCHG8B, CMPXCHG16B */
};

/*
 * 0F 01 is where a prefix makes another instruction: F2 and F3 turn VMMCALL into VMGEXIT, the
 * handler's own exit (APM vol. 3, VMGEXIT), and F3 turns MONITORX into MCOMMIT. Whatever the
 * manual does not name is OTHER, with which no exit agrees. RDTSCP is the exception: processors
 * ignore the prefixes (tests/decode/test_processor.c executes them).
 */
const struct sevc_group_7 sevc_group_7[SEVC_GROUP_7_ROWS] = {
    /* ModRM, plain, 66, F2, F3 */
    { 0xC8, { SEVC_INSN_MONITOR } },
    { 0xC9, { SEVC_INSN_MWAIT } },
    { 0xD9, { SEVC_INSN_VMMCALL, SEVC_INSN_OTHER, SEVC_INSN_VMGEXIT, SEVC_INSN_VMGEXIT } },
    { 0xF9, { SEVC_INSN_RDTSCP, SEVC_INSN_RDTSCP, SEVC_INSN_RDTSCP, SEVC_INSN_RDTSCP } },
    { 0xFA, { SEVC_INSN_MONITORX } },
    { 0xFB, { SEVC_INSN_MWAITX } },
};
