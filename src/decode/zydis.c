/* SPDX-License-Identifier: MIT */
/*
 * Zydis, behind one function: nothing else includes it, so that it can be measured against, or
 * replaced. Only what 4.0 and 4.1 share is used: raw.*, widths, ZydisDecoderDecodeInstruction().
 */
#include <Zydis/Decoder.h>

#include "decode/parts.h"

static void start_decoder(ZydisDecoder *decoder, unsigned code_bits)
{
    if (code_bits == 64)
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    else if (code_bits == 32)
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
    else
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16);
    /* 66 shortens near branches on AMD processors only (APM vol. 3, "JMP (Near)"). */
    ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_AMD_BRANCHES, ZYAN_TRUE);
}

static uint8_t map_of(const ZydisDecodedInstruction *zydis)
{
    static const uint8_t maps[] = {
        [ZYDIS_OPCODE_MAP_DEFAULT] = SEVC_MAP_ONE_BYTE,
        [ZYDIS_OPCODE_MAP_0F] = SEVC_MAP_0F,
        [ZYDIS_OPCODE_MAP_0F38] = SEVC_MAP_0F38,
        [ZYDIS_OPCODE_MAP_0F3A] = SEVC_MAP_0F3A,
    };

    return (size_t)zydis->opcode_map < sizeof(maps) ? maps[zydis->opcode_map] : SEVC_MAP_OTHER;
}

/* A0 to A3 have no ModRM byte: their displacement is an offset, and has no sign. */
static int64_t displacement_of(const ZydisDecodedInstruction *zydis, bool modrm)
{
    uint64_t value = (uint64_t)zydis->raw.disp.value;

    if (!modrm && zydis->raw.disp.size <= 32)
        value &= (1ull << zydis->raw.disp.size) - 1;
    return (int64_t)value;
}

/* Sign-extended, whatever Zydis makes of the instruction: a count, a bit's number, a mask. */
static uint64_t immediate_of(const ZydisDecodedInstruction *zydis)
{
    unsigned unused_bits = 64u - zydis->raw.imm[0].size;

    if (unused_bits >= 64) {
        return 0;
    }
    return (uint64_t)((int64_t)(zydis->raw.imm[0].value.u << unused_bits) >> unused_bits);
}

enum sevc_result sevc_zydis_parts(const uint8_t *bytes, size_t limit, unsigned code_bits,
                                  struct sevc_parts *parts)
{
    ZydisDecoder decoder;
    ZydisDecoderContext context;
    ZydisDecodedInstruction zydis;
    ZyanStatus status;
    bool modrm;

    start_decoder(&decoder, code_bits);
    status = ZydisDecoderDecodeInstruction(&decoder, &context, bytes, limit, &zydis);
    if (status == ZYDIS_STATUS_NO_MORE_DATA)
        return SEVC_RETRY;
    if (!ZYAN_SUCCESS(status))
        return SEVC_BAD_INSN;

    modrm = (zydis.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
    *parts = (struct sevc_parts){
        .displacement = displacement_of(&zydis, modrm),
        .immediate = immediate_of(&zydis),
        .length = zydis.length,
        .map = map_of(&zydis),
        .opcode = zydis.opcode,
        .vex = zydis.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY,
        .memory = modrm && zydis.raw.modrm.mod != 3,
        .mod = zydis.raw.modrm.mod,
        .reg = zydis.raw.modrm.reg,
        .rm = zydis.raw.modrm.rm,
        .sib = (zydis.attributes & ZYDIS_ATTRIB_HAS_SIB) != 0,
        .scale = (uint8_t)(1u << zydis.raw.sib.scale),
        .index = zydis.raw.sib.index,
        .sib_base = zydis.raw.sib.base,
    };
    return SEVC_OK;
}
