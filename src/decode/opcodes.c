/* SPDX-License-Identifier: MIT */
/*
 * What sevc knows: every opcode that a #VC handler gives a meaning, and every prefix. All other
 * rows are zero, which is SEVC_FORM_GENERAL and SEVC_INSN_OTHER.
 *
 * APM vol. 3, appendix A (opcode maps). In 64-bit mode the fields mean the same with every prefix
 * but those that a row names.
 */
#include "decode/parts.h"

#define PREFIX(which)                                                                              \
    {                                                                                              \
        SEVC_FORM_PREFIX, 0, SEVC_PREFIX_##which, 0, 0                                             \
    }
#define OVERRIDE(segment)                                                                          \
    {                                                                                              \
        SEVC_FORM_PREFIX, SEVC_##segment, SEVC_PREFIX_SEGMENT, 0, 0                                \
    }
#define REX                                                                                        \
    {                                                                                              \
        SEVC_FORM_REX, 0, 0, 0, 0                                                                  \
    }
#define IMPLIED(kind)                                                                              \
    {                                                                                              \
        SEVC_FORM_IMPLIED, SEVC_INSN_##kind, 0, 0, 0                                               \
    }
#define DEBUG(kind)                                                                                \
    {                                                                                              \
        SEVC_FORM_DEBUG_REGISTER, SEVC_INSN_##kind, 0, 0, 0                                        \
    }

/* Data bytes, register bytes: 0 stands for the operand size (which ports cap at 4). */
#define IO(form, kind, data)                                                                       \
    {                                                                                              \
        SEVC_FORM_##form, SEVC_INSN_##kind, 0, data, 0                                             \
    }
#define MOVE(form, kind, data, reg, flags)                                                         \
    {                                                                                              \
        SEVC_FORM_##form, SEVC_INSN_##kind, flags, data, reg                                       \
    }

const struct sevc_opcode sevc_one_byte_opcodes[256] = {
    [0x0F] = { SEVC_FORM_ESCAPE, 0, 0, 0, 0 },

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
    [0x6D] = IO(STRING, INS, 0),
    [0x6E] = IO(STRING, OUTS, 1),
    [0x6F] = IO(STRING, OUTS, 0),
    [0xE4] = IO(PORT, IN, 1),
    [0xE5] = IO(PORT, IN, 0),
    [0xE6] = IO(PORT, OUT, 1),
    [0xE7] = IO(PORT, OUT, 0),
    [0xEC] = IO(IMPLIED, IN, 1),
    [0xED] = IO(IMPLIED, IN, 0),
    [0xEE] = IO(IMPLIED, OUT, 1),
    [0xEF] = IO(IMPLIED, OUT, 0),

    /*
     * MOVSXD: ARPL outside 64-bit mode. Without REX.W it extends nothing. With 66 an AMD
     * processor reads four bytes and writes two (MOVSXD Gv, Ed in APM vol. 3, table A-1); an
     * Intel one reads two.
     */
    [0x63] = MOVE(MODRM, LOAD, 4, 0, SEVC_OPCODE_SIGNED | SEVC_OPCODE_LONG_MODE),
    [0x88] = MOVE(MODRM, STORE, 1, 1, 0),
    [0x89] = MOVE(MODRM, STORE, 0, 0, 0),
    [0x8A] = MOVE(MODRM, LOAD, 1, 1, 0),
    [0x8B] = MOVE(MODRM, LOAD, 0, 0, 0),
    [0xA0] = MOVE(OFFSET, LOAD, 1, 1, 0),
    [0xA1] = MOVE(OFFSET, LOAD, 0, 0, 0),
    [0xA2] = MOVE(OFFSET, STORE, 1, 1, 0),
    [0xA3] = MOVE(OFFSET, STORE, 0, 0, 0),
    [0xC6] = MOVE(MODRM_IMMEDIATE, STORE_IMM, 1, 0, 0),
    [0xC7] = MOVE(MODRM_IMMEDIATE, STORE_IMM, 0, 0, 0),
};

const struct sevc_opcode sevc_two_byte_opcodes[256] = {
    [0x01] = { SEVC_FORM_GROUP_7, 0, 0, 0, 0 },
    [0x08] = IMPLIED(INVD),
    [0x09] = IMPLIED(WBINVD), /* with F3: WBNOINVD */
    [0x21] = DEBUG(READ_DR),
    [0x23] = DEBUG(WRITE_DR),
    [0x30] = IMPLIED(WRMSR),
    [0x31] = IMPLIED(RDTSC),
    [0x32] = IMPLIED(RDMSR),
    [0x33] = IMPLIED(RDPMC),
    [0xA2] = IMPLIED(CPUID),

    [0xB6] = MOVE(MODRM, LOAD, 1, 0, 0),
    [0xB7] = MOVE(MODRM, LOAD, 2, 0, 0),
    [0xBE] = MOVE(MODRM, LOAD, 1, 0, SEVC_OPCODE_SIGNED),
    [0xBF] = MOVE(MODRM, LOAD, 2, 0, SEVC_OPCODE_SIGNED),
};

/*
 * 0F 01 is where a prefix makes another instruction: F2 and F3 turn VMMCALL into VMGEXIT, the
 * handler's own exit (APM vol. 3, VMGEXIT), and F3 turns MONITORX into MCOMMIT. Whatever the
 * manual does not name is OTHER, with which no exit agrees. RDTSCP is the exception: processors
 * ignore the prefixes (tests/decode/test_processor.c executes them).
 */
const struct sevc_group_7 sevc_group_7[SEVC_GROUP_7_ROWS] = {
    /* ModRM, plain, 66, F2, F3 */
    { 0xC8, SEVC_INSN_MONITOR, SEVC_INSN_OTHER, SEVC_INSN_OTHER, SEVC_INSN_OTHER },
    { 0xC9, SEVC_INSN_MWAIT, SEVC_INSN_OTHER, SEVC_INSN_OTHER, SEVC_INSN_OTHER },
    { 0xD9, SEVC_INSN_VMMCALL, SEVC_INSN_OTHER, SEVC_INSN_VMGEXIT, SEVC_INSN_VMGEXIT },
    { 0xF9, SEVC_INSN_RDTSCP, SEVC_INSN_RDTSCP, SEVC_INSN_RDTSCP, SEVC_INSN_RDTSCP },
    { 0xFA, SEVC_INSN_MONITORX, SEVC_INSN_OTHER, SEVC_INSN_OTHER, SEVC_INSN_OTHER },
    { 0xFB, SEVC_INSN_MWAITX, SEVC_INSN_OTHER, SEVC_INSN_OTHER, SEVC_INSN_OTHER },
};
