/* SPDX-License-Identifier: MIT */
/*
 * Flags by the bit vectors of carries: bit n of it is the carry out of bit n (APM vol. 1, 3.1.4).
 */
#include "alu.h"

#define CF (1ull << 0)
#define PF (1ull << 2)
#define AF (1ull << 4)
#define ZF (1ull << 6)
#define SF (1ull << 7)
#define OF (1ull << 11)

#define ARITHMETIC (CF | PF | AF | ZF | SF | OF)

struct width {
    unsigned bits;
    uint64_t mask;
    uint64_t sign;
};

static struct width width_of(unsigned bytes)
{
    unsigned bits = 8 * bytes;

    return (struct width){ bits, ~0ull >> (64 - bits), 1ull << (bits - 1) };
}

/* PF looks at the low byte only. */
static uint64_t result_flags(struct width width, uint64_t value)
{
    uint64_t flags = (value & width.sign) != 0 ? SF : 0;

    flags |= value == 0 ? ZF : 0;
    flags |= __builtin_parity((unsigned)(value & 0xFF)) == 0 ? PF : 0;
    return flags;
}

/* CF, AF and OF from the carry (or borrow) out of each bit. */
static uint64_t carry_flags(struct width width, uint64_t carries)
{
    uint64_t out = (carries & width.sign) != 0;
    uint64_t into_sign = (carries & width.sign >> 1) != 0;
    uint64_t flags = out != 0 ? CF : 0;

    flags |= (carries & 8) != 0 ? AF : 0;
    flags |= out != into_sign ? OF : 0;
    return flags;
}

static struct sevc_alu_result add(struct width width, uint64_t a, uint64_t b, uint64_t carry,
                                  uint64_t rflags)
{
    uint64_t value = (a + b + carry) & width.mask;
    uint64_t carries = (a & b) | ((a | b) & ~value);

    return (struct sevc_alu_result){
        value,
        (rflags & ~ARITHMETIC) | carry_flags(width, carries) | result_flags(width, value),
    };
}

static struct sevc_alu_result subtract(struct width width, uint64_t a, uint64_t b, uint64_t borrow,
                                       uint64_t rflags)
{
    uint64_t value = (a - b - borrow) & width.mask;
    uint64_t borrows = (~a & b) | ((~a | b) & value);

    return (struct sevc_alu_result){
        value,
        (rflags & ~ARITHMETIC) | carry_flags(width, borrows) | result_flags(width, value),
    };
}

static struct sevc_alu_result logic(struct width width, uint64_t value, uint64_t rflags)
{
    return (struct sevc_alu_result){
        value & width.mask,
        (rflags & ~ARITHMETIC) | result_flags(width, value & width.mask),
    };
}

/* INC and DEC leave CF alone. */
static struct sevc_alu_result keep_carry(struct sevc_alu_result result, uint64_t rflags)
{
    result.rflags = (result.rflags & ~CF) | (rflags & CF);
    return result;
}

/* The bit goes to CF; what becomes of it is the operation's. */
static struct sevc_alu_result bit(enum sevc_alu_operation operation, struct width width, uint64_t a,
                                  uint64_t number, uint64_t rflags)
{
    uint64_t mask = 1ull << (number & (width.bits - 1));
    struct sevc_alu_result result = { a, (rflags & ~CF) | ((a & mask) != 0 ? CF : 0) };

    if (operation == SEVC_ALU_BTS) {
        result.value = a | mask;
    } else if (operation == SEVC_ALU_BTR) {
        result.value = a & ~mask;
    } else if (operation == SEVC_ALU_BTC) {
        result.value = a ^ mask;
    }
    return result;
}

static struct sevc_alu_result only_flags(struct sevc_alu_result result, uint64_t destination)
{
    result.value = destination;
    return result;
}

struct sevc_alu_result sevc_alu(enum sevc_alu_operation operation, unsigned bytes,
                                uint64_t destination, uint64_t source, uint64_t rflags)
{
    struct width width = width_of(bytes);
    uint64_t a = destination & width.mask;
    uint64_t b = source & width.mask;
    uint64_t carry = rflags & CF;

    switch (operation) {
    case SEVC_ALU_ADD:
        return add(width, a, b, 0, rflags);
    case SEVC_ALU_OR:
        return logic(width, a | b, rflags);
    case SEVC_ALU_ADC:
        return add(width, a, b, carry, rflags);
    case SEVC_ALU_SBB:
        return subtract(width, a, b, carry, rflags);
    case SEVC_ALU_AND:
        return logic(width, a & b, rflags);
    case SEVC_ALU_SUB:
        return subtract(width, a, b, 0, rflags);
    case SEVC_ALU_XOR:
        return logic(width, a ^ b, rflags);
    case SEVC_ALU_CMP:
        return only_flags(subtract(width, a, b, 0, rflags), a);
    case SEVC_ALU_TEST:
        return only_flags(logic(width, a & b, rflags), a);
    case SEVC_ALU_NOT:
        return (struct sevc_alu_result){ ~a & width.mask, rflags };
    case SEVC_ALU_NEG:
        return subtract(width, 0, a, 0, rflags);
    case SEVC_ALU_INC:
        return keep_carry(add(width, a, 1, 0, rflags), rflags);
    case SEVC_ALU_DEC:
        return keep_carry(subtract(width, a, 1, 0, rflags), rflags);
    case SEVC_ALU_BT:
    case SEVC_ALU_BTS:
    case SEVC_ALU_BTR:
    case SEVC_ALU_BTC:
        return bit(operation, width, a, source, rflags);
    }
    return (struct sevc_alu_result){ a, rflags };
}
