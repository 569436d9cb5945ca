/* SPDX-License-Identifier: MIT */
/*
 * Inside src/decode: how an instruction is written. Prefixes, then the opcode's row in the table
 * of what sevc knows, then its memory operand. sevc_insn (sevc/insn.h) is what it means.
 */
#ifndef SEVC_DECODE_PARTS_H
#define SEVC_DECODE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/insn.h>

/* Legacy prefixes and modes, as bits of sevc_prefixes.seen; the prefixes of sevc_opcode.flags, too. */
enum {
    SEVC_PREFIX_OPERAND_SIZE = 1 << 0, /* 66 */
    SEVC_PREFIX_ADDRESS_SIZE = 1 << 1, /* 67 */
    SEVC_PREFIX_LOCK = 1 << 2,         /* F0 */
    SEVC_PREFIX_REPEAT = 1 << 3,       /* F2, F3 */
    SEVC_PREFIX_SEGMENT = 1 << 4,      /* 26 2E 36 3E 64 65 */
    SEVC_MODE_16_32 = 1 << 6,
    SEVC_MODE_64 = 1 << 7,
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
    uint8_t seen;    /* SEVC_PREFIX_*, SEVC_MODE_* */
    uint8_t repeat;  /* the last of F2 and F3, or 0 */
    uint8_t segment; /* enum sevc_segment of the override, or SEVC_NO_SEGMENT */
    uint8_t rex;     /* 40 to 4F, or 0 */
    /* What follows from them, and from the mode. */
    uint8_t operand_size;  /* 0, 1, 2 for 2, 4, 8 bytes */
    uint8_t address_bytes; /* 2, 4, 8 */
};

/* What follows the opcode byte, and how much of a decoder that takes. */
enum sevc_opcode_form {
    SEVC_FORM_GENERAL = 0, /* none of ours: Zydis gives the length */
    SEVC_FORM_PREFIX,      /* a legacy prefix: flags say which */
    SEVC_FORM_REX,         /* 40 to 4F: a prefix in 64-bit mode, general elsewhere */
    SEVC_FORM_ESCAPE,      /* 0F: the second table */
    SEVC_FORM_ESCAPE_38,   /* 0F 38: one more opcode byte */
    SEVC_FORM_EVEX,        /* 62: a prefix, or BOUND */
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

/*
 * Bits of sevc_opcode.flags, but for prefixes. Some say where a row does not hold: they are bits that
 * sevc_prefixes.seen has there.
 */
enum {
    SEVC_OPCODE_NO_66 = SEVC_PREFIX_OPERAND_SIZE, /* another instruction, or none */
    SEVC_OPCODE_NO_REPEAT = SEVC_PREFIX_REPEAT,   /* likewise */
    SEVC_OPCODE_NOT_16_32 = SEVC_MODE_16_32,      /* ours in 64-bit mode only */
    SEVC_OPCODE_NOT_64 = SEVC_MODE_64,            /* ours in all modes but that one */
    SEVC_OPCODE_SIGNED = 1 << 1,                  /* LOAD sign-extends */
    SEVC_OPCODE_TO_REGISTER = 1 << 2,             /* ALU: memory is the source */
    SEVC_OPCODE_BIT_OFFSET = 1 << 4,              /* ALU: the register moves the operand */
    SEVC_OPCODE_BYTE_SWAP = 1 << 5,               /* LOAD, STORE */
};

#define SEVC_OPCODE_EXCLUDES                                                                       \
    (SEVC_OPCODE_NO_66 | SEVC_OPCODE_NO_REPEAT | SEVC_OPCODE_NOT_16_32 | SEVC_OPCODE_NOT_64)

/* Bytes of memory, of a port, of a register, or of an immediate, by the operand size. */
enum sevc_width {
    SEVC_WIDTH_NONE = 0, /* no access, no register, no immediate */
    SEVC_WIDTH_1,
    SEVC_WIDTH_2,
    SEVC_WIDTH_4,
    SEVC_WIDTH_OPERAND, /* 2, 4, 8 */
    SEVC_WIDTH_2_OR_4,  /* never 8: ports, immediates */
    SEVC_WIDTH_4_OR_8,  /* never 2 */
    SEVC_WIDTH_8_OR_16, /* CMPXCHG8B, CMPXCHG16B */
    SEVC_WIDTH_COUNT
};

/* One row of the table of what sevc knows (opcodes.c). */
struct sevc_opcode {
    uint8_t form;           /* enum sevc_opcode_form */
    uint8_t kind;           /* enum sevc_insn_kind; of a segment prefix, enum sevc_segment */
    uint8_t flags;          /* SEVC_PREFIX_* of a prefix, else SEVC_OPCODE_* */
    uint8_t data_bytes;     /* enum sevc_width: memory or port */
    uint8_t register_bytes; /* enum sevc_width */
    uint8_t operation;      /* ALU: enum sevc_alu_operation; GROUP: enum sevc_opcode_group */
    uint8_t source;         /* enum sevc_alu_source, not only of ALU: what else it takes */
    uint8_t immediate;      /* enum sevc_width */
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
    uint8_t kinds[4]; /* enum sevc_insn_kind without 66, F2, F3, and with each */
};

#define SEVC_GROUP_7_ROWS 6

extern const struct sevc_opcode sevc_one_byte_opcodes[256];
extern const struct sevc_opcode sevc_two_byte_opcodes[256];
extern const struct sevc_opcode sevc_movbe_opcodes[2]; /* 0F 38 F0, 0F 38 F1 */
extern const struct sevc_opcode sevc_group_opcodes[SEVC_GROUP_COUNT][8];
extern const struct sevc_group_7 sevc_group_7[SEVC_GROUP_7_ROWS];

/* An instruction's bytes, and what stands where. */
struct sevc_code {
    uint8_t bytes[32]; /* with zeros behind them: as far as any form reaches */
    struct sevc_prefixes prefixes;
    const struct sevc_opcode *row; /* the opcode's */
    unsigned next;                 /* index of the byte behind the opcode */
};

/*
 * prefixes.c: copies the LIMIT (0 to 15) bytes, and finds prefixes and opcode. That they may have ended
 * before is the matter of whoever knows the length in the end.
 */
void sevc_find_opcode(struct sevc_code *code, const uint8_t *bytes, size_t limit,
                      unsigned code_bits);

/* prefixes.c: the segment of what is addressed: an override if it has an effect, else USUAL. */
uint8_t sevc_segment_of(const struct sevc_prefixes *prefixes, uint8_t usual);

/*
 * operand.c: the memory operand of a ModRM byte, which stands at AT and has a mod below 3. *OPERAND has
 * been told that there is no register. Returns the index of the byte behind.
 */
unsigned sevc_modrm_operand(const struct sevc_code *code, unsigned at,
                            struct sevc_memory_operand *operand);

/* The quadword at AT, whatever of it is meant; and COUNT (0, 1, 2, 4) bytes, sign-extended. */
static inline uint64_t sevc_quadword_at(const struct sevc_code *code, unsigned at)
{
    uint64_t value;

    __builtin_memcpy(&value, code->bytes + at, sizeof(value));
    return value;
}

int64_t sevc_signed_at(const struct sevc_code *code, unsigned at, unsigned count);

/* Where an opcode lives. */
enum sevc_opcode_map {
    SEVC_MAP_ONE_BYTE,
    SEVC_MAP_0F,
    SEVC_MAP_0F38,
    SEVC_MAP_0F3A,
    SEVC_MAP_OTHER, /* 3DNow!, XOP */
};

/* All that is of use of an instruction which the table does not know. */
struct sevc_unknown {
    uint8_t length;
    uint8_t map; /* enum sevc_opcode_map */
    uint8_t opcode;
    uint8_t reg; /* of the ModRM byte, 3 bits */
    bool vex;    /* VEX, EVEX or XOP: the opcode is none of the legacy one's */
    bool memory; /* a ModRM byte with mod < 3 */
};

/* zydis.c: any instruction. SEVC_OK, SEVC_RETRY (more than LIMIT bytes) or SEVC_BAD_INSN. */
enum sevc_result sevc_zydis_decode(const uint8_t *bytes, size_t limit, unsigned code_bits,
                                   struct sevc_unknown *unknown);

/*
 * evex.c: an instruction with SEVC_FORM_EVEX, which Zydis is built without: its length, and VECTOR or
 * OTHER. SEVC_OK, SEVC_BAD_INSN, or SEVC_UNSUPPORTED (BOUND).
 */
enum sevc_result sevc_evex_decode(const struct sevc_code *code, struct sevc_insn *insn);

/*
 * vector.c: VECTOR (SSE, AVX, x87, MMX or 3DNow!) where there is a memory operand, else OTHER.
 */
void sevc_name_unknown(const struct sevc_unknown *unknown, struct sevc_insn *insn);

#endif
