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

static const ZydisMnemonic moves[] = {
    ZYDIS_MNEMONIC_MOV,    ZYDIS_MNEMONIC_MOVZX,  ZYDIS_MNEMONIC_MOVSX,
    ZYDIS_MNEMONIC_MOVSXD, ZYDIS_MNEMONIC_MOVNTI, ZYDIS_MNEMONIC_MOVBE,
};

/* The one-byte map's: SSE has a MOVSD and a CMPSD of its own. */
static const struct {
    ZydisMnemonic mnemonic;
    uint8_t kind;
} strings[] = {
    { ZYDIS_MNEMONIC_MOVSB, SEVC_INSN_MOVS }, { ZYDIS_MNEMONIC_MOVSW, SEVC_INSN_MOVS },
    { ZYDIS_MNEMONIC_MOVSD, SEVC_INSN_MOVS }, { ZYDIS_MNEMONIC_MOVSQ, SEVC_INSN_MOVS },
    { ZYDIS_MNEMONIC_STOSB, SEVC_INSN_STOS }, { ZYDIS_MNEMONIC_STOSW, SEVC_INSN_STOS },
    { ZYDIS_MNEMONIC_STOSD, SEVC_INSN_STOS }, { ZYDIS_MNEMONIC_STOSQ, SEVC_INSN_STOS },
    { ZYDIS_MNEMONIC_LODSB, SEVC_INSN_LODS }, { ZYDIS_MNEMONIC_LODSW, SEVC_INSN_LODS },
    { ZYDIS_MNEMONIC_LODSD, SEVC_INSN_LODS }, { ZYDIS_MNEMONIC_LODSQ, SEVC_INSN_LODS },
    { ZYDIS_MNEMONIC_CMPSB, SEVC_INSN_CMPS }, { ZYDIS_MNEMONIC_CMPSW, SEVC_INSN_CMPS },
    { ZYDIS_MNEMONIC_CMPSD, SEVC_INSN_CMPS }, { ZYDIS_MNEMONIC_CMPSQ, SEVC_INSN_CMPS },
    { ZYDIS_MNEMONIC_SCASB, SEVC_INSN_SCAS }, { ZYDIS_MNEMONIC_SCASW, SEVC_INSN_SCAS },
    { ZYDIS_MNEMONIC_SCASD, SEVC_INSN_SCAS }, { ZYDIS_MNEMONIC_SCASQ, SEVC_INSN_SCAS },
};

/* With a memory operand only; VALUE: enum sevc_alu_operation, or data bytes. */
static const struct {
    ZydisMnemonic mnemonic;
    uint8_t kind, value;
} with_memory[] = {
    { ZYDIS_MNEMONIC_ADD, SEVC_INSN_ALU, SEVC_ALU_ADD },
    { ZYDIS_MNEMONIC_OR, SEVC_INSN_ALU, SEVC_ALU_OR },
    { ZYDIS_MNEMONIC_ADC, SEVC_INSN_ALU, SEVC_ALU_ADC },
    { ZYDIS_MNEMONIC_SBB, SEVC_INSN_ALU, SEVC_ALU_SBB },
    { ZYDIS_MNEMONIC_AND, SEVC_INSN_ALU, SEVC_ALU_AND },
    { ZYDIS_MNEMONIC_SUB, SEVC_INSN_ALU, SEVC_ALU_SUB },
    { ZYDIS_MNEMONIC_XOR, SEVC_INSN_ALU, SEVC_ALU_XOR },
    { ZYDIS_MNEMONIC_CMP, SEVC_INSN_ALU, SEVC_ALU_CMP },
    { ZYDIS_MNEMONIC_TEST, SEVC_INSN_ALU, SEVC_ALU_TEST },
    { ZYDIS_MNEMONIC_NOT, SEVC_INSN_ALU, SEVC_ALU_NOT },
    { ZYDIS_MNEMONIC_NEG, SEVC_INSN_ALU, SEVC_ALU_NEG },
    { ZYDIS_MNEMONIC_INC, SEVC_INSN_ALU, SEVC_ALU_INC },
    { ZYDIS_MNEMONIC_DEC, SEVC_INSN_ALU, SEVC_ALU_DEC },
    { ZYDIS_MNEMONIC_BT, SEVC_INSN_ALU, SEVC_ALU_BT },
    { ZYDIS_MNEMONIC_BTS, SEVC_INSN_ALU, SEVC_ALU_BTS },
    { ZYDIS_MNEMONIC_BTR, SEVC_INSN_ALU, SEVC_ALU_BTR },
    { ZYDIS_MNEMONIC_BTC, SEVC_INSN_ALU, SEVC_ALU_BTC },
    { ZYDIS_MNEMONIC_CLFLUSH, SEVC_INSN_HINT, 1 },
    { ZYDIS_MNEMONIC_CLFLUSHOPT, SEVC_INSN_HINT, 1 },
    { ZYDIS_MNEMONIC_CLWB, SEVC_INSN_HINT, 1 },
    { ZYDIS_MNEMONIC_PREFETCH, SEVC_INSN_HINT, 0 },
    { ZYDIS_MNEMONIC_PREFETCHW, SEVC_INSN_HINT, 0 },
    { ZYDIS_MNEMONIC_PREFETCHWT1, SEVC_INSN_HINT, 0 },
    { ZYDIS_MNEMONIC_PREFETCHNTA, SEVC_INSN_HINT, 0 },
    { ZYDIS_MNEMONIC_PREFETCHT0, SEVC_INSN_HINT, 0 },
    { ZYDIS_MNEMONIC_PREFETCHT1, SEVC_INSN_HINT, 0 },
    { ZYDIS_MNEMONIC_PREFETCHT2, SEVC_INSN_HINT, 0 },
    { ZYDIS_MNEMONIC_XCHG, SEVC_INSN_ATOMIC, 0 },
    { ZYDIS_MNEMONIC_CMPXCHG, SEVC_INSN_ATOMIC, 0 },
    { ZYDIS_MNEMONIC_XADD, SEVC_INSN_ATOMIC, 0 },
    { ZYDIS_MNEMONIC_CMPXCHG8B, SEVC_INSN_ATOMIC, 0 },
    { ZYDIS_MNEMONIC_CMPXCHG16B, SEVC_INSN_ATOMIC, 0 },
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

/* MOV, MOVZX, MOVSX, MOVSXD, MOVNTI, MOVBE; a MOV of a segment or control register is nobody's. */
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
    insn->byte_swap = zydis->mnemonic == ZYDIS_MNEMONIC_MOVBE;
}

static void set_repeat(const ZydisDecodedInstruction *zydis, struct sevc_insn *insn)
{
    for (unsigned i = 0; i < zydis->raw.prefix_count; i++)
        insn->rep |= (zydis->raw.prefixes[i].value & 0xFE) == 0xF2;
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
    set_repeat(zydis, insn);
}

/* The segment is that of rSI where there is one, else that of rDI. */
static void mean_string(const ZydisDecodedInstruction *zydis, const ZydisDecodedOperand *operands,
                        struct sevc_insn *insn)
{
    for (unsigned i = 0; i < zydis->operand_count; i++) {
        const ZydisDecodedOperand *operand = &operands[i];

        if (!is_memory(operand))
            continue;
        insn->data_bytes = (uint8_t)(operand->size / 8);
        if (number_of(operand->mem.base) == SEVC_RSI || insn->kind == SEVC_INSN_STOS ||
            insn->kind == SEVC_INSN_SCAS)
            insn->segment = (uint8_t)ZydisRegisterGetId(operand->mem.segment);
    }
    set_repeat(zydis, insn);
    if (insn->kind == SEVC_INSN_CMPS || insn->kind == SEVC_INSN_SCAS)
        insn->repne = (zydis->attributes & ZYDIS_ATTRIB_HAS_REPNE) != 0;
}

static uint64_t signed_immediate(const ZydisDecodedInstruction *zydis)
{
    uint64_t value = zydis->raw.imm[0].value.u;

    switch (zydis->raw.imm[0].size) {
    case 8:
        return (uint64_t)(int8_t)value;
    case 16:
        return (uint64_t)(int16_t)value;
    default:
        return (uint64_t)(int32_t)value;
    }
}

static void mean_alu(const ZydisDecodedInstruction *zydis, const ZydisDecodedOperand *operands,
                     struct sevc_insn *insn)
{
    const ZydisDecodedOperand *other = &operands[is_memory(&operands[0]) ? 1 : 0];

    insn->to_register = !is_memory(&operands[0]);
    if (zydis->operand_count_visible == 1)
        return;
    if (is_register(other)) {
        insn->source = SEVC_SOURCE_REGISTER;
        set_general(other, insn);
        insn->bit_offset = insn->operation >= SEVC_ALU_BT;
    } else {
        insn->source = SEVC_SOURCE_IMMEDIATE;
        insn->immediate = signed_immediate(zydis);
    }
}

static void mean_with_memory(const ZydisDecodedInstruction *zydis,
                             const ZydisDecodedOperand *operands, struct sevc_insn *insn)
{
    const ZydisDecodedOperand *memory = &operands[0];

    if (zydis->operand_count_visible > 1 && !is_memory(memory))
        memory = &operands[1];
    if (!is_memory(memory))
        return;
    for (size_t i = 0; i < sizeof(with_memory) / sizeof(with_memory[0]); i++) {
        if (zydis->mnemonic != with_memory[i].mnemonic)
            continue;
        insn->kind = with_memory[i].kind;
        set_memory(zydis, memory, insn);
        if (insn->kind == SEVC_INSN_HINT)
            insn->data_bytes = with_memory[i].value;
        if (insn->kind == SEVC_INSN_ALU) {
            insn->operation = with_memory[i].value;
            mean_alu(zydis, operands, insn);
        }
    }
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
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (zydis->mnemonic == strings[i].mnemonic && zydis->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
            insn->kind = strings[i].kind;
    }
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
        if (zydis->mnemonic == moves[i])
            mean_move(zydis, operands, insn);
    }
    if (insn->kind >= SEVC_INSN_IN && insn->kind <= SEVC_INSN_OUTS)
        mean_io(zydis, operands, insn);
    else if (insn->kind >= SEVC_INSN_MOVS && insn->kind <= SEVC_INSN_SCAS)
        mean_string(zydis, operands, insn);
    else if (insn->kind == SEVC_INSN_OTHER)
        mean_with_memory(zydis, operands, insn);
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
