/* SPDX-License-Identifier: MIT */
/*
 * Zydis, behind one function: nothing else includes it, so that it can be measured against, or
 * replaced. Only what 4.0 and 4.1 share is used: raw.*, widths, ZydisDecoderDecodeInstruction().
 */
#include <Zydis/Decoder.h>

#include "decode/parts.h"

static void start_decoder(ZydisDecoder *decoder, unsigned code_bits)
{
    static const uint8_t modes[] = { ZYDIS_MACHINE_MODE_LONG_COMPAT_16,
                                     ZYDIS_MACHINE_MODE_LONG_COMPAT_32,
                                     ZYDIS_MACHINE_MODE_LONG_64 };
    static const uint8_t widths[] = { ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32,
                                      ZYDIS_STACK_WIDTH_64 };
    unsigned mode = code_bits / 32; /* of 16, 32, 64 */

    ZydisDecoderInit(decoder, (ZydisMachineMode)modes[mode], (ZydisStackWidth)widths[mode]);
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

enum sevc_result sevc_zydis_decode(const uint8_t *bytes, size_t limit, unsigned code_bits,
                                   struct sevc_unknown *unknown)
{
    ZydisDecoder decoder;
    ZydisDecoderContext context;
    ZydisDecodedInstruction zydis;
    ZyanStatus status;

    start_decoder(&decoder, code_bits);
    status = ZydisDecoderDecodeInstruction(&decoder, &context, bytes, limit, &zydis);
    if (status == ZYDIS_STATUS_NO_MORE_DATA)
        return SEVC_RETRY;
    if (!ZYAN_SUCCESS(status))
        return SEVC_BAD_INSN;

    unknown->length = zydis.length;
    unknown->map = map_of(&zydis);
    unknown->opcode = zydis.opcode;
    unknown->reg = zydis.raw.modrm.reg;
    unknown->vex = zydis.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY;
    unknown->memory = (zydis.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0 && zydis.raw.modrm.mod != 3;
    return SEVC_OK;
}
