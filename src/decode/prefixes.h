/* SPDX-License-Identifier: MIT */
/* What follows from the prefixes of an instruction: sizes and segment (APM vol. 3, 1.2). */
#ifndef SEVC_DECODE_PREFIXES_H
#define SEVC_DECODE_PREFIXES_H

#include "decode/parts.h"

/*
 * prefixes.c: fills in *PREFIXES, and returns the row of the opcode, *LAST being the index of its last
 * byte: NULL if the bytes end before.
 */
const struct sevc_opcode *sevc_find_row(const uint8_t *bytes, size_t limit, unsigned code_bits,
                                        struct sevc_prefixes *prefixes, size_t *last);

static inline uint8_t operand_bytes(const struct sevc_prefixes *prefixes, unsigned code_bits)
{
    bool other_size = (prefixes->seen & SEVC_PREFIX_OPERAND_SIZE) != 0;

    if (prefixes->rex & SEVC_REX_W)
        return 8;
    return other_size != (code_bits == 16) ? 2 : 4;
}

static inline uint8_t address_bytes(const struct sevc_prefixes *prefixes, unsigned code_bits)
{
    if (!(prefixes->seen & SEVC_PREFIX_ADDRESS_SIZE))
        return (uint8_t)(code_bits / 8);
    return code_bits == 32 ? 2 : 4;
}

/* The segment of what is addressed through rSI or rAX: an override counts if it has an effect. */
static inline uint8_t source_segment(const struct sevc_prefixes *prefixes, unsigned code_bits)
{
    bool ignored = code_bits == 64 && prefixes->segment < SEVC_FS;

    return prefixes->segment == SEVC_NO_SEGMENT || ignored ? SEVC_DS : prefixes->segment;
}

/* The flags of rows that do not hold with these prefixes, in this mode. */
static inline uint8_t foreign_flags(const struct sevc_prefixes *prefixes, unsigned code_bits)
{
    uint8_t flags = code_bits == 64 ? SEVC_OPCODE_LEGACY : SEVC_OPCODE_LONG_MODE;

    if (prefixes->seen & SEVC_PREFIX_OPERAND_SIZE) {
        flags |= SEVC_OPCODE_NO_66;
    }
    if (prefixes->repeat) {
        flags |= SEVC_OPCODE_NO_REPEAT;
    }
    return flags;
}

#endif
