/* SPDX-License-Identifier: MIT */
/*
 * The addressing form is given, and where the operand shall lie: here the registers, the displacement
 * and the segment base are chosen so that it does (APM vol. 3, 1.4 to 1.7; vol. 2, 4.5.3).
 */
#include "draft.h"

static bool is_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* A base for FS or GS that this machine lets a program set. */
static bool is_possible_base(uint64_t base)
{
    return oracle_native_any_base() ? is_canonical(base) : base >> 46 == 0;
}

static bool set_segment_base(struct oracle_draft *d, uint64_t base)
{
    if (!is_possible_base(base)) {
        return false;
    }
    if (d->c->bases == ORACLE_BASE_FS) {
        d->c->fs_base = base;
    } else {
        d->c->gs_base = base;
    }
    return true;
}

/* Any base for FS or GS, small and large ones. */
static uint64_t any_segment_base(struct oracle_draft *d)
{
    uint64_t any = oracle_random(d->random);

    switch (oracle_below(d->random, oracle_native_any_base() ? 4 : 3)) {
    case 0:
        return any & 0xFFFFF;
    case 1:
        return any & 0xFFFFFFFF;
    case 2:
        return any & 0x3FFFFFFFFFFF;
    default:
        return any | 0xFFFF800000000000;
    }
}

static uint64_t truncated(const struct oracle_draft *d, uint64_t offset)
{
    return d->address_67 ? (uint32_t)offset : offset;
}

/* With 67 the offset has 32 bits, so that the base must be near. */
bool oracle_leave_segment(struct oracle_draft *d, uint64_t *address)
{
    uint64_t base = 0;

    if (d->c->bases != 0) {
        base = d->address_67 ? *address - (uint32_t)oracle_random(d->random) : any_segment_base(d);
        if (!set_segment_base(d, base)) {
            return false;
        }
    }
    *address -= base;
    return truncated(d, *address) == *address;
}

void oracle_set_register(struct oracle_draft *d, unsigned number, uint64_t value)
{
    if (d->address_67) {
        value = (oracle_random(d->random) << 32) | (uint32_t)value;
    }
    d->c->start.gpr[number] = value;
}

static uint64_t inverse(uint64_t odd)
{
    uint64_t x = odd; /* right to 3 bits; Newton's step doubles them */

    for (int i = 0; i < 5; i++) {
        x *= 2 - odd * x;
    }
    return x;
}

/* Solves factor * x = rest, modulo the address size. */
static bool set_multiple(struct oracle_draft *d, unsigned number, unsigned factor, uint64_t rest)
{
    unsigned shift = (unsigned)__builtin_ctz(factor);
    unsigned bits = d->address_67 ? 32 : 64;
    uint64_t value;

    if ((rest & ((factor & -factor) - 1)) != 0) {
        return false;
    }
    value = (d->address_67 ? (uint32_t)rest : rest) >> shift;
    if (shift != 0) { /* the bits that the factor shifts out are free */
        value |= oracle_random(d->random) << (bits - shift);
    }
    oracle_set_register(d, number, value * inverse(factor >> shift));
    return true;
}

/* Moves the displacement so that the rest of the address can be a multiple of FACTOR. */
static void align_displacement(struct oracle_draft *d, unsigned factor, uint64_t offset)
{
    uint64_t low = (factor & -factor) - 1;
    uint64_t missing = (offset - d->displacement) & low;

    if (d->displacement_bytes == 1 && (int64_t)d->displacement > 127 - (int64_t)missing) {
        d->displacement -= low + 1;
    }
    if (d->displacement_bytes != 0) {
        d->displacement += missing;
    }
}

/* Base, index and displacement whose sum is OFFSET. */
static bool solve_registers(struct oracle_draft *d, uint64_t offset)
{
    uint64_t *gpr = d->c->start.gpr;

    if (d->base != NO_REGISTER && d->base == d->index) {
        align_displacement(d, 1u + d->scale, offset);
        return set_multiple(d, d->base, 1u + d->scale, offset - d->displacement);
    }
    if (d->base != NO_REGISTER) {
        uint64_t rest = offset - d->displacement;

        if (d->index != NO_REGISTER) {
            rest -= gpr[d->index] * d->scale;
        }
        oracle_set_register(d, d->base, rest);
        return true;
    }
    align_displacement(d, d->scale, offset);
    return set_multiple(d, d->index, d->scale, offset - d->displacement);
}

static bool fits_displacement(uint64_t value)
{
    return (uint64_t)(int64_t)(int32_t)value == value;
}

/* RIP-relative and absolute forms: only the displacement and the segment base are free. */
static bool solve_fixed(struct oracle_draft *d)
{
    uint64_t next = d->rip_relative ? d->c->start.rip + d->c->length : 0;

    if (d->c->bases != 0) {
        return set_segment_base(d, d->address - truncated(d, next + d->displacement));
    }
    if (d->address_67) {
        if (d->address >> 32 != 0) {
            return false;
        }
        d->displacement = (uint64_t)(int64_t)(int32_t)(uint32_t)(d->address - next);
        return true;
    }
    d->displacement = d->address - next;
    return fits_displacement(d->displacement);
}

static bool solve_absolute_offset(struct oracle_draft *d)
{
    d->displacement = d->address;
    return oracle_leave_segment(d, &d->displacement);
}

bool oracle_solve(struct oracle_draft *d)
{
    uint64_t offset = d->address;

    if (d->c->form->shape == ORACLE_OFFSET) {
        return solve_absolute_offset(d);
    }
    if (d->base == NO_REGISTER && d->index == NO_REGISTER) {
        return solve_fixed(d);
    }
    return oracle_leave_segment(d, &offset) && solve_registers(d, offset);
}
