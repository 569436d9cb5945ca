/* SPDX-License-Identifier: MIT */
/*
 * AVX-512: all that is needed is the length, and that there is a memory operand, to refuse the
 * instruction by name. Zydis's tables for it would be a quarter of its size (docs/decoder.md).
 * Every opcode is taken for a defined one.
 */
#include "decode/parts.h"

enum {
    EVEX_PREFIX_BYTES = 4,
    DEFINED_MAPS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6,
    /* #UD before EVEX, as REX is. */
    FORBIDDEN_PREFIXES = SEVC_PREFIX_OPERAND_SIZE | SEVC_PREFIX_REPEAT | SEVC_PREFIX_LOCK,
};

/* Map 3 has an immediate throughout; in map 1 the shuffles, shifts, compares and inserts. */
static bool has_immediate(uint8_t map, uint8_t opcode)
{
    if (map == SEVC_MAP_0F3A)
        return true;
    return map == SEVC_MAP_0F && ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xC2 ||
                                  (opcode >= 0xC4 && opcode <= 0xC6));
}

/*
 * 62 is BOUND outside 64-bit mode, unless the next byte would be a ModRM byte of a register form,
 * which BOUND does not have.
 */
enum sevc_result sevc_evex_decode(const struct sevc_code *code, struct sevc_insn *insn)
{
    const struct sevc_prefixes *prefixes = &code->prefixes;
    const uint8_t *evex = &code->bytes[prefixes->count];
    unsigned at = prefixes->count + EVEX_PREFIX_BYTES + 1u; /* the ModRM byte */
    struct sevc_memory_operand operand = { 0 };
    struct sevc_unknown unknown = {
        .map = evex[1] & 7,
        .opcode = evex[4],
        .vex = true,
        .memory = evex[5] < 0xC0,
    };

    if (!(prefixes->seen & SEVC_MODE_64) && evex[1] < 0xC0)
        return SEVC_UNSUPPORTED;
    insn->length = (uint8_t)(at + 1); /* at least */
    if (prefixes->rex || (prefixes->seen & FORBIDDEN_PREFIXES))
        return SEVC_BAD_INSN;
    if ((evex[1] & 8) != 0 || !(1u << unknown.map & DEFINED_MAPS) || (evex[2] & 4) == 0)
        return SEVC_BAD_INSN; /* reserved bits */
    at = unknown.memory ? sevc_modrm_operand(code, at, &operand) : at + 1;
    unknown.length = (uint8_t)(at + has_immediate(unknown.map, unknown.opcode));
    sevc_name_unknown(&unknown, insn);
    return SEVC_OK;
}
