/* SPDX-License-Identifier: MIT */
/*
 * sevc_decode(): bytes to meaning.
 *
 * The instructions that sevc gives a meaning are settled by the tables (opcodes.c): those with a fixed
 * opcode (CPUID, RDMSR, OUT, ...) by their prefixes and two or three bytes, accesses to memory by their
 * ModRM byte. The length and the definedness of everything else is Zydis's matter (zydis.c).
 */
#include "decode/halves.h"
#include "decode/parts.h"

/* The bytes end before the instruction does. Fifteen are as many as it may have. */
static enum sevc_result too_short(size_t limit)
{
    return limit < SEVC_INSN_MAX_BYTES ? SEVC_RETRY : SEVC_BAD_INSN;
}

static uint8_t width_of(uint8_t width, const struct sevc_prefixes *prefixes)
{
    /* By enum sevc_width, and by the operand size: 2, 4, 8. */
    static const uint8_t widths[SEVC_WIDTH_COUNT][3] = {
        [SEVC_WIDTH_1] = { 1, 1, 1 },        [SEVC_WIDTH_2] = { 2, 2, 2 },
        [SEVC_WIDTH_4] = { 4, 4, 4 },        [SEVC_WIDTH_OPERAND] = { 2, 4, 8 },
        [SEVC_WIDTH_2_OR_4] = { 2, 4, 4 },   [SEVC_WIDTH_4_OR_8] = { 4, 4, 8 },
        [SEVC_WIDTH_8_OR_16] = { 8, 8, 16 },
    };

    return widths[width][prefixes->operand_size];
}

/* What the row says, whatever the form. */
static void take_row(const struct sevc_opcode *row, const struct sevc_prefixes *prefixes,
                     struct sevc_insn *insn)
{
    insn->kind = row->kind;
    insn->data_bytes = width_of(row->data_bytes, prefixes);
    insn->register_bytes = width_of(row->register_bytes, prefixes);
    insn->sign_extend = (row->flags & SEVC_OPCODE_SIGNED) != 0;
    insn->byte_swap = (row->flags & SEVC_OPCODE_BYTE_SWAP) != 0;
    insn->to_register = (row->flags & SEVC_OPCODE_TO_REGISTER) != 0;
    insn->bit_offset = (row->flags & SEVC_OPCODE_BIT_OFFSET) != 0;
    insn->operation = row->operation;
    if (row->kind == SEVC_INSN_ALU)
        insn->source = row->source;
}

/* ---- fixed opcodes ---- */

#define NO_ROW SEVC_INSN_KIND_COUNT

/* Which instruction is 0F 01 with this ModRM byte? NO_ROW: not one of those in the table. */
static uint8_t group_7_kind(uint8_t modrm, const struct sevc_prefixes *prefixes)
{
    unsigned prefix = (prefixes->seen & SEVC_PREFIX_OPERAND_SIZE) != 0;

    if (prefixes->repeat)
        prefix = prefixes->repeat & 3; /* F2, F3 */
    for (unsigned i = 0; i < SEVC_GROUP_7_ROWS; i++) {
        if (sevc_group_7[i].modrm == modrm)
            return sevc_group_7[i].kinds[prefix];
    }
    return NO_ROW;
}

/* MOV to and from debug registers: always the register form (APM vol. 3, "MOV DRn"). */
static enum sevc_result decode_debug_register(uint8_t modrm, uint8_t rex, struct sevc_insn *insn)
{
    if (rex & SEVC_REX_R)
        return SEVC_BAD_INSN; /* DR8 to DR15 do not exist: #UD */
    insn->dr = (modrm >> 3) & 7;
    insn->reg = (uint8_t)((modrm & 7) | (rex & SEVC_REX_B ? 8 : 0));
    return SEVC_OK;
}

/* What prefixes make of an instruction; rDI is ES whatever they say. */
static void take_prefixes(const struct sevc_prefixes *prefixes, struct sevc_insn *insn)
{
    switch (insn->kind) {
    case SEVC_INSN_OUTS: /* the exit has it even where 64-bit mode ignores it */
        insn->segment = prefixes->segment == SEVC_NO_SEGMENT ? SEVC_DS : prefixes->segment;
        break;
    case SEVC_INSN_CMPS:
    case SEVC_INSN_MOVS:
    case SEVC_INSN_LODS:
    case SEVC_INSN_MONITOR:
    case SEVC_INSN_MONITORX:
        insn->segment = sevc_segment_of(prefixes, SEVC_DS);
        break;
    default:
        break;
    }
    if (prefixes->repeat == 0xF2)
        insn->repne = insn->kind == SEVC_INSN_CMPS || insn->kind == SEVC_INSN_SCAS;
    else if (prefixes->repeat != 0 && insn->kind == SEVC_INSN_WBINVD)
        insn->kind = SEVC_INSN_WBNOINVD;
}

/* Instructions that are settled by their opcode, or by the byte behind it. */
static enum sevc_result decode_fixed(const struct sevc_code *code, struct sevc_insn *insn)
{
    const struct sevc_opcode *row = code->row;
    const struct sevc_prefixes *prefixes = &code->prefixes;
    uint8_t last = code->bytes[code->next];

    insn->length = (uint8_t)(code->next + (row->form > SEVC_FORM_STRING));
    take_row(row, prefixes, insn);
    if (row->form == SEVC_FORM_GROUP_7) {
        insn->kind = group_7_kind(last, prefixes);
        if (insn->kind == NO_ROW)
            return SEVC_UNSUPPORTED;
    }
    if (insn->locked)
        return SEVC_BAD_INSN; /* #UD: none of them is one that LOCK could guard */
    take_prefixes(prefixes, insn);
    if (row->form == SEVC_FORM_DEBUG_REGISTER)
        return decode_debug_register(last, prefixes->rex, insn);
    insn->rep = row->form == SEVC_FORM_STRING && prefixes->repeat != 0;
    insn->port_immediate = row->form == SEVC_FORM_PORT;
    if (insn->port_immediate)
        insn->immediate = last;
    return SEVC_OK;
}

/* ---- memory operands ---- */

/*
 * The row that says what this form of the opcode means, or NULL: register forms, and what prefixes
 * make another instruction of.
 */
static const struct sevc_opcode *memory_row(const struct sevc_code *code, uint8_t modrm)
{
    const struct sevc_opcode *row = code->row;

    if (row->form != SEVC_FORM_OFFSET && modrm >= 0xC0)
        return NULL;
    if (row->form == SEVC_FORM_GROUP) {
        unsigned group = row->operation;

        group += group == SEVC_GROUP_0FAE && (code->prefixes.seen & SEVC_PREFIX_OPERAND_SIZE);
        row = &sevc_group_opcodes[group][modrm >> 3 & 7];
    }
    if (row->kind == SEVC_INSN_OTHER || (row->flags & code->prefixes.seen & SEVC_OPCODE_EXCLUDES))
        return NULL;
    return row;
}

/* AH, CH, DH and BH where no REX prefix makes SPL, BPL, SIL and DIL of them. */
static void name_register(uint8_t modrm, uint8_t rex, struct sevc_insn *insn)
{
    uint8_t reg = modrm >> 3 & 7;

    insn->high_byte = insn->register_bytes == 1 && rex == 0 && reg >= 4;
    if (insn->high_byte)
        reg &= 3;
    insn->reg = (uint8_t)(reg | (rex & SEVC_REX_R ? 8 : 0));
}

/* A0 to A3: the displacement is an offset, and has no sign. */
static void decode_offset(const struct sevc_code *code, struct sevc_insn *insn)
{
    uint64_t offset = sevc_quadword_at(code, code->next);

    insn->memory.displacement = (int64_t)(offset & ~0ull >> (64 - 8 * insn->address_bytes));
    insn->memory.segment = sevc_segment_of(&code->prefixes, SEVC_DS);
}

/* Instructions with a memory operand: those that an NPF exit may concern. */
static enum sevc_result decode_memory(const struct sevc_code *code, struct sevc_insn *insn)
{
    const struct sevc_prefixes *prefixes = &code->prefixes;
    uint8_t modrm = code->bytes[code->next];
    const struct sevc_opcode *row = memory_row(code, modrm);
    unsigned immediate, at;

    if (!row)
        return SEVC_UNSUPPORTED;
    take_row(row, prefixes, insn);
    insn->memory.base = SEVC_NO_REGISTER;
    insn->memory.index = SEVC_NO_REGISTER;
    insn->memory.scale = 1;
    if (row->form == SEVC_FORM_OFFSET) {
        decode_offset(code, insn);
        at = code->next + insn->address_bytes;
    } else {
        at = sevc_modrm_operand(code, code->next, &insn->memory);
        if (row->source == SEVC_SOURCE_REGISTER)
            name_register(modrm, prefixes->rex, insn);
    }
    immediate = width_of(row->immediate, prefixes);
    insn->immediate = (uint64_t)sevc_signed_at(code, at, immediate);
    insn->length = (uint8_t)(at + immediate);
    return SEVC_OK;
}

/* ---- the whole ---- */

/*
 * By the tables. SEVC_UNSUPPORTED: they do not have it, and of *INSN is valid what all instructions
 * have. LOCK is taken for granted where one may have it.
 */
static enum sevc_result decode(const uint8_t *bytes, size_t limit, unsigned code_bits,
                               struct sevc_insn *insn)
{
    struct sevc_code code;
    enum sevc_result result = SEVC_UNSUPPORTED;

    sevc_find_opcode(&code, bytes, limit, code_bits);
    *insn = (struct sevc_insn){
        .address_bytes = code.prefixes.address_bytes,
        .locked = (code.prefixes.seen & SEVC_PREFIX_LOCK) != 0,
    };
    if (code.row->form >= SEVC_FORM_MODRM)
        result = decode_memory(&code, insn);
    else if (code.row->form >= SEVC_FORM_IMPLIED)
        result = decode_fixed(&code, insn);
    else if (code.row->form == SEVC_FORM_EVEX)
        result = sevc_evex_decode(&code, insn);
    return result != SEVC_UNSUPPORTED && insn->length > limit ? too_short(limit) : result;
}

static size_t limit_of(size_t available_bytes)
{
    return available_bytes < SEVC_INSN_MAX_BYTES ? available_bytes : SEVC_INSN_MAX_BYTES;
}

enum sevc_result sevc_decode_known(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                                   struct sevc_insn *insn)
{
    enum sevc_result result = decode(bytes, limit_of(available_bytes), code_bits, insn);

    return result == SEVC_OK && insn->locked ? SEVC_UNSUPPORTED
                                             : result; /* Zydis knows if it may be */
}

enum sevc_result sevc_decode_rest(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                                  struct sevc_insn *insn)
{
    size_t limit = limit_of(available_bytes);
    struct sevc_unknown unknown;
    enum sevc_result result = sevc_zydis_decode(bytes, limit, code_bits, &unknown);

    if (result == SEVC_RETRY)
        return too_short(limit);
    if (result != SEVC_OK)
        return result;
    result = decode(bytes, limit, code_bits, insn);
    if (result == SEVC_UNSUPPORTED) {
        sevc_name_unknown(&unknown, insn);
        result = SEVC_OK;
    }
    return result;
}

enum sevc_result sevc_decode(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                             struct sevc_insn *insn)
{
    enum sevc_result result;

    if (code_bits != 64 && code_bits != 32 && code_bits != 16)
        return SEVC_INVALID;
    result = sevc_decode_known(bytes, available_bytes, code_bits, insn);
    if (result != SEVC_UNSUPPORTED)
        return result;
    return sevc_decode_rest(bytes, available_bytes, code_bits, insn);
}
