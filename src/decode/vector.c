/* SPDX-License-Identifier: MIT */
/*
 * Which instructions with a memory operand move or compute in x87, MMX, SSE or AVX registers?
 * Needed only to refuse them by their name (APM vol. 3, appendix A).
 */
#include "decode/parts.h"

struct opcode_range {
    uint8_t map, first, last;
};

/* Legacy encodings. General-purpose instructions in between are left out. */
static const struct opcode_range legacy[] = {
    { SEVC_MAP_ONE_BYTE, 0xD8, 0xDF }, /* x87 */
    { SEVC_MAP_0F, 0x10, 0x17 },       /* MOVUPS to MOVHPS */
    { SEVC_MAP_0F, 0x28, 0x2F },       /* MOVAPS to COMISS */
    { SEVC_MAP_0F, 0x51, 0x77 },       /* arithmetic, MMX; 50 has no memory form */
    { SEVC_MAP_0F, 0x7C, 0x7F },       /* HADDPS to MOVDQA; 78 and 79 are VMX's and SSE4A's */
    { SEVC_MAP_0F, 0xC2, 0xC2 },       /* CMPPS; C3 is MOVNTI */
    { SEVC_MAP_0F, 0xC4, 0xC6 },       /* PINSRW to SHUFPS; C7 is CMPXCHG8B's group */
    { SEVC_MAP_0F, 0xD0, 0xFE },       /* MMX and SSE2 integer */
    { SEVC_MAP_0F38, 0x00, 0x41 },     /* SSSE3, SSE4.1; 80 to 82 are VMX's */
    { SEVC_MAP_0F38, 0xC8, 0xDF },     /* SHA, GF2P8MULB, AES */
    { SEVC_MAP_0F3A, 0x00, 0xFF },
};

/* VEX encodings that work in general registers: BMI1 and BMI2. */
static const struct opcode_range general[] = {
    { SEVC_MAP_0F38, 0xF2, 0xF7 },
    { SEVC_MAP_0F3A, 0xF0, 0xF0 },
};

static bool is_within(const struct opcode_range *ranges, size_t count,
                      const struct sevc_unknown *unknown)
{
    for (size_t i = 0; i < count; i++) {
        if (unknown->map == ranges[i].map && unknown->opcode >= ranges[i].first &&
            unknown->opcode <= ranges[i].last)
            return true;
    }
    return false;
}

/* 0F AE: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, XSAVE, XRSTOR; 6 and 7 are CLWB and CLFLUSH too. */
static bool is_state_access(const struct sevc_unknown *unknown)
{
    return unknown->map == SEVC_MAP_0F && unknown->opcode == 0xAE && unknown->reg <= 5;
}

static bool is_vector(const struct sevc_unknown *unknown)
{
    if (unknown->map == SEVC_MAP_OTHER)
        return true;
    if (unknown->vex)
        return !is_within(general, sizeof(general) / sizeof(general[0]), unknown);
    return is_state_access(unknown) ||
           is_within(legacy, sizeof(legacy) / sizeof(legacy[0]), unknown);
}

void sevc_name_unknown(const struct sevc_unknown *unknown, struct sevc_insn *insn)
{
    insn->length = unknown->length;
    insn->kind = unknown->memory && is_vector(unknown) ? SEVC_INSN_VECTOR : SEVC_INSN_OTHER;
}
