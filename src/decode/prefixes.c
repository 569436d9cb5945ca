/* SPDX-License-Identifier: MIT */
/* The prefixes of an instruction, and the row of the opcode behind them (APM vol. 3, 1.2). */
#include "decode/prefixes.h"

/*
 * 64-bit mode ignores the ES, CS, SS and DS overrides even where they follow one of FS or GS (APM
 * vol. 3, 1.2.4); else the last one counts.
 */
static void note_prefix(struct sevc_prefixes *prefixes, const struct sevc_opcode *row, uint8_t byte,
                        bool long_mode)
{
    prefixes->seen |= row->flags;
    if (row->flags == SEVC_PREFIX_REPEAT)
        prefixes->repeat = byte;
    if (row->flags == SEVC_PREFIX_SEGMENT) {
        bool ignored = long_mode && row->kind < SEVC_FS && prefixes->segment != SEVC_NO_SEGMENT &&
                       prefixes->segment >= SEVC_FS;
        if (!ignored)
            prefixes->segment = row->kind;
    }
}

/*
 * Collects the prefixes and returns the row of the byte that follows them, or NULL if there is
 * none. A REX prefix counts only directly before the opcode (APM vol. 3, 1.2.7).
 */
static const struct sevc_opcode *scan_prefixes(const uint8_t *bytes, size_t limit, bool long_mode,
                                               struct sevc_prefixes *prefixes)
{
    *prefixes = (struct sevc_prefixes){ .segment = SEVC_NO_SEGMENT };
    for (; prefixes->count < limit; prefixes->count++) {
        uint8_t byte = bytes[prefixes->count];
        const struct sevc_opcode *row = &sevc_one_byte_opcodes[byte];

        if (row->form == SEVC_FORM_PREFIX) {
            note_prefix(prefixes, row, byte, long_mode);
            prefixes->rex = 0;
        } else if (row->form == SEVC_FORM_REX && long_mode) {
            prefixes->rex = byte;
        } else {
            return row;
        }
    }
    return NULL;
}

const struct sevc_opcode *sevc_find_row(const uint8_t *bytes, size_t limit, unsigned code_bits,
                                        struct sevc_prefixes *prefixes, size_t *last)
{
    const struct sevc_opcode *row = scan_prefixes(bytes, limit, code_bits == 64, prefixes);

    *last = prefixes->count;
    if (row != NULL && row->form == SEVC_FORM_ESCAPE) {
        if (++*last == limit)
            return NULL;
        row = &sevc_two_byte_opcodes[bytes[*last]];
    }
    if (row != NULL && row->form == SEVC_FORM_ESCAPE_38) {
        if (++*last == limit)
            return NULL;
        if ((bytes[*last] & 0xFE) == 0xF0)
            row = &sevc_movbe_opcodes[bytes[*last] & 1];
    }
    return row;
}
