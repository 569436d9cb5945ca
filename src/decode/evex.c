/* SPDX-License-Identifier: MIT */
/*
 * AVX-512: all that is needed is the length, and that there is a memory operand, to refuse the
 * instruction by name. Zydis's tables for it would be a quarter of its size (docs/decoder.md).
 * Every opcode is taken for a defined one.
 */
#include "decode/parts.h"

enum {
    EVEX_PREFIX_BYTES = 4,
    EVEX_AFTER_PREFIXES = EVEX_PREFIX_BYTES + 2, /* opcode and ModRM byte */
    DEFINED_MAPS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6,
};

/*
 * 62 is BOUND outside 64-bit mode, unless the next byte would be a ModRM byte of a register form,
 * which BOUND does not have.
 */
bool sevc_is_evex(const uint8_t *bytes, size_t limit, const struct sevc_prefixes *prefixes,
                  unsigned code_bits)
{
    size_t at = prefixes->count;

    if (at >= limit || bytes[at] != 0x62)
        return false;
    return code_bits == 64 || (at + 1 < limit && bytes[at + 1] >> 6 == 3);
}

/* Map 3 has an immediate throughout; in map 1 the shuffles, shifts, compares and inserts. */
static bool has_immediate(uint8_t map, uint8_t opcode)
{
    if (map == SEVC_MAP_0F3A)
        return true;
    return map == SEVC_MAP_0F && ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xC2 ||
                                  (opcode >= 0xC4 && opcode <= 0xC6));
}

enum sevc_result sevc_evex_parts(const uint8_t *bytes, size_t limit,
                                 const struct sevc_prefixes *prefixes, unsigned address_bytes,
                                 struct sevc_parts *parts)
{
    const uint8_t *evex = bytes + prefixes->count;
    size_t length = prefixes->count + (size_t)EVEX_AFTER_PREFIXES;
    uint8_t modrm, base;

    if (prefixes->rex || (prefixes->seen & ~(SEVC_PREFIX_SEGMENT | SEVC_PREFIX_ADDRESS_SIZE)))
        return SEVC_BAD_INSN; /* #UD: 66, F2, F3, LOCK or REX before EVEX */
    if (length > limit)
        return SEVC_RETRY;
    if ((evex[1] & 8) != 0 || !(1u << (evex[1] & 7) & DEFINED_MAPS) || (evex[2] & 4) == 0)
        return SEVC_BAD_INSN; /* reserved bits */
    modrm = evex[5];
    *parts = (struct sevc_parts){
        .map = evex[1] & 7,
        .opcode = evex[4],
        .vex = true,
        .memory = modrm >> 6 != 3,
        .mod = modrm >> 6,
        .reg = (modrm >> 3) & 7,
        .rm = modrm & 7,
    };
    base = parts->rm;
    parts->sib = parts->memory && parts->rm == 4 && address_bytes != 2;
    if (parts->sib) {
        if (length >= limit)
            return SEVC_RETRY;
        base = evex[EVEX_AFTER_PREFIXES] & 7;
        length++;
    }
    length += sevc_displacement_bytes(parts->mod, base, address_bytes);
    length += has_immediate(parts->map, parts->opcode);
    if (length > SEVC_INSN_MAX_BYTES)
        return SEVC_BAD_INSN;
    parts->length = (uint8_t)length;
    return length <= limit ? SEVC_OK : SEVC_RETRY;
}
