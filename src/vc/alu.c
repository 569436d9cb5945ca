/* SPDX-License-Identifier: MIT */
/*
 * Every operation is a sum, or a function of each bit alone: a row says which, of what, and which flags
 * it gives. A difference is the sum with the complement, and its borrows are that sum's carries,
 * complemented. Flags by the vector of carries: bit n of it is the carry out of bit n (APM vol. 1, 3.1.4).
 */
#include "alu.h"

#define CF (1u << 0)
#define PF (1u << 2)
#define AF (1u << 4)
#define ZF (1u << 6)
#define SF (1u << 7)
#define OF (1u << 11)

#define ALL (CF | PF | AF | ZF | SF | OF)

enum function {
    SUM,
    AND,
    OR,
    XOR,
};

enum second_operand {
    SOURCE,
    ZERO,
    ONE,
    ITSELF, /* and the first one is 0 */
    BIT,    /* of the number SOURCE; CF is what it was */
};

enum {
    COMPLEMENT = 1 << 0, /* of the second operand */
    CARRY = 1 << 1,      /* CF is added, or, with COMPLEMENT, taken away */
    DISCARD = 1 << 2,    /* only the flags are wanted */
};

struct operation {
    uint8_t function;
    uint8_t second;
    uint8_t how;
    uint16_t flags; /* that it changes */
};

static const struct operation operations[] = {
    [SEVC_ALU_ADD] = { SUM, SOURCE, 0, ALL },
    [SEVC_ALU_OR] = { OR, SOURCE, 0, ALL },
    [SEVC_ALU_ADC] = { SUM, SOURCE, CARRY, ALL },
    [SEVC_ALU_SBB] = { SUM, SOURCE, COMPLEMENT | CARRY, ALL },
    [SEVC_ALU_AND] = { AND, SOURCE, 0, ALL },
    [SEVC_ALU_SUB] = { SUM, SOURCE, COMPLEMENT, ALL },
    [SEVC_ALU_XOR] = { XOR, SOURCE, 0, ALL },
    [SEVC_ALU_CMP] = { SUM, SOURCE, COMPLEMENT | DISCARD, ALL },
    [SEVC_ALU_TEST] = { AND, SOURCE, DISCARD, ALL },
    [SEVC_ALU_NOT] = { XOR, ZERO, COMPLEMENT, 0 },
    [SEVC_ALU_NEG] = { SUM, ITSELF, COMPLEMENT, ALL },
    [SEVC_ALU_INC] = { SUM, ONE, 0, ALL & ~CF },
    [SEVC_ALU_DEC] = { SUM, ONE, COMPLEMENT, ALL & ~CF },
    [SEVC_ALU_BT] = { AND, BIT, DISCARD, CF },
    [SEVC_ALU_BTS] = { OR, BIT, 0, CF },
    [SEVC_ALU_BTR] = { AND, BIT, COMPLEMENT, CF },
    [SEVC_ALU_BTC] = { XOR, BIT, 0, CF },
};

/* TOP: number of the sign bit. PF looks at the low byte only. */
static unsigned flags_of(uint64_t value, uint64_t carries, unsigned top)
{
    unsigned out = carries >> top & 1;
    unsigned into_sign = carries >> (top - 1) & 1;
    unsigned flags = (out != 0 ? CF : 0) | (out != into_sign ? OF : 0);

    flags |= (carries & 8) != 0 ? AF : 0;
    flags |= value >> top != 0 ? SF : 0;
    flags |= value == 0 ? ZF : 0;
    return flags | (__builtin_parity((unsigned)(value & 0xFF)) == 0 ? PF : 0);
}

struct sevc_alu_result sevc_alu(enum sevc_alu_operation operation, unsigned bytes,
                                uint64_t destination, uint64_t source, uint64_t rflags)
{
    const struct operation *row = &operations[operation];
    unsigned top = 8 * bytes - 1;
    uint64_t mask = ~0ull >> (63 - top);
    uint64_t complement = (row->how & COMPLEMENT) != 0 ? ~0ull : 0;
    uint64_t a = destination & mask;
    uint64_t b = source;
    uint64_t carry = (row->how & CARRY) != 0 ? rflags : 0;
    uint64_t carries = 0;
    uint64_t value;

    switch ((enum second_operand)row->second) {
    case SOURCE:
        break;
    case ZERO:
        b = 0;
        break;
    case ONE:
        b = 1;
        break;
    case ITSELF:
        b = a;
        a = 0;
        break;
    case BIT:
        b = 1ull << (source & top);
        carries = (a & b) != 0 ? ~0ull : 0;
        break;
    }
    b ^= complement;
    switch ((enum function)row->function) {
    case SUM:
        value = a + b + ((carry ^ complement) & CF);
        carries = ((a & b) | ((a | b) & ~value)) ^ complement;
        break;
    case AND:
        value = a & b;
        break;
    case OR:
        value = a | b;
        break;
    default: /* XOR */
        value = a ^ b;
        break;
    }
    value &= mask;
    rflags = (rflags & ~(uint64_t)row->flags) | (flags_of(value, carries, top) & row->flags);
    return (struct sevc_alu_result){ (row->how & DISCARD) != 0 ? a : value, rflags };
}
