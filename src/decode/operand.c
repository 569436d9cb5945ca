/* SPDX-License-Identifier: MIT */
/* ModRM, SIB and displacement: base, index, scale and segment (APM vol. 3, 1.4 and 1.6). */
#include "decode/parts.h"

int64_t sevc_signed_at(const struct sevc_code *code, unsigned at, unsigned count)
{
    unsigned unused_bits = 64 - 8 * count;

    return count == 0 ? 0 : (int64_t)(sevc_quadword_at(code, at) << unused_bits) >> unused_bits;
}

/* 16-bit addressing has fixed pairs instead of a SIB byte. */
static void word_operand(uint8_t rm, struct sevc_memory_operand *operand)
{
    static const uint8_t pairs[8][2] = {
        { SEVC_RBX, SEVC_RSI },         { SEVC_RBX, SEVC_RDI },
        { SEVC_RBP, SEVC_RSI },         { SEVC_RBP, SEVC_RDI },
        { SEVC_RSI, SEVC_NO_REGISTER }, { SEVC_RDI, SEVC_NO_REGISTER },
        { SEVC_RBP, SEVC_NO_REGISTER }, { SEVC_RBX, SEVC_NO_REGISTER },
    };

    operand->base = pairs[rm][0];
    operand->index = pairs[rm][1];
}

/* An index of 4 means none; but REX.X makes it R12, which is one. */
static void sib_operand(uint8_t sib, uint8_t rex, struct sevc_memory_operand *operand)
{
    uint8_t index = (uint8_t)((sib >> 3 & 7) | (rex & SEVC_REX_X ? 8 : 0));

    if (index != 4) {
        operand->index = index;
        operand->scale = (uint8_t)(1u << (sib >> 6));
    }
}

/*
 * A base of 5 (in 16-bit addressing 6) with mod 0 means a bare displacement, whatever REX.B says;
 * without a SIB byte 64-bit mode adds RIP. SS is the segment of what is addressed through the stack
 * pointer or the frame pointer.
 */
unsigned sevc_modrm_operand(const struct sevc_code *code, unsigned at,
                            struct sevc_memory_operand *operand)
{
    const struct sevc_prefixes *prefixes = &code->prefixes;
    bool word = prefixes->address_bytes == 2;
    uint8_t modrm = code->bytes[at++];
    uint8_t mod = modrm >> 6;
    uint8_t base = modrm & 7;
    unsigned displacement = mod;
    bool sib = base == 4 && !word;
    bool bare;

    if (sib) {
        base = code->bytes[at] & 7;
        sib_operand(code->bytes[at++], prefixes->rex, operand);
    }
    bare = mod == 0 && base == (word ? 6 : 5);
    if (bare || mod == 2)
        displacement = word ? 2 : 4;
    if (bare)
        operand->rip_relative = (prefixes->seen & SEVC_MODE_64) && !sib;
    else if (word)
        word_operand(base, operand);
    else
        operand->base = (uint8_t)(base | (prefixes->rex & SEVC_REX_B ? 8 : 0));
    operand->segment = sevc_segment_of(
        prefixes, operand->base == SEVC_RSP || operand->base == SEVC_RBP ? SEVC_SS : SEVC_DS);
    operand->displacement = sevc_signed_at(code, at, displacement);
    return at + displacement;
}
