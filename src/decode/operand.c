/* SPDX-License-Identifier: MIT */
/*
 * ModRM, SIB, displacement and immediate: from bytes to parts, and from parts to base, index,
 * scale and segment (APM vol. 3, 1.4 and 1.6).
 */
#include "decode/parts.h"

/* ---- from bytes to parts ---- */

/* BASE: of the SIB byte if there is one, else ModRM.rm. 16-bit addressing has no SIB byte. */
unsigned sevc_displacement_bytes(uint8_t mod, uint8_t base, unsigned address_bytes)
{
    unsigned full = address_bytes == 2 ? 2 : 4;
    uint8_t bare = address_bytes == 2 ? 6 : 5;

    if (mod == 0) {
        return base == bare ? full : 0;
    }
    return mod == 1 ? 1 : mod == 2 ? full : 0;
}

static int64_t read_signed(const uint8_t *bytes, unsigned count)
{
    int16_t word;
    int32_t dword;

    switch (count) {
    case 1:
        return (int8_t)bytes[0];
    case 2:
        __builtin_memcpy(&word, bytes, sizeof(word));
        return word;
    case 4:
        __builtin_memcpy(&dword, bytes, sizeof(dword));
        return dword;
    default:
        return 0;
    }
}

enum sevc_result sevc_modrm_parts(const uint8_t *bytes, size_t limit, size_t at,
                                  unsigned address_bytes, unsigned immediate_bytes,
                                  struct sevc_parts *parts)
{
    uint8_t modrm = bytes[at++];
    uint8_t base = modrm & 7;
    unsigned displacement;

    parts->memory = true;
    parts->mod = modrm >> 6;
    parts->reg = modrm >> 3 & 7;
    parts->rm = base;
    parts->sib = base == 4 && address_bytes != 2;
    if (parts->sib) {
        uint8_t sib;

        if (at >= limit) {
            return SEVC_RETRY;
        }
        sib = bytes[at++];
        base = sib & 7;
        parts->scale = (uint8_t)(1u << (sib >> 6));
        parts->index = sib >> 3 & 7;
        parts->sib_base = base;
    }
    displacement = sevc_displacement_bytes(parts->mod, base, address_bytes);
    if (at + displacement + immediate_bytes > limit) {
        return SEVC_RETRY;
    }
    parts->displacement = read_signed(bytes + at, displacement);
    at += displacement;
    parts->immediate = (uint64_t)read_signed(bytes + at, immediate_bytes);
    parts->length = (uint8_t)(at + immediate_bytes);
    return SEVC_OK;
}

enum sevc_result sevc_offset_parts(const uint8_t *bytes, size_t limit, size_t at,
                                   unsigned address_bytes, struct sevc_parts *parts)
{
    uint64_t offset = 0;

    if (at + address_bytes > limit) {
        return SEVC_RETRY;
    }
    for (unsigned i = 0; i < address_bytes; i++) {
        offset |= (uint64_t)bytes[at + i] << (8 * i);
    }
    parts->displacement = (int64_t)offset;
    parts->memory = false;
    parts->length = (uint8_t)(at + address_bytes);
    return SEVC_OK;
}

/* ---- from parts to the operand ---- */

/* 16-bit addressing has fixed pairs instead of a SIB byte. */
static void word_operand(const struct sevc_parts *parts, struct sevc_memory_operand *operand)
{
    static const uint8_t pairs[8][2] = {
        { SEVC_RBX, SEVC_RSI },         { SEVC_RBX, SEVC_RDI },
        { SEVC_RBP, SEVC_RSI },         { SEVC_RBP, SEVC_RDI },
        { SEVC_RSI, SEVC_NO_REGISTER }, { SEVC_RDI, SEVC_NO_REGISTER },
        { SEVC_RBP, SEVC_NO_REGISTER }, { SEVC_RBX, SEVC_NO_REGISTER },
    };

    if (parts->mod == 0 && parts->rm == 6)
        return; /* displacement only */
    operand->base = pairs[parts->rm][0];
    operand->index = pairs[parts->rm][1];
}

/*
 * An index of 4 means none (REX.X makes it R12, which is one); a base of 5 with mod 0 means a
 * bare displacement, whatever REX.B says.
 */
static void sib_operand(const struct sevc_parts *parts, uint8_t rex,
                        struct sevc_memory_operand *operand)
{
    uint8_t index = (uint8_t)(parts->index | (rex & SEVC_REX_X ? 8 : 0));

    if (index != 4) {
        operand->index = index;
        operand->scale = parts->scale;
    }
    if (parts->sib_base != 5 || parts->mod != 0)
        operand->base = (uint8_t)(parts->sib_base | (rex & SEVC_REX_B ? 8 : 0));
}

static void modrm_operand(const struct sevc_parts *parts, uint8_t rex, bool long_mode,
                          struct sevc_memory_operand *operand)
{
    if (parts->sib)
        sib_operand(parts, rex, operand);
    else if (parts->mod == 0 && parts->rm == 5)
        operand->rip_relative = long_mode; /* whatever REX.B says */
    else
        operand->base = (uint8_t)(parts->rm | (rex & SEVC_REX_B ? 8 : 0));
}

/* SS for what is addressed through the stack pointer or the frame pointer, else DS. */
static uint8_t segment_of(const struct sevc_memory_operand *operand,
                          const struct sevc_prefixes *prefixes, bool long_mode)
{
    uint8_t override = prefixes->segment;

    if (override != SEVC_NO_SEGMENT && (!long_mode || override >= SEVC_FS))
        return override;
    return operand->base == SEVC_RSP || operand->base == SEVC_RBP ? SEVC_SS : SEVC_DS;
}

void sevc_memory_operand(const struct sevc_parts *parts, const struct sevc_prefixes *prefixes,
                         unsigned code_bits, unsigned address_bytes,
                         struct sevc_memory_operand *operand)
{
    bool long_mode = code_bits == 64;

    *operand = (struct sevc_memory_operand){
        .displacement = parts->displacement,
        .base = SEVC_NO_REGISTER,
        .index = SEVC_NO_REGISTER,
        .scale = 1,
    };
    if (parts->memory && address_bytes == 2)
        word_operand(parts, operand);
    else if (parts->memory)
        modrm_operand(parts, prefixes->rex, long_mode, operand);
    operand->segment = segment_of(operand, prefixes, long_mode);
}
