/* SPDX-License-Identifier: MIT */
/* ModRM, SIB and displacement to base, index, scale and segment (APM vol. 3, 1.4 and 1.6). */
#include "decode/parts.h"

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
