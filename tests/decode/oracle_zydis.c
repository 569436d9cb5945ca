/* SPDX-License-Identifier: MIT */
#include <Zydis/Zydis.h>

#include <string.h>

#include "oracle.h"

static const struct {
    ZydisMnemonic mnemonic;
    uint8_t kind;
} fixed[] = {
    { ZYDIS_MNEMONIC_CPUID, SEVC_INSN_CPUID },     { ZYDIS_MNEMONIC_RDMSR, SEVC_INSN_RDMSR },
    { ZYDIS_MNEMONIC_WRMSR, SEVC_INSN_WRMSR },     { ZYDIS_MNEMONIC_RDTSC, SEVC_INSN_RDTSC },
    { ZYDIS_MNEMONIC_RDTSCP, SEVC_INSN_RDTSCP },   { ZYDIS_MNEMONIC_RDPMC, SEVC_INSN_RDPMC },
    { ZYDIS_MNEMONIC_INVD, SEVC_INSN_INVD },       { ZYDIS_MNEMONIC_WBINVD, SEVC_INSN_WBINVD },
    { ZYDIS_MNEMONIC_MONITOR, SEVC_INSN_MONITOR }, { ZYDIS_MNEMONIC_MONITORX, SEVC_INSN_MONITORX },
    { ZYDIS_MNEMONIC_MWAIT, SEVC_INSN_MWAIT },     { ZYDIS_MNEMONIC_MWAITX, SEVC_INSN_MWAITX },
    { ZYDIS_MNEMONIC_VMMCALL, SEVC_INSN_VMMCALL }, { ZYDIS_MNEMONIC_IN, SEVC_INSN_IN },
    { ZYDIS_MNEMONIC_OUT, SEVC_INSN_OUT },         { ZYDIS_MNEMONIC_INSB, SEVC_INSN_INS },
    { ZYDIS_MNEMONIC_INSW, SEVC_INSN_INS },        { ZYDIS_MNEMONIC_INSD, SEVC_INSN_INS },
    { ZYDIS_MNEMONIC_OUTSB, SEVC_INSN_OUTS },      { ZYDIS_MNEMONIC_OUTSW, SEVC_INSN_OUTS },
    { ZYDIS_MNEMONIC_OUTSD, SEVC_INSN_OUTS },
};

/* Work in the vector and x87 units, without a register operand that would say so. */
static const ZydisMnemonic unit_access[] = {
    ZYDIS_MNEMONIC_FXSAVE,          ZYDIS_MNEMONIC_FXSAVE64,        ZYDIS_MNEMONIC_FXRSTOR,
    ZYDIS_MNEMONIC_FXRSTOR64,       ZYDIS_MNEMONIC_LDMXCSR,         ZYDIS_MNEMONIC_STMXCSR,
    ZYDIS_MNEMONIC_XSAVE,           ZYDIS_MNEMONIC_XSAVE64,         ZYDIS_MNEMONIC_XRSTOR,
    ZYDIS_MNEMONIC_XRSTOR64,        ZYDIS_MNEMONIC_VLDMXCSR,        ZYDIS_MNEMONIC_VSTMXCSR,
    ZYDIS_MNEMONIC_FISTTP,          ZYDIS_MNEMONIC_CVTSD2SI,        ZYDIS_MNEMONIC_CVTTSD2SI,
    ZYDIS_MNEMONIC_CVTSS2SI,        ZYDIS_MNEMONIC_CVTTSS2SI,       ZYDIS_MNEMONIC_VCVTSD2SI,
    ZYDIS_MNEMONIC_VCVTTSD2SI,      ZYDIS_MNEMONIC_VCVTSS2SI,       ZYDIS_MNEMONIC_VCVTTSS2SI,
    ZYDIS_MNEMONIC_AESENCWIDE128KL, ZYDIS_MNEMONIC_AESENCWIDE256KL, ZYDIS_MNEMONIC_AESDECWIDE128KL,
    ZYDIS_MNEMONIC_AESDECWIDE256KL,
};

static bool is_memory(const ZydisDecodedOperand *operand)
{
    return operand->type == ZYDIS_OPERAND_TYPE_MEMORY;
}

static bool is_register(const ZydisDecodedOperand *operand)
{
    return operand->type == ZYDIS_OPERAND_TYPE_REGISTER;
}

static bool is_general(const ZydisDecodedOperand *operand)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(operand->reg.value);

    return is_register(operand) && class >= ZYDIS_REGCLASS_GPR8 && class <= ZYDIS_REGCLASS_GPR64;
}

static uint8_t number_of(ZydisRegister reg)
{
    return reg == ZYDIS_REGISTER_NONE ? SEVC_NO_REGISTER : (uint8_t)ZydisRegisterGetId(reg);
}

static void set_general(const ZydisDecodedOperand *operand, struct sevc_insn *insn)
{
    ZydisRegister reg = operand->reg.value;

    if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH) {
        insn->high_byte = true;
        insn->reg = (uint8_t)(reg - ZYDIS_REGISTER_AH);
    } else if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_BL) {
        insn->reg = (uint8_t)(reg - ZYDIS_REGISTER_AL);
    } else if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B) {
        insn->reg = (uint8_t)(reg - ZYDIS_REGISTER_SPL + 4);
    } else {
        insn->reg = number_of(reg);
    }
    insn->register_bytes = (uint8_t)(operand->size / 8);
}

static void set_memory(const ZydisDecodedInstruction *zydis, const ZydisDecodedOperand *operand,
                       struct sevc_insn *insn)
{
    struct sevc_memory_operand *memory = &insn->memory;

    insn->data_bytes = (uint8_t)(operand->size / 8);
    memory->rip_relative =
        operand->mem.base == ZYDIS_REGISTER_RIP || operand->mem.base == ZYDIS_REGISTER_EIP;
    memory->base = memory->rip_relative ? SEVC_NO_REGISTER : number_of(operand->mem.base);
    memory->index = number_of(operand->mem.index);
    memory->scale = memory->index == SEVC_NO_REGISTER ? 1 : operand->mem.scale;
    memory->displacement = operand->mem.disp.value;
    if (!(zydis->attributes & ZYDIS_ATTRIB_HAS_MODRM) && zydis->raw.disp.size <= 32)
        memory->displacement &= (1ll << zydis->raw.disp.size) - 1; /* A0 to A3: no sign */
    memory->segment = (uint8_t)ZydisRegisterGetId(operand->mem.segment);
}

static bool is_vector_register(const ZydisDecodedOperand *operand)
{
    switch (is_register(operand) ? ZydisRegisterGetClass(operand->reg.value) : 0) {
    case ZYDIS_REGCLASS_X87:
    case ZYDIS_REGCLASS_MMX:
    case ZYDIS_REGCLASS_XMM:
    case ZYDIS_REGCLASS_YMM:
    case ZYDIS_REGCLASS_ZMM:
    case ZYDIS_REGCLASS_MASK:
        return true;
    default:
        return false;
    }
}

static bool is_vector(const ZydisDecodedInstruction *zydis, const ZydisDecodedOperand *operands)
{
    bool memory = false;
    bool vector = zydis->meta.isa_ext == ZYDIS_ISA_EXT_X87 ||
                  zydis->encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX;

    for (size_t i = 0; i < sizeof(unit_access) / sizeof(unit_access[0]); i++)
        vector |= zydis->mnemonic == unit_access[i];
    for (unsigned i = 0; i < zydis->operand_count_visible; i++) {
        memory |= is_memory(&operands[i]);
        vector |= is_vector_register(&operands[i]);
    }
    return memory && vector;
}

/* MOV, MOVZX, MOVSX, MOVSXD; a MOV of a segment or control register is nobody's. */
static void mean_move(const ZydisDecodedInstruction *zydis, const ZydisDecodedOperand *operands,
                      struct sevc_insn *insn)
{
    const ZydisDecodedOperand *to = &operands[0], *from = &operands[1];

    if (is_register(to) && ZydisRegisterGetClass(to->reg.value) == ZYDIS_REGCLASS_DEBUG) {
        insn->kind = SEVC_INSN_WRITE_DR;
        insn->dr = number_of(to->reg.value);
        insn->reg = number_of(from->reg.value);
    } else if (is_register(from) &&
               ZydisRegisterGetClass(from->reg.value) == ZYDIS_REGCLASS_DEBUG) {
        insn->kind = SEVC_INSN_READ_DR;
        insn->dr = number_of(from->reg.value);
        insn->reg = number_of(to->reg.value);
    } else if (is_general(to) && is_memory(from)) {
        insn->kind = SEVC_INSN_LOAD;
        set_general(to, insn);
        set_memory(zydis, from, insn);
        insn->sign_extend =
            zydis->mnemonic == ZYDIS_MNEMONIC_MOVSX || zydis->mnemonic == ZYDIS_MNEMONIC_MOVSXD;
    } else if (is_memory(to) && is_general(from)) {
        insn->kind = SEVC_INSN_STORE;
        set_general(from, insn);
        set_memory(zydis, to, insn);
    } else if (is_memory(to) && from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        insn->kind = SEVC_INSN_STORE_IMM;
        insn->immediate = from->imm.value.u;
        set_memory(zydis, to, insn);
    }
}

static void mean_io(const ZydisDecodedInstruction *zydis, const ZydisDecodedOperand *operands,
                    struct sevc_insn *insn)
{
    bool in = insn->kind == SEVC_INSN_IN || insn->kind == SEVC_INSN_INS;
    const ZydisDecodedOperand *data = &operands[in ? 0 : 1], *port = &operands[in ? 1 : 0];

    insn->data_bytes = (uint8_t)(data->size / 8);
    insn->port_immediate = port->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    insn->immediate = insn->port_immediate ? port->imm.value.u & 0xFF : 0;
    if (!is_memory(data))
        return;
    insn->segment = (uint8_t)ZydisRegisterGetId(data->mem.segment);
    for (unsigned i = 0; i < zydis->raw.prefix_count; i++)
        insn->rep |= (zydis->raw.prefixes[i].value & 0xFE) == 0xF2;
}

static void mean(const ZydisDecodedInstruction *zydis, const ZydisDecodedOperand *operands,
                 struct sevc_insn *insn)
{
    insn->length = zydis->length;
    insn->address_bytes = zydis->address_width / 8;
    insn->locked = (zydis->attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (zydis->mnemonic == fixed[i].mnemonic)
            insn->kind = fixed[i].kind;
    }
    if (insn->kind >= SEVC_INSN_IN && insn->kind <= SEVC_INSN_OUTS)
        mean_io(zydis, operands, insn);
    if (zydis->mnemonic == ZYDIS_MNEMONIC_MOV || zydis->mnemonic == ZYDIS_MNEMONIC_MOVZX ||
        zydis->mnemonic == ZYDIS_MNEMONIC_MOVSX || zydis->mnemonic == ZYDIS_MNEMONIC_MOVSXD)
        mean_move(zydis, operands, insn);
    if (is_vector(zydis, operands))
        insn->kind = SEVC_INSN_VECTOR;
}

static void start(ZydisDecoder *decoder, unsigned code_bits)
{
    switch (code_bits) {
    case 64:
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        break;
    case 32:
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
        break;
    default:
        ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16);
        break;
    }
    ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_AMD_BRANCHES, ZYAN_TRUE);
    ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_WBNOINVD, ZYAN_TRUE);
}

void oracle_decode(const uint8_t *bytes, size_t available, unsigned code_bits, struct oracle *out)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction zydis;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZyanStatus status;

    memset(out, 0, sizeof(*out));
    out->mnemonic = "";
    start(&decoder, code_bits);
    status = ZydisDecoderDecodeFull(&decoder, bytes, available, &zydis, operands);
    if (ZYAN_SUCCESS(status)) {
        out->result = SEVC_OK;
        out->mnemonic = ZydisMnemonicGetString(zydis.mnemonic);
        mean(&zydis, operands, &out->insn);
    } else {
        out->result = status == ZYDIS_STATUS_NO_MORE_DATA ? SEVC_RETRY : SEVC_BAD_INSN;
    }
}
