/* SPDX-License-Identifier: MIT */
/*
 * Inside src/decode: how an instruction is written. Prefixes, then the opcode's row in the table
 * of what sevc knows, then the parts of its memory operand. sevc_insn (sevc/insn.h) is what it
 * means.
 */
#ifndef SEVC_DECODE_PARTS_H
#define SEVC_DECODE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/insn.h>

/* Legacy prefixes, as bits of sevc_opcode.flags and sevc_prefixes.seen. */
enum {
    SEVC_PREFIX_OPERAND_SIZE = 1 << 0, /* 66 */
    SEVC_PREFIX_ADDRESS_SIZE = 1 << 1, /* 67 */
    SEVC_PREFIX_LOCK = 1 << 2,         /* F0 */
    SEVC_PREFIX_REPEAT = 1 << 3,       /* F2, F3 */
    SEVC_PREFIX_SEGMENT = 1 << 4,      /* 26 2E 36 3E 64 65 */
};

enum {
    SEVC_REX_B = 1 << 0,
    SEVC_REX_R = 1 << 2,
    SEVC_REX_W = 1 << 3,
    SEVC_REX_X = 1 << 1,
};

#define SEVC_NO_SEGMENT 0xFF

struct sevc_prefixes {
    uint8_t count;   /* bytes, REX included */
    uint8_t seen;    /* SEVC_PREFIX_* */
    uint8_t repeat;  /* the last of F2 and F3, or 0 */
    uint8_t segment; /* enum sevc_segment of the override, or SEVC_NO_SEGMENT */
    uint8_t rex;     /* 40 to 4F, or 0 */
};

/* What follows the opcode byte, and how much of a decoder that takes. */
enum sevc_opcode_form {
    SEVC_FORM_GENERAL = 0, /* none of ours: Zydis gives the length */
    SEVC_FORM_PREFIX,      /* a legacy prefix: flags say which */
    SEVC_FORM_REX,         /* 40 to 4F: a prefix in 64-bit mode, general elsewhere */
    SEVC_FORM_ESCAPE,      /* 0F: the second table */
    SEVC_FORM_ESCAPE_38,   /* 0F 38: one more opcode byte */
    /* Settled by this very byte, and one more at most. */
    SEVC_FORM_IMPLIED,        /* nothing follows */
    SEVC_FORM_STRING,         /* nothing follows; prefixes count: INS, OUTS, MOVS to SCAS */
    SEVC_FORM_PORT,           /* a port number */
    SEVC_FORM_DEBUG_REGISTER, /* a ModRM byte whose mod is ignored */
    SEVC_FORM_GROUP_7,        /* 0F 01: a ModRM byte that is part of the opcode, or general */
    /* With a memory operand. */
    SEVC_FORM_MODRM,  /* and perhaps a general register, or an immediate */
    SEVC_FORM_GROUP,  /* ModRM.reg is part of the opcode: a row of a third table */
    SEVC_FORM_OFFSET, /* rAX and an absolute address */
};

/* Bits of sevc_opcode.flags, but for prefixes. */
enum {
    SEVC_OPCODE_SIGNED = 1 << 0,      /* LOAD sign-extends */
    SEVC_OPCODE_LONG_MODE = 1 << 1,   /* ours in 64-bit mode only */
    SEVC_OPCODE_TO_REGISTER = 1 << 2, /* ALU: memory is the source */
    SEVC_OPCODE_BIT_OFFSET = 1 << 3,  /* ALU: the register moves the operand */
    SEVC_OPCODE_BYTE_SWAP = 1 << 4,   /* LOAD, STORE */
    SEVC_OPCODE_NO_66 = 1 << 5,       /* with this prefix another instruction, or none */
    SEVC_OPCODE_NO_REPEAT = 1 << 6,   /* with F2 or F3 likewise */
    SEVC_OPCODE_LEGACY = 1 << 7,      /* ours in all modes but 64-bit mode */
};

/* Bytes of memory or of a register, by the operand size. */
enum sevc_width {
    SEVC_WIDTH_OPERAND = 0, /* 2, 4, 8 */
    SEVC_WIDTH_1 = 1,
    SEVC_WIDTH_2 = 2,
    SEVC_WIDTH_4 = 4,
    SEVC_WIDTH_4_OR_8,  /* never 2 */
    SEVC_WIDTH_8_OR_16, /* CMPXCHG8B, CMPXCHG16B */
    SEVC_WIDTH_NONE,    /* no access, or no register */
    SEVC_WIDTH_COUNT
};

/* One row of the table of what sevc knows (opcodes.c). */
struct sevc_opcode {
    uint8_t form;           /* enum sevc_opcode_form */
    uint8_t kind;           /* enum sevc_insn_kind; of a segment prefix, enum sevc_segment */
    uint8_t flags;          /* SEVC_PREFIX_* of a prefix, else SEVC_OPCODE_* */
    uint8_t data_bytes;     /* enum sevc_width: memory or port, where OPERAND is capped at 4 */
    uint8_t register_bytes; /* enum sevc_width */
    uint8_t operation;      /* ALU: enum sevc_alu_operation; GROUP: enum sevc_opcode_group */
    uint8_t source;         /* enum sevc_alu_source, not only of ALU: what else it takes */
    uint8_t immediate;      /* bytes: 0, 1, or 4 for the operand size, 4 at most */
};

/* Opcodes whose meaning is in ModRM.reg, too (APM vol. 3, appendix A, "ModRM extensions"). */
enum sevc_opcode_group {
    SEVC_GROUP_80,
    SEVC_GROUP_81,
    SEVC_GROUP_82,
    SEVC_GROUP_83,
    SEVC_GROUP_C6,
    SEVC_GROUP_C7,
    SEVC_GROUP_F6,
    SEVC_GROUP_F7,
    SEVC_GROUP_FE,
    SEVC_GROUP_FF,
    SEVC_GROUP_0F0D,
    SEVC_GROUP_0F18,
    SEVC_GROUP_0FAE,    /* without a prefix */
    SEVC_GROUP_66_0FAE, /* the row behind it */
    SEVC_GROUP_0FBA,
    SEVC_GROUP_0FC7,
    SEVC_GROUP_COUNT
};

/* Row of 0F 01 with a ModRM byte that is part of the opcode. */
struct sevc_group_7 {
    uint8_t modrm;
    uint8_t plain; /* enum sevc_insn_kind without 66, F2, F3, and with each */
    uint8_t with_66;
    uint8_t with_f2;
    uint8_t with_f3;
};

#define SEVC_GROUP_7_ROWS 6

extern const struct sevc_opcode sevc_one_byte_opcodes[256];
extern const struct sevc_opcode sevc_two_byte_opcodes[256];
extern const struct sevc_opcode sevc_movbe_opcodes[2]; /* 0F 38 F0, 0F 38 F1 */
extern const struct sevc_opcode sevc_group_opcodes[SEVC_GROUP_COUNT][8];
extern const struct sevc_group_7 sevc_group_7[SEVC_GROUP_7_ROWS];

/* Where an opcode lives. */
enum sevc_opcode_map {
    SEVC_MAP_ONE_BYTE,
    SEVC_MAP_0F,
    SEVC_MAP_0F38,
    SEVC_MAP_0F3A,
    SEVC_MAP_OTHER, /* 3DNow!, XOP */
};

/* The parts behind the prefixes, whoever took them apart. */
struct sevc_parts {
    int64_t displacement; /* sign-extended; of A0-A3 zero-extended */
    uint64_t immediate;   /* sign-extended */
    uint8_t length;       /* of the whole instruction */
    uint8_t map;          /* enum sevc_opcode_map */
    uint8_t opcode;
    bool vex;         /* VEX or XOP: the opcode is none of the legacy one's */
    bool memory;      /* a ModRM byte with mod < 3 */
    uint8_t mod;      /* 2 bits */
    uint8_t reg;      /* 3 bits */
    uint8_t rm;       /* 3 bits */
    bool sib;         /* a SIB byte is there */
    uint8_t scale;    /* 1, 2, 4, 8 */
    uint8_t index;    /* 3 bits */
    uint8_t sib_base; /* 3 bits */
};

/*
 * operand.c: an instruction with a memory operand by ModRM, or by an offset (A0 to A3), of which
 * it is known that it is one. AT: index of the byte behind the opcode; the ModRM byte is there.
 * Fills in what sevc_memory_operand() uses, length and immediate. SEVC_OK, or SEVC_RETRY (more
 * than LIMIT bytes).
 */
enum sevc_result sevc_modrm_parts(const uint8_t *bytes, size_t limit, size_t at,
                                  unsigned address_bytes, unsigned immediate_bytes,
                                  struct sevc_parts *parts);
enum sevc_result sevc_offset_parts(const uint8_t *bytes, size_t limit, size_t at,
                                   unsigned address_bytes, struct sevc_parts *parts);
unsigned sevc_displacement_bytes(uint8_t mod, uint8_t base, unsigned address_bytes);

/* zydis.c: any instruction. SEVC_OK, SEVC_RETRY (more than LIMIT bytes) or SEVC_BAD_INSN. */
enum sevc_result sevc_zydis_parts(const uint8_t *bytes, size_t limit, unsigned code_bits,
                                  struct sevc_parts *parts);

/* evex.c: does the instruction start with an EVEX prefix, which Zydis is built without? */
bool sevc_is_evex(const uint8_t *bytes, size_t limit, const struct sevc_prefixes *prefixes,
                  unsigned code_bits);
enum sevc_result sevc_evex_parts(const uint8_t *bytes, size_t limit,
                                 const struct sevc_prefixes *prefixes, unsigned address_bytes,
                                 struct sevc_parts *parts);

/*
 * vector.c: an SSE, AVX, x87, MMX or 3DNow! instruction (with the memory operand that PARTS has)?
 */
bool sevc_is_vector(const struct sevc_parts *parts);

/* operand.c: the memory operand that PARTS describe, for address_bytes of 2, 4 or 8. */
void sevc_memory_operand(const struct sevc_parts *parts, const struct sevc_prefixes *prefixes,
                         unsigned code_bits, unsigned address_bytes,
                         struct sevc_memory_operand *operand);

#endif
