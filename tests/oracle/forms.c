/* SPDX-License-Identifier: MIT */
/*
 * The table of instructions. To add one, add a row; what the library refuses is marked LATER, and
 * the oracle then holds the library to refusing it without any effect.
 *
 * Encodings and flags: APM vol. 3, chapter 3, the page of each instruction.
 */
#include "forms.h"

#define CF 0x001
#define PF 0x004
#define AF 0x010
#define ZF 0x040
#define SF 0x080
#define OF 0x800

/*
 * The one table of flags that are undefined (APM vol. 3, "rFLAGS Affected" of each page). Where
 * nothing is named, every flag is defined, "unaffected" included.
 */
#define ALL_DEFINED 0
#define LOGIC       AF                       /* AND, OR, XOR, TEST */
#define BIT_TEST    (OF | SF | ZF | AF | PF) /* BT, BTS, BTR, BTC: only CF is defined */

#define R         ORACLE_READS
#define W         ORACLE_WRITES
#define RW        (ORACLE_READS | ORACLE_WRITES)
#define BASIC_TOO ORACLE_BY_BASIC
#define OP        ORACLE_OPERAND
#define B         ORACLE_BYTE

#define BASIC(mnemonic, encoding, map, opcode, reg, shape, width, imm, flags)                      \
    {                                                                                              \
        mnemonic, encoding, ORACLE_BASIC, ORACLE_NOW, ORACLE_MAP_##map, opcode, reg,               \
            ORACLE_##shape, width, ORACLE_##imm, flags, ALL_DEFINED                                \
    }
#define MORE(mnemonic, encoding, map, opcode, reg, shape, width, imm, flags, undefined)            \
    {                                                                                              \
        mnemonic, encoding, ORACLE_EXTENDED, ORACLE_NOW, ORACLE_MAP_##map, opcode, reg,            \
            ORACLE_##shape, width, ORACLE_##imm, flags, undefined                                  \
    }
#define REG ORACLE_REGISTER

#define NEVER(mnemonic, encoding, map, opcode, width)                                              \
    {                                                                                              \
        mnemonic, encoding, ORACLE_EXTENDED, ORACLE_NEVER, ORACLE_MAP_##map, opcode, REG,          \
            ORACLE_MODRM, width, ORACLE_NO_IMM, RW, ALL_DEFINED                                    \
    }

/* The eight operations of 00 to 3B and of 80, 81, 83. FLAGS: how the memory operand is used. */
#define ARITHMETIC(name, digit, flags, undefined)                                                  \
    MORE(name, "r/m8, r8", ONE_BYTE, 8 * (digit), REG, MODRM, B, NO_IMM, flags, undefined),        \
        MORE(name, "r/m, r", ONE_BYTE, 8 * (digit) + 1, REG, MODRM, OP, NO_IMM, flags, undefined), \
        MORE(name, "r8, r/m8", ONE_BYTE, 8 * (digit) + 2, REG, MODRM, B, NO_IMM, R, undefined),    \
        MORE(name, "r, r/m", ONE_BYTE, 8 * (digit) + 3, REG, MODRM, OP, NO_IMM, R, undefined),     \
        MORE(name, "80 r/m8, imm8", ONE_BYTE, 0x80, digit, MODRM, B, IMM_8, flags, undefined),     \
        MORE(name, "81 r/m, imm", ONE_BYTE, 0x81, digit, MODRM, OP, IMM_OPERAND, flags,            \
             undefined),                                                                           \
        MORE(name, "83 r/m, imm8", ONE_BYTE, 0x83, digit, MODRM, OP, IMM_8, flags, undefined)

/* An operation of F6 and F7, FE and FF. */
#define UNARY(name, opcode, next, digit, flags)                                                    \
    MORE(name, #opcode " /" #digit " r/m8", ONE_BYTE, 0x##opcode, digit, MODRM, B, NO_IMM, flags,  \
         ALL_DEFINED),                                                                             \
        MORE(name, #next " /" #digit " r/m", ONE_BYTE, 0x##next, digit, MODRM, OP, NO_IMM, flags,  \
             ALL_DEFINED)

#define BITS_FORM(name, opcode, digit, flags)                                                      \
    MORE(name, "0F " #opcode " r/m, r", 0F, 0x##opcode, REG, BITS, OP, NO_IMM, flags, BIT_TEST),   \
        MORE(name, "0F BA /" #digit " r/m, imm8", 0F, 0xBA, digit, MODRM, OP, IMM_8, flags,        \
             BIT_TEST)

#define STRING(name, opcode, next, flags)                                                          \
    MORE(name, #opcode " 8 bits", ONE_BYTE, 0x##opcode, 0, STRING, B, NO_IMM, flags, ALL_DEFINED), \
        MORE(name, #next " 16-64 bits", ONE_BYTE, 0x##next, 0, STRING, OP, NO_IMM, flags,          \
             ALL_DEFINED)

const struct oracle_form oracle_forms[] = {
    BASIC("MOV", "88 r/m8, r8", ONE_BYTE, 0x88, REG, MODRM, B, NO_IMM, W),
    BASIC("MOV", "89 r/m, r", ONE_BYTE, 0x89, REG, MODRM, OP, NO_IMM, W),
    BASIC("MOV", "8A r8, r/m8", ONE_BYTE, 0x8A, REG, MODRM, B, NO_IMM, R),
    BASIC("MOV", "8B r, r/m", ONE_BYTE, 0x8B, REG, MODRM, OP, NO_IMM, R),
    BASIC("MOV", "A0 AL, moffset8", ONE_BYTE, 0xA0, 0, OFFSET, B, NO_IMM, R),
    BASIC("MOV", "A1 rAX, moffset", ONE_BYTE, 0xA1, 0, OFFSET, OP, NO_IMM, R),
    BASIC("MOV", "A2 moffset8, AL", ONE_BYTE, 0xA2, 0, OFFSET, B, NO_IMM, W),
    BASIC("MOV", "A3 moffset, rAX", ONE_BYTE, 0xA3, 0, OFFSET, OP, NO_IMM, W),
    BASIC("MOV", "C6 /0 r/m8, imm8", ONE_BYTE, 0xC6, 0, MODRM, B, IMM_8, W),
    BASIC("MOV", "C7 /0 r/m, imm", ONE_BYTE, 0xC7, 0, MODRM, OP, IMM_OPERAND, W),
    BASIC("MOVZX", "0F B6 r, r/m8", 0F, 0xB6, REG, MODRM, B, NO_IMM, R),
    BASIC("MOVZX", "0F B7 r, r/m16", 0F, 0xB7, REG, MODRM, ORACLE_WORD, NO_IMM, R),
    BASIC("MOVSX", "0F BE r, r/m8", 0F, 0xBE, REG, MODRM, B, NO_IMM, R),
    BASIC("MOVSX", "0F BF r, r/m16", 0F, 0xBF, REG, MODRM, ORACLE_WORD, NO_IMM, R),
    BASIC("MOVSXD", "63 r, r/m32", ONE_BYTE, 0x63, REG, MODRM, ORACLE_DWORD, NO_IMM, R),

    ARITHMETIC("ADD", 0, RW, ALL_DEFINED),
    ARITHMETIC("OR", 1, RW, LOGIC),
    ARITHMETIC("ADC", 2, RW, ALL_DEFINED),
    ARITHMETIC("SBB", 3, RW, ALL_DEFINED),
    ARITHMETIC("AND", 4, RW, LOGIC),
    ARITHMETIC("SUB", 5, RW, ALL_DEFINED),
    ARITHMETIC("XOR", 6, RW, LOGIC),
    ARITHMETIC("CMP", 7, R, ALL_DEFINED),
    MORE("TEST", "84 r/m8, r8", ONE_BYTE, 0x84, REG, MODRM, B, NO_IMM, R, LOGIC),
    MORE("TEST", "85 r/m, r", ONE_BYTE, 0x85, REG, MODRM, OP, NO_IMM, R, LOGIC),
    MORE("TEST", "F6 /0 r/m8, imm8", ONE_BYTE, 0xF6, 0, MODRM, B, IMM_8, R, LOGIC),
    MORE("TEST", "F7 /0 r/m, imm", ONE_BYTE, 0xF7, 0, MODRM, OP, IMM_OPERAND, R, LOGIC),
    UNARY("NOT", F6, F7, 2, RW),
    UNARY("NEG", F6, F7, 3, RW),
    UNARY("INC", FE, FF, 0, RW),
    UNARY("DEC", FE, FF, 1, RW),
    BITS_FORM("BT", A3, 4, R),
    BITS_FORM("BTS", AB, 5, RW),
    BITS_FORM("BTR", B3, 6, RW),
    BITS_FORM("BTC", BB, 7, RW),
    MORE("MOVNTI", "0F C3 m, r", 0F, 0xC3, REG, MODRM, ORACLE_NEVER_WORD, NO_IMM,
         W | BASIC_TOO | ORACLE_NO_66 | ORACLE_NO_REPEAT, ALL_DEFINED),
    MORE("MOVBE", "0F 38 F0 r, m", 0F38, 0xF0, REG, MODRM, OP, NO_IMM,
         R | BASIC_TOO | ORACLE_NO_REPEAT, ALL_DEFINED),
    MORE("MOVBE", "0F 38 F1 m, r", 0F38, 0xF1, REG, MODRM, OP, NO_IMM,
         W | BASIC_TOO | ORACLE_NO_REPEAT, ALL_DEFINED),
    MORE("CLFLUSH", "0F AE /7", 0F, 0xAE, 7, MODRM, B, NO_IMM,
         BASIC_TOO | ORACLE_NO_66 | ORACLE_NO_REPEAT, ALL_DEFINED),
    MORE("PREFETCHNTA", "0F 18 /0", 0F, 0x18, 0, MODRM, B, NO_IMM, BASIC_TOO, ALL_DEFINED),
    MORE("PREFETCHT0", "0F 18 /1", 0F, 0x18, 1, MODRM, B, NO_IMM, BASIC_TOO, ALL_DEFINED),
    MORE("PREFETCHT1", "0F 18 /2", 0F, 0x18, 2, MODRM, B, NO_IMM, BASIC_TOO, ALL_DEFINED),
    MORE("PREFETCHT2", "0F 18 /3", 0F, 0x18, 3, MODRM, B, NO_IMM, BASIC_TOO, ALL_DEFINED),
    MORE("PREFETCH", "0F 0D /0", 0F, 0x0D, 0, MODRM, B, NO_IMM, BASIC_TOO, ALL_DEFINED),
    MORE("PREFETCHW", "0F 0D /1", 0F, 0x0D, 1, MODRM, B, NO_IMM, BASIC_TOO, ALL_DEFINED),
    NEVER("XCHG", "86 r/m8, r8", ONE_BYTE, 0x86, B),
    NEVER("XCHG", "87 r/m, r", ONE_BYTE, 0x87, OP),
    NEVER("CMPXCHG", "0F B0 r/m8, r8", 0F, 0xB0, B),
    NEVER("CMPXCHG", "0F B1 r/m, r", 0F, 0xB1, OP),
    NEVER("XADD", "0F C0 r/m8, r8", 0F, 0xC0, B),
    NEVER("XADD", "0F C1 r/m, r", 0F, 0xC1, OP),
    STRING("MOVS", A4, A5, ORACLE_SOURCE | ORACLE_TARGET | ORACLE_WRITES),
    STRING("CMPS", A6, A7, ORACLE_SOURCE | ORACLE_TARGET | ORACLE_COMPARES),
    STRING("STOS", AA, AB, ORACLE_TARGET | ORACLE_WRITES),
    STRING("LODS", AC, AD, ORACLE_SOURCE),
    STRING("SCAS", AE, AF, ORACLE_TARGET | ORACLE_COMPARES),
};

const size_t oracle_form_count = sizeof(oracle_forms) / sizeof(oracle_forms[0]);
