/* SPDX-License-Identifier: MIT */
/* The prefixes of an instruction, and the row of the opcode behind them (APM vol. 3, 1.2). */
#include "decode/parts.h"

/*
 * 64-bit mode ignores the ES, CS, SS and DS overrides even where they follow one of FS or GS (APM
 * vol. 3, 1.2.4); else the last one counts.
 */
static void note_prefix(struct sevc_prefixes *prefixes, const struct sevc_opcode *row, uint8_t byte)
{
    prefixes->seen |= row->flags;
    if (row->flags == SEVC_PREFIX_REPEAT)
        prefixes->repeat = byte;
    if (row->flags == SEVC_PREFIX_SEGMENT) {
        bool ignored = (prefixes->seen & SEVC_MODE_64) && row->kind < SEVC_FS &&
                       prefixes->segment != SEVC_NO_SEGMENT && prefixes->segment >= SEVC_FS;
        if (!ignored)
            prefixes->segment = row->kind;
    }
}

/*
 * Collects the prefixes, and returns the row of the byte that follows them. A REX prefix counts only
 * directly before the opcode (APM vol. 3, 1.2.7).
 */
static const struct sevc_opcode *scan(const uint8_t *bytes, struct sevc_prefixes *prefixes)
{
    for (;; prefixes->count++) {
        uint8_t byte = bytes[prefixes->count];
        const struct sevc_opcode *row = &sevc_one_byte_opcodes[byte];

        if (row->form == SEVC_FORM_PREFIX) {
            note_prefix(prefixes, row, byte);
            prefixes->rex = 0;
        } else if (row->form == SEVC_FORM_REX && (prefixes->seen & SEVC_MODE_64)) {
            prefixes->rex = byte;
        } else {
            return row;
        }
    }
}

static void set_sizes(struct sevc_prefixes *prefixes, unsigned code_bits)
{
    bool other_operand = (prefixes->seen & SEVC_PREFIX_OPERAND_SIZE) != 0;
    bool other_address = (prefixes->seen & SEVC_PREFIX_ADDRESS_SIZE) != 0;

    prefixes->operand_size = other_operand == (code_bits == 16);
    if (prefixes->rex & SEVC_REX_W)
        prefixes->operand_size = 2;
    prefixes->address_bytes = (uint8_t)(code_bits / 8);
    if (other_address)
        prefixes->address_bytes = code_bits == 32 ? 2 : 4;
}

void sevc_find_opcode(struct sevc_code *code, const uint8_t *bytes, size_t limit,
                      unsigned code_bits)
{
    const struct sevc_opcode *row;
    unsigned at;

    *code = (struct sevc_code){
        .prefixes = { .seen = code_bits == 64 ? SEVC_MODE_64 : SEVC_MODE_16_32,
                      .segment = SEVC_NO_SEGMENT },
    };
    for (size_t i = 0; i < limit; i++)
        code->bytes[i] = bytes[i];
    row = scan(code->bytes, &code->prefixes);
    set_sizes(&code->prefixes, code_bits);
    at = code->prefixes.count;
    if (row->form == SEVC_FORM_ESCAPE)
        row = &sevc_two_byte_opcodes[code->bytes[++at]];
    if (row->form == SEVC_FORM_ESCAPE_38 && (code->bytes[++at] & 0xFE) == 0xF0)
        row = &sevc_movbe_opcodes[code->bytes[at] & 1];
    code->row = row;
    code->next = at + 1;
}

uint8_t sevc_segment_of(const struct sevc_prefixes *prefixes, uint8_t usual)
{
    if (prefixes->segment == SEVC_NO_SEGMENT ||
        ((prefixes->seen & SEVC_MODE_64) && prefixes->segment < SEVC_FS))
        return usual;
    return prefixes->segment;
}
