/* SPDX-License-Identifier: MIT */
/*
 * sevc_decode(): bytes to meaning.
 *
 * The instructions with a fixed opcode (CPUID, RDMSR, OUT, ...) are settled by their prefixes and
 * two or three bytes, without a general decoder: they are the ones whose exits are counted in
 * instructions. So are the accesses to memory that the table knows: operand.c takes them apart.
 * The length and the definedness of everything else is Zydis's matter (zydis.c).
 */
#include "decode/halves.h"
#include "decode/parts.h"
#include "decode/prefixes.h"

/* Word by word: as a whole it would become REP STOS, whose start alone costs more than the rest. */
static inline __attribute__((always_inline)) void clear(struct sevc_insn *insn)
{
    uint8_t *bytes = (uint8_t *)insn;

    _Static_assert(sizeof(*insn) == 6 * sizeof(uint64_t), "clear() has a line for each word");
    __builtin_memset(bytes, 0, 8);
    __builtin_memset(bytes + 8, 0, 8);
    __builtin_memset(bytes + 16, 0, 8);
    __builtin_memset(bytes + 24, 0, 8);
    __builtin_memset(bytes + 32, 0, 8);
    __builtin_memset(bytes + 40, 0, 8);
}

/* The bytes end before the instruction does. Fifteen are as many as it may have. */
static enum sevc_result too_short(size_t limit)
{
    return limit < SEVC_INSN_MAX_BYTES ? SEVC_RETRY : SEVC_BAD_INSN;
}

/* Which instruction is 0F 01 with this ModRM byte? False: not one of those in the table. */
static bool group_7_kind(uint8_t modrm, const struct sevc_prefixes *prefixes, uint8_t *kind)
{
    for (size_t i = 0; i < SEVC_GROUP_7_ROWS; i++) {
        const struct sevc_group_7 *row = &sevc_group_7[i];

        if (row->modrm != modrm)
            continue;
        if (prefixes->repeat)
            *kind = prefixes->repeat == 0xF3 ? row->with_f3 : row->with_f2;
        else
            *kind = prefixes->seen & SEVC_PREFIX_OPERAND_SIZE ? row->with_66 : row->plain;
        return true;
    }
    return false;
}

/* MOV to and from debug registers: always the register form (APM vol. 3, "MOV DRn"). */
static enum sevc_result decode_debug_register(uint8_t modrm, const struct sevc_prefixes *prefixes,
                                              struct sevc_insn *insn)
{
    if (prefixes->rex & SEVC_REX_R)
        return SEVC_BAD_INSN; /* DR8 to DR15 do not exist: #UD */
    insn->dr = (modrm >> 3) & 7;
    insn->reg = (uint8_t)((modrm & 7) | (prefixes->rex & SEVC_REX_B ? 8 : 0));
    return SEVC_OK;
}

/* There are no 64-bit ports; REX.W is ignored (APM vol. 3, "IN"). */
static uint8_t port_bytes(const struct sevc_opcode *row, const struct sevc_prefixes *prefixes,
                          unsigned code_bits)
{
    if (row->data_bytes != SEVC_WIDTH_OPERAND) {
        return row->data_bytes;
    }
    return operand_bytes(prefixes, code_bits) == 2 ? 2 : 4;
}

/* Strings in memory and at ports; rDI is ES whatever the prefixes say. */
static void decode_string(const struct sevc_opcode *row, const struct sevc_prefixes *prefixes,
                          unsigned code_bits, struct sevc_insn *insn)
{
    insn->data_bytes = row->data_bytes ? row->data_bytes : operand_bytes(prefixes, code_bits);
    insn->rep = prefixes->repeat != 0;
    switch (row->kind) {
    case SEVC_INSN_OUTS:
        insn->data_bytes = port_bytes(row, prefixes, code_bits);
        insn->segment = prefixes->segment == SEVC_NO_SEGMENT ? SEVC_DS : prefixes->segment;
        break;
    case SEVC_INSN_INS:
        insn->data_bytes = port_bytes(row, prefixes, code_bits);
        insn->segment = SEVC_ES;
        break;
    case SEVC_INSN_SCAS:
    case SEVC_INSN_CMPS:
        insn->repne = prefixes->repeat == 0xF2;
        insn->segment = row->kind == SEVC_INSN_SCAS ? SEVC_ES : source_segment(prefixes, code_bits);
        break;
    case SEVC_INSN_STOS:
        insn->segment = SEVC_ES;
        break;
    default: /* MOVS, LODS */
        insn->segment = source_segment(prefixes, code_bits);
        break;
    }
}

/* Instructions that are settled by the byte at LAST, the opcode's own or the one behind it. */
static enum sevc_result decode_fixed(const uint8_t *last, const struct sevc_opcode *row,
                                     const struct sevc_prefixes *prefixes, unsigned code_bits,
                                     struct sevc_insn *insn)
{
    if (prefixes->seen & SEVC_PREFIX_LOCK)
        return SEVC_BAD_INSN; /* #UD: none of them is one that LOCK could guard */
    if (row->form == SEVC_FORM_STRING) {
        decode_string(row, prefixes, code_bits, insn);
        return SEVC_OK;
    }

    switch (insn->kind) {
    case SEVC_INSN_READ_DR:
    case SEVC_INSN_WRITE_DR:
        return decode_debug_register(*last, prefixes, insn);
    case SEVC_INSN_IN:
    case SEVC_INSN_OUT:
        insn->data_bytes = port_bytes(row, prefixes, code_bits);
        insn->port_immediate = row->form == SEVC_FORM_PORT;
        insn->immediate = insn->port_immediate ? *last : 0;
        return SEVC_OK;
    case SEVC_INSN_MONITOR:
    case SEVC_INSN_MONITORX:
        insn->segment = source_segment(prefixes, code_bits);
        return SEVC_OK;
    case SEVC_INSN_WBINVD:
        if (prefixes->repeat == 0xF3)
            insn->kind = SEVC_INSN_WBNOINVD;
        return SEVC_OK;
    default:
        return SEVC_OK;
    }
}

/* AH, CH, DH and BH where no REX prefix makes SPL, BPL, SIL and DIL of them. */
static void name_byte_register(const struct sevc_prefixes *prefixes, struct sevc_insn *insn)
{
    if (prefixes->rex || insn->reg < 4)
        return;
    insn->high_byte = true;
    insn->reg &= 3;
}

/* Instructions with a memory operand: those that an NPF exit may concern. */
static void decode_memory(const struct sevc_parts *parts, const struct sevc_opcode *row,
                          const struct sevc_prefixes *prefixes, unsigned code_bits,
                          struct sevc_insn *insn)
{
    /* By enum sevc_width, and by the operand size: 2, 4, 8. */
    static const uint8_t widths[SEVC_WIDTH_COUNT][3] = {
        [SEVC_WIDTH_OPERAND] = { 2, 4, 8 }, [SEVC_WIDTH_1] = { 1, 1, 1 },
        [SEVC_WIDTH_2] = { 2, 2, 2 },       [SEVC_WIDTH_4] = { 4, 4, 4 },
        [SEVC_WIDTH_4_OR_8] = { 4, 4, 8 },  [SEVC_WIDTH_8_OR_16] = { 8, 8, 16 },
    };
    unsigned operand = operand_bytes(prefixes, code_bits) / 4;

    insn->kind = row->kind;
    insn->data_bytes = widths[row->data_bytes][operand];
    insn->register_bytes = widths[row->register_bytes][operand];
    insn->sign_extend = (row->flags & SEVC_OPCODE_SIGNED) != 0;
    insn->byte_swap = (row->flags & SEVC_OPCODE_BYTE_SWAP) != 0;
    if (row->kind == SEVC_INSN_ALU) {
        insn->operation = row->operation;
        insn->source = row->source;
        insn->to_register = (row->flags & SEVC_OPCODE_TO_REGISTER) != 0;
        insn->bit_offset = (row->flags & SEVC_OPCODE_BIT_OFFSET) != 0;
    }
    if (row->source == SEVC_SOURCE_IMMEDIATE) {
        insn->immediate = parts->immediate;
    } else if (row->source == SEVC_SOURCE_REGISTER && row->form == SEVC_FORM_MODRM) {
        insn->reg = (uint8_t)(parts->reg | (prefixes->rex & SEVC_REX_R ? 8 : 0));
        if (insn->register_bytes == 1) {
            name_byte_register(prefixes, insn);
        }
    }
    sevc_memory_operand(parts, prefixes, code_bits, insn->address_bytes, &insn->memory);
}

/*
 * The row that says what this form of the opcode means, or NULL: register forms, and what prefixes
 * make another instruction of.
 */
static const struct sevc_opcode *memory_row(const struct sevc_opcode *row, bool memory, uint8_t reg,
                                            const struct sevc_prefixes *prefixes,
                                            unsigned code_bits)
{
    if (row->form < SEVC_FORM_MODRM || (row->form != SEVC_FORM_OFFSET && !memory)) {
        return NULL;
    }
    if (row->form == SEVC_FORM_GROUP) {
        unsigned group = row->operation;

        group += group == SEVC_GROUP_0FAE && (prefixes->seen & SEVC_PREFIX_OPERAND_SIZE);
        row = &sevc_group_opcodes[group][reg];
    }
    if (row->kind == SEVC_INSN_OTHER || (row->flags & foreign_flags(prefixes, code_bits))) {
        return NULL;
    }
    return row;
}

/*
 * What the table knows, without Zydis. NEXT: index of the byte behind the opcode. False: not known,
 * or with a LOCK that may be undefined.
 */
static bool decode_known(const uint8_t *bytes, size_t limit, size_t next,
                         const struct sevc_opcode *row, const struct sevc_prefixes *prefixes,
                         unsigned code_bits, struct sevc_insn *insn, enum sevc_result *result)
{
    struct sevc_parts parts;
    unsigned immediate;

    if (row->form < SEVC_FORM_MODRM || insn->locked) {
        return false;
    }
    if (row->form == SEVC_FORM_OFFSET) {
        *result = sevc_offset_parts(bytes, limit, next, insn->address_bytes, &parts);
    } else {
        if (next == limit) {
            *result = too_short(limit);
            return true;
        }
        row = memory_row(row, bytes[next] < 0xC0, bytes[next] >> 3 & 7, prefixes, code_bits);
        if (!row) {
            return false;
        }
        immediate = row->immediate;
        if (immediate == 4 && operand_bytes(prefixes, code_bits) == 2) {
            immediate = 2;
        }
        *result = sevc_modrm_parts(bytes, limit, next, insn->address_bytes, immediate, &parts);
    }
    if (*result != SEVC_OK) {
        *result = too_short(limit);
        return true;
    }
    insn->length = parts.length;
    decode_memory(&parts, row, prefixes, code_bits, insn);
    return true;
}

static void start(const struct sevc_prefixes *prefixes, unsigned code_bits, struct sevc_insn *insn)
{
    clear(insn);
    insn->address_bytes = address_bytes(prefixes, code_bits);
    insn->locked = (prefixes->seen & SEVC_PREFIX_LOCK) != 0;
}

/* Every form that the tables have, with every prefix. */
static __attribute__((noinline)) enum sevc_result decode_any(const uint8_t *bytes, size_t limit,
                                                             unsigned code_bits,
                                                             struct sevc_insn *insn)
{
    struct sevc_prefixes prefixes;
    size_t last; /* index of the byte that settles a fixed opcode */
    const struct sevc_opcode *row = sevc_find_row(bytes, limit, code_bits, &prefixes, &last);
    enum sevc_result result;
    uint8_t kind;

    if (!row)
        return too_short(limit);
    start(&prefixes, code_bits, insn);
    if (decode_known(bytes, limit, last + 1, row, &prefixes, code_bits, insn, &result))
        return result;
    if (row->form < SEVC_FORM_IMPLIED || row->form > SEVC_FORM_GROUP_7)
        return SEVC_UNSUPPORTED;
    if (row->form > SEVC_FORM_STRING && ++last == limit)
        return too_short(limit);
    kind = row->kind;
    if (row->form == SEVC_FORM_GROUP_7 && !group_7_kind(bytes[last], &prefixes, &kind))
        return SEVC_UNSUPPORTED;
    insn->kind = kind;
    insn->length = (uint8_t)(last + 1);
    return decode_fixed(&bytes[last], row, &prefixes, code_bits, insn);
}

/*
 * The short way for what raises most #VCs: CPUID, RDMSR, WRMSR, RDTSC, IN and OUT by DX, without
 * a prefix. It gives what decode_any() would, in a third of the instructions. False: not one of
 * them.
 */
static bool decode_bare(const uint8_t *bytes, size_t limit, unsigned code_bits,
                        struct sevc_insn *insn)
{
    const struct sevc_opcode *row;
    uint8_t length = 1;

    if (limit < 2)
        return false;
    row = &sevc_one_byte_opcodes[bytes[0]];
    if (row->form == SEVC_FORM_ESCAPE) {
        row = &sevc_two_byte_opcodes[bytes[1]];
        length = 2;
    }
    if (row->form != SEVC_FORM_IMPLIED)
        return false;
    clear(insn);
    insn->kind = row->kind;
    insn->length = length;
    insn->address_bytes = (uint8_t)(code_bits / 8);
    insn->data_bytes = row->data_bytes;
    if (length == 1 && row->data_bytes == 0)
        insn->data_bytes = code_bits == 16 ? 2 : 4;
    return true;
}

static size_t limit_of(size_t available_bytes)
{
    return available_bytes < SEVC_INSN_MAX_BYTES ? available_bytes : SEVC_INSN_MAX_BYTES;
}

enum sevc_result sevc_decode_known(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                                   struct sevc_insn *insn)
{
    size_t limit = limit_of(available_bytes);

    if (decode_bare(bytes, limit, code_bits, insn))
        return SEVC_OK;
    return decode_any(bytes, limit, code_bits, insn);
}

enum sevc_result sevc_decode_rest(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                                  struct sevc_insn *insn)
{
    size_t limit = limit_of(available_bytes);
    struct sevc_prefixes prefixes;
    struct sevc_parts parts;
    enum sevc_result result;
    size_t last;
    const struct sevc_opcode *row = sevc_find_row(bytes, limit, code_bits, &prefixes, &last);

    if (!row)
        return too_short(limit);
    start(&prefixes, code_bits, insn);
    if (sevc_is_evex(bytes, limit, &prefixes, code_bits))
        result = sevc_evex_parts(bytes, limit, &prefixes, insn->address_bytes, &parts);
    else
        result = sevc_zydis_parts(bytes, limit, code_bits, &parts);
    if (result == SEVC_RETRY)
        return too_short(limit);
    if (result != SEVC_OK)
        return result;

    insn->length = parts.length;
    row = memory_row(row, parts.memory, parts.reg, &prefixes, code_bits);
    if (row)
        decode_memory(&parts, row, &prefixes, code_bits, insn);
    else if (parts.memory && sevc_is_vector(&parts))
        insn->kind = SEVC_INSN_VECTOR;
    else
        insn->kind = SEVC_INSN_OTHER;
    return SEVC_OK;
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
