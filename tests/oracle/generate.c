/* SPDX-License-Identifier: MIT */
/*
 * Making cases. An instruction is put together from its row in forms.c, with random prefixes and a
 * random addressing form; then registers, displacement and segment base are chosen so that the
 * operand lies in a window (the encodings are APM vol. 3, 1.2 to 1.7). Forms that cannot
 * reach the window at hand are thrown away, and the next one is tried.
 */
#include "generate.h"

#include <string.h>

#include <sevc/config.h>

#define RAX 0
#define RCX 1
#define RSP 4
#define RBP 5
#define RSI 6
#define RDI 7
#define R12 12
#define R13 13

#define NO_REGISTER 0xFF

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

#define RFLAGS_ALWAYS     0x202u /* the reserved bit, IF */
#define RFLAGS_ARITHMETIC 0x8D5u
#define RFLAGS_TF         0x100u
#define RFLAGS_DF         0x400u
#define RFLAGS_RF         0x10000u
#define RFLAGS_ID         0x200000u

/* Room at both ends of a window for what the instruction should not touch. */
#define MARGIN 256u

/* Elements of a string: more than two calls serve. */
#define COUNT_MAX 150

/* An instruction on its way. */
struct draft {
    struct oracle_case *c;
    struct oracle_random *random;
    uint8_t prefixes[8];
    unsigned prefix_count;
    bool operand_66, address_67;
    uint8_t rex;         /* 0: none */
    uint8_t base, index; /* register numbers, or NO_REGISTER */
    uint8_t scale;
    bool rip_relative;
    uint8_t displacement_bytes; /* 0, 1, 4, and 8 for A0 to A3 */
    uint64_t displacement;      /* sign-extended */
    uint8_t immediate_bytes;
    uint64_t immediate;
    enum oracle_window window;
    uint64_t address; /* linear, of the operand that the addressing form names */
};

static void trait(struct draft *d, enum oracle_trait which)
{
    d->c->traits |= 1ull << which;
}

/* ---- prefixes and sizes ---- */

static void prefix(struct draft *d, uint8_t byte)
{
    d->prefixes[d->prefix_count++] = byte;
}

static void choose_segment(struct draft *d)
{
    static const uint8_t null_segments[4] = { 0x26, 0x2E, 0x36, 0x3E };
    unsigned choice = oracle_below(d->random, 100);

    if (choice < 12) {
        d->c->bases = ORACLE_BASE_FS;
        trait(d, ORACLE_TRAIT_FS);
        if (oracle_percent(d->random, 8)) { /* the last one counts */
            trait(d, ORACLE_TRAIT_BOTH_SEGMENTS);
            prefix(d, 0x65);
        }
        prefix(d, 0x64);
    } else if (choice < 24) {
        d->c->bases = ORACLE_BASE_GS;
        trait(d, ORACLE_TRAIT_GS);
        prefix(d, 0x65);
    }
    if (oracle_percent(d->random, 15)) {
        trait(d, d->c->bases != 0 ? ORACLE_TRAIT_FS_THEN_NULL : ORACLE_TRAIT_NULL_SEGMENT);
        prefix(d, null_segments[oracle_below(d->random, 4)]);
    }
}

static void choose_repeat(struct draft *d)
{
    const struct oracle_form *form = d->c->form;

    if (form->shape == ORACLE_STRING) {
        d->c->rep = oracle_percent(d->random, 70);
        if (d->c->rep) {
            bool while_not_equal =
                (form->flags & ORACLE_COMPARES) != 0 && oracle_percent(d->random, 50);

            prefix(d, while_not_equal ? 0xF2 : 0xF3);
        }
    } else if ((form->flags & ORACLE_NO_REPEAT) == 0 && oracle_percent(d->random, 5)) {
        trait(d, ORACLE_TRAIT_REPEAT);
        prefix(d, oracle_percent(d->random, 50) ? 0xF2 : 0xF3);
    }
}

/* The order of legacy prefixes is free, but for those of segments, which was decided above. */
static void shuffle_prefixes(struct draft *d)
{
    const uint64_t fixed_order =
        1ull << ORACLE_TRAIT_FS_THEN_NULL | 1ull << ORACLE_TRAIT_BOTH_SEGMENTS;

    for (unsigned i = d->prefix_count; i > 1; i--) {
        unsigned j = oracle_below(d->random, i);
        uint8_t last = d->prefixes[i - 1];

        if ((d->c->traits & fixed_order) != 0) {
            return;
        }
        d->prefixes[i - 1] = d->prefixes[j];
        d->prefixes[j] = last;
    }
}

/* LOCK, where the processor takes it: on a read and a write in one. */
static void choose_lock(struct draft *d)
{
    const struct oracle_form *form = d->c->form;
    bool lockable = (form->flags & ORACLE_READS) != 0 && (form->flags & ORACLE_WRITES) != 0;

    if (lockable && oracle_percent(d->random, 3)) {
        trait(d, ORACLE_TRAIT_LOCKED);
        prefix(d, 0xF0);
    }
}

/* The first reason: a split is one only for what is served at all. */
static void choose_refusal(struct oracle_case *c)
{
    if (c->form->support == ORACLE_NEVER) {
        c->refusal = ORACLE_REFUSED_FORM;
    } else if ((c->traits & 1ull << ORACLE_TRAIT_LOCKED) != 0) {
        c->refusal = ORACLE_REFUSED_LOCK;
    }
}

static void choose_prefixes(struct draft *d)
{
    const struct oracle_form *form = d->c->form;

    choose_repeat(d);
    if ((form->flags & ORACLE_NO_66) == 0 && oracle_percent(d->random, 25)) {
        d->operand_66 = true;
        trait(d, ORACLE_TRAIT_OPERAND_66);
        prefix(d, 0x66);
    }
    if (oracle_percent(d->random, 20)) {
        d->address_67 = true;
        trait(d, ORACLE_TRAIT_ADDRESS_67);
        prefix(d, 0x67);
    }
    choose_lock(d);
    choose_segment(d);
    shuffle_prefixes(d);
    if (oracle_percent(d->random, 65)) {
        d->rex = (uint8_t)(0x40 | oracle_below(d->random, 16));
        trait(d, ORACLE_TRAIT_REX);
    }
    d->c->rex = d->rex;
}

static unsigned operand_bytes(const struct draft *d)
{
    if (d->rex & REX_W) {
        return 8;
    }
    return d->operand_66 ? 2 : 4;
}

static void choose_sizes(struct draft *d)
{
    const struct oracle_form *form = d->c->form;
    unsigned operand = operand_bytes(d);

    if (form->width == ORACLE_OPERAND) {
        d->c->data_bytes = (uint8_t)operand;
    } else if (form->width == ORACLE_NEVER_WORD) {
        d->c->data_bytes = operand == 8 ? 8 : 4;
    } else {
        d->c->data_bytes = form->width;
    }
    if (form->immediate == ORACLE_IMM_8) {
        d->immediate_bytes = 1;
    } else if (form->immediate == ORACLE_IMM_OPERAND) {
        d->immediate_bytes = operand == 2 ? 2 : 4;
    }
    d->immediate = oracle_corner(d->random);
    if (d->rex & REX_W) {
        trait(d, ORACLE_TRAIT_REX_W);
    }
}

/* ---- addressing forms ---- */

/* Whose reg is it: a number with the REX bit that belongs to it. */
static uint8_t extended(const struct draft *d, unsigned number, uint8_t rex_bit)
{
    return (uint8_t)((number & 7) | (d->rex & rex_bit ? 8u : 0u));
}

static void choose_sib(struct draft *d, unsigned mod)
{
    unsigned sib = oracle_below(d->random, 256);

    if (oracle_percent(d->random, 15)) {
        sib = (sib & ~7u) | 5; /* with mod 0: no base */
    }
    if (oracle_percent(d->random, 10)) {
        sib = (sib & ~0x38u) | 0x20; /* no index, unless REX.X */
    }
    d->c->has_sib = true;
    d->c->sib = (uint8_t)sib;
    d->scale = (uint8_t)(1u << (sib >> 6));
    d->index = extended(d, sib >> 3, REX_X);
    if (d->index == RSP) {
        d->index = NO_REGISTER;
        trait(d, ORACLE_TRAIT_NO_INDEX);
    }
    if ((sib & 7) == 5 && mod == 0) {
        d->displacement_bytes = 4;
        trait(d, ORACLE_TRAIT_NO_BASE);
        if (d->rex & REX_B) {
            trait(d, ORACLE_TRAIT_NO_BASE_REX_B);
        }
        return;
    }
    d->base = extended(d, sib, REX_B);
}

/* A SIB byte (4) stands for 256 forms, and 5 for those that the peers get wrong. */
static unsigned choose_rm(struct oracle_random *random)
{
    unsigned choice = oracle_below(random, 100);

    return choice < 35 ? 4 : choice < 50 ? 5 : choice & 7;
}

static void choose_modrm(struct draft *d)
{
    unsigned mod = oracle_below(d->random, 3);
    unsigned rm = choose_rm(d->random);
    const struct oracle_form *form = d->c->form;
    unsigned reg = form->reg == ORACLE_REGISTER ? oracle_below(d->random, 8) : form->reg;

    d->c->has_modrm = true;
    d->c->modrm = (uint8_t)(mod << 6 | reg << 3 | rm);
    d->displacement_bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    if (rm == 4) {
        choose_sib(d, mod);
    } else if (rm == 5 && mod == 0) {
        d->rip_relative = true;
        d->displacement_bytes = 4;
    } else {
        d->base = extended(d, rm, REX_B);
    }
}

static void choose_displacement(struct draft *d)
{
    uint64_t any = oracle_random(d->random);

    if (d->displacement_bytes == 1) {
        d->displacement = (uint64_t)(int64_t)(int8_t)any;
    } else if (d->displacement_bytes == 4) {
        d->displacement = (uint64_t)(int64_t)(int32_t)any;
        if (oracle_percent(d->random, 30)) {
            d->displacement = (uint64_t)(int64_t)(int16_t)any;
        }
    }
}

/* ---- the operand's place ---- */

/* An address in the window for BYTES, sometimes across a page. */
static uint64_t place_operand(struct draft *d, enum oracle_window window, unsigned bytes)
{
    unsigned room = ORACLE_WINDOW_BYTES - 2 * MARGIN - bytes;
    unsigned offset = MARGIN + oracle_below(d->random, room);

    if (bytes > 1 && oracle_percent(d->random, 8)) {
        unsigned page = 1 + oracle_below(d->random, 3);

        offset = page * ORACLE_PAGE_BYTES - 1 - oracle_below(d->random, bytes - 1);
    } else if (oracle_percent(d->random, 60)) {
        offset &= ~7u;
    }
    return oracle_window_va(window) + offset;
}

static void note_pages(struct draft *d, uint64_t va, unsigned bytes)
{
    uint64_t offset = va - oracle_window_va(oracle_window_of(va, bytes));
    uint64_t last = offset + bytes - 1;

    if (offset / ORACLE_PAGE_BYTES == last / ORACLE_PAGE_BYTES) {
        return;
    }
    if (offset < ORACLE_SPLIT_OFFSET && last >= ORACLE_SPLIT_OFFSET) {
        d->c->refusal = ORACLE_REFUSED_SPLIT;
        trait(d, ORACLE_TRAIT_SPLIT);
    } else {
        trait(d, ORACLE_TRAIT_CROSSES);
    }
}

/* ---- from the address back to the registers ---- */

static bool is_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* A base for FS or GS that this machine lets a program set. */
static bool is_possible_base(uint64_t base)
{
    return oracle_native_any_base() ? is_canonical(base) : base >> 46 == 0;
}

static bool set_segment_base(struct draft *d, uint64_t base)
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
static uint64_t any_segment_base(struct draft *d)
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

/* Sets a register of the address; with 67 only its lower half matters. */
static void set_register(struct draft *d, unsigned number, uint64_t value)
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
static bool set_multiple(struct draft *d, unsigned number, unsigned factor, uint64_t rest)
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
    set_register(d, number, value * inverse(factor >> shift));
    return true;
}

/* Moves the displacement so that the rest of the address can be a multiple of FACTOR. */
static void align_displacement(struct draft *d, unsigned factor, uint64_t offset)
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
static bool solve_registers(struct draft *d, uint64_t offset)
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
        set_register(d, d->base, rest);
        return true;
    }
    align_displacement(d, d->scale, offset);
    return set_multiple(d, d->index, d->scale, offset - d->displacement);
}

static uint64_t truncated(const struct draft *d, uint64_t offset)
{
    return d->address_67 ? (uint32_t)offset : offset;
}

static bool fits_displacement(uint64_t value)
{
    return (uint64_t)(int64_t)(int32_t)value == value;
}

/* RIP-relative and absolute forms: only the displacement and the segment base are free. */
static bool solve_fixed(struct draft *d)
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

static bool solve_absolute_offset(struct draft *d)
{
    uint64_t base = 0;

    if (d->c->bases != 0) {
        base =
            d->address_67 ? d->address - (uint32_t)oracle_random(d->random) : any_segment_base(d);
        if (!set_segment_base(d, base)) {
            return false;
        }
    }
    d->displacement = d->address - base;
    return truncated(d, d->displacement) == d->displacement;
}

static bool solve(struct draft *d)
{
    uint64_t offset = d->address;

    if (d->c->form->shape == ORACLE_OFFSET) {
        return solve_absolute_offset(d);
    }
    if (d->base == NO_REGISTER && d->index == NO_REGISTER) {
        return solve_fixed(d);
    }
    if (d->c->bases != 0) {
        uint64_t base =
            d->address_67 ? d->address - (uint32_t)oracle_random(d->random) : any_segment_base(d);

        if (!set_segment_base(d, base)) {
            return false;
        }
        offset -= base;
    }
    return truncated(d, offset) == offset && solve_registers(d, offset);
}

/* ---- the bytes ---- */

static void emit(struct oracle_case *c, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (c->length < sizeof(c->bytes)) {
            c->bytes[c->length] = (uint8_t)(value >> (8 * i));
        }
        c->length++; /* beyond 15 the draft is thrown away */
    }
}

static void emit_prefixes(struct draft *d)
{
    for (unsigned i = 0; i < d->prefix_count; i++) {
        if (i + 1 == d->prefix_count && oracle_percent(d->random, 4)) {
            trait(d, ORACLE_TRAIT_DEAD_REX);
            emit(d->c, 0x40 | oracle_below(d->random, 16), 1);
        }
        emit(d->c, d->prefixes[i], 1);
    }
    if (d->rex != 0) {
        emit(d->c, d->rex, 1);
    }
}

/* Returns where the displacement stands. */
static unsigned emit_all(struct draft *d)
{
    const struct oracle_form *form = d->c->form;
    unsigned place;

    emit_prefixes(d);
    if (form->map != ORACLE_MAP_ONE_BYTE) {
        emit(d->c, 0x0F, 1);
    }
    if (form->map == ORACLE_MAP_0F38) {
        emit(d->c, 0x38, 1);
    }
    emit(d->c, form->opcode, 1);
    if (d->c->has_modrm) {
        emit(d->c, d->c->modrm, 1);
    }
    if (d->c->has_sib) {
        emit(d->c, d->c->sib, 1);
    }
    place = d->c->length;
    emit(d->c, d->displacement, d->displacement_bytes);
    emit(d->c, d->immediate, d->immediate_bytes);
    return place;
}

/* The displacement is known only when the length is. */
static void patch_displacement(struct draft *d, unsigned place)
{
    for (unsigned i = 0; i < d->displacement_bytes; i++) {
        d->c->bytes[place + i] = (uint8_t)(d->displacement >> (8 * i));
    }
}

static void place_code(struct draft *d)
{
    enum oracle_window area = d->window;
    unsigned offset = oracle_below(d->random, ORACLE_PAGE_BYTES - 64);

    if (oracle_percent(d->random, 20)) {
        area = (enum oracle_window)oracle_below(d->random, ORACLE_WINDOWS);
    }
    d->c->code_ends = oracle_percent(d->random, 6);
    if (d->c->code_ends) {
        offset = ORACLE_PAGE_BYTES - d->c->length;
        trait(d, ORACLE_TRAIT_CODE_ENDS);
    } else if (d->c->length > 1 && oracle_percent(d->random, 6)) {
        offset = ORACLE_PAGE_BYTES - 1 - oracle_below(d->random, d->c->length - 1u);
        trait(d, ORACLE_TRAIT_CODE_CROSSES);
    }
    d->c->start.rip = oracle_code_va(area) + offset;
}

/* ---- data ---- */

static void choose_state(struct oracle_case *c, struct oracle_random *random)
{
    for (int i = 0; i < 16; i++) {
        c->start.gpr[i] = oracle_corner(random);
    }
    c->start.rflags =
        RFLAGS_ALWAYS | (oracle_random(random) & (RFLAGS_ARITHMETIC | RFLAGS_DF | RFLAGS_ID));
    c->tf_rf =
        (oracle_percent(random, 10) ? RFLAGS_TF : 0) | (oracle_percent(random, 25) ? RFLAGS_RF : 0);
    c->traits |= (uint64_t)((c->start.rflags & RFLAGS_DF) != 0) << ORACLE_TRAIT_DF;
    c->traits |= (uint64_t)((c->tf_rf & RFLAGS_TF) != 0) << ORACLE_TRAIT_TF;
    c->traits |= (uint64_t)((c->tf_rf & RFLAGS_RF) != 0) << ORACLE_TRAIT_RF;
}

/* Random bytes around the operand, so that a case does not depend on those before it. */
static void fill_around(struct draft *d, uint64_t va, unsigned bytes)
{
    uint64_t start = (va - 64) & ~7ull;
    uint64_t operand = oracle_corner(d->random);

    for (unsigned i = 0; i < 128 + bytes; i += 8) {
        uint64_t value = oracle_random(d->random);

        oracle_fill(start + i, &value, sizeof(value));
    }
    oracle_fill(va, &operand, bytes < 8 ? bytes : 8);
}

/* ---- strings ---- */

struct range {
    uint64_t low; /* linear */
    unsigned bytes;
};

/* Where COUNT elements of a string go, both margins kept. */
static struct range place_string(struct draft *d, unsigned count)
{
    unsigned bytes = count * d->c->data_bytes;
    unsigned windows = d->address_67 ? ORACLE_HIGH : ORACLE_WINDOWS;
    enum oracle_window window = (enum oracle_window)oracle_below(d->random, windows);
    unsigned room = ORACLE_SPLIT_OFFSET - 2 * MARGIN - bytes;
    unsigned offset = MARGIN + oracle_below(d->random, room);

    if (oracle_percent(d->random, 50)) {
        offset &= ~7u; /* else elements may cross pages */
    }
    return (struct range){ oracle_window_va(window) + offset, bytes };
}

/* The offset of the element that is the first with this direction. */
static uint64_t first_element(const struct draft *d, const struct range *range)
{
    bool down = (d->c->start.rflags & RFLAGS_DF) != 0;

    return down ? range->low + range->bytes - d->c->data_bytes : range->low;
}

static void fill_string(struct draft *d, const struct range *range, uint64_t pattern)
{
    for (unsigned i = 0; i < range->bytes; i += d->c->data_bytes) {
        oracle_fill(range->low + i, &pattern, d->c->data_bytes);
    }
    if (oracle_percent(d->random, 70)) { /* somewhere the run of equals ends */
        uint64_t other = oracle_corner(d->random);
        unsigned element = oracle_below(d->random, range->bytes / d->c->data_bytes);

        oracle_fill(range->low + element * d->c->data_bytes, &other, d->c->data_bytes);
    }
}

static void make_device(struct draft *d, const struct range *range)
{
    d->c->device_mask |= 1u << oracle_window_of(range->low, range->bytes);
}

static bool is_in_device(const struct draft *d, const struct range *range)
{
    return (d->c->device_mask >> oracle_window_of(range->low, range->bytes) & 1) != 0;
}

/* rSI takes the override, rDI is always ES (APM vol. 3, MOVS). */
static bool set_source(struct draft *d, const struct range *range)
{
    uint64_t offset = first_element(d, range);

    if (d->c->bases != 0) {
        uint64_t base =
            d->address_67 ? offset - (uint32_t)oracle_random(d->random) : any_segment_base(d);

        if (!set_segment_base(d, base)) {
            return false;
        }
        offset -= base;
        /* All of the string within the 4 GiB: what wraps around there is wild. */
        if (d->address_67 && (offset < 0x1000 || offset > 0xFFFFE000)) {
            return false;
        }
    }
    set_register(d, RSI, offset);
    return true;
}

/* One of the two sides, or both, is a device; what is not, is ordinary memory. */
static void choose_devices(struct draft *d, const struct range *source, const struct range *target)
{
    const struct oracle_form *form = d->c->form;
    unsigned which = 1 + oracle_below(d->random, 3);
    bool from, to;

    if ((form->flags & ORACLE_SOURCE) == 0) {
        which = 2;
    } else if ((form->flags & ORACLE_TARGET) == 0) {
        which = 1;
    }
    if (which & 1) {
        make_device(d, source);
    }
    if (which & 2) {
        make_device(d, target);
    }
    /* Both in one window are the same kind of memory. */
    from = (form->flags & ORACLE_SOURCE) != 0 && is_in_device(d, source);
    to = (form->flags & ORACLE_TARGET) != 0 && is_in_device(d, target);
    if (form->flags & ORACLE_WRITES) {
        d->c->reads = from;
        d->c->writes = to;
    } else {
        d->c->reads = (uint8_t)(from + to);
    }
    if ((form->flags & ORACLE_SOURCE) != 0 && (form->flags & ORACLE_TARGET) != 0) {
        trait(d, from && to ? ORACLE_TRAIT_DEVICE_TO_DEVICE
                 : from     ? ORACLE_TRAIT_FROM_DEVICE
                            : ORACLE_TRAIT_TO_DEVICE);
    }
}

/* The number of elements; 1 without REP. */
static unsigned choose_count(struct draft *d)
{
    unsigned count;

    if (!d->c->rep) {
        return 1;
    }
    count = oracle_percent(d->random, 10) ? 0 : 1 + oracle_below(d->random, COUNT_MAX);
    set_register(d, RCX, count);
    trait(d, ORACLE_TRAIT_REP);
    if (count == 0) {
        trait(d, ORACLE_TRAIT_REP_ZERO);
    } else if (count > SEVC_MMIO_REP_MAX) {
        trait(d, ORACLE_TRAIT_REP_LONG);
    }
    if (d->c->start.gpr[RCX] >> 32 != 0) {
        trait(d, ORACLE_TRAIT_REP_UPPER_RCX);
    }
    return count;
}

/* Data with long runs of what CMPS and SCAS find equal. */
static void fill_strings(struct draft *d, const struct range *source, const struct range *target)
{
    uint64_t pattern = oracle_corner(d->random);

    fill_string(d, source, pattern);
    if ((d->c->form->flags & ORACLE_COMPARES) != 0 && oracle_percent(d->random, 70)) {
        d->c->start.gpr[RAX] = pattern;
        fill_string(d, target, pattern);
    } else {
        fill_string(d, target, oracle_corner(d->random));
    }
}

static bool draft_string(struct draft *d)
{
    const struct oracle_form *form = d->c->form;
    unsigned count = choose_count(d);
    struct range source = place_string(d, count + !count);
    struct range target = place_string(d, count + !count);

    /*
     * With 67 and ECX = 0, whether the upper halves are cleared differs between processors (APM
     * vol. 3, 1.2.6 does not say): not asked.
     */
    if (count == 0 && d->address_67) {
        return false;
    }
    if (oracle_percent(d->random, 15)) { /* a few bytes apart */
        target.low = source.low + oracle_below(d->random, 32);
    }
    fill_strings(d, &source, &target);
    if ((form->flags & ORACLE_SOURCE) != 0 && !set_source(d, &source)) {
        return false;
    }
    if ((form->flags & ORACLE_TARGET) != 0) {
        set_register(d, RDI, first_element(d, &target));
    }
    if ((form->flags & ORACLE_SOURCE) != 0 && (form->flags & ORACLE_TARGET) != 0 &&
        target.low - source.low < source.bytes) {
        trait(d, ORACLE_TRAIT_OVERLAP);
    }
    choose_devices(d, &source, &target);
    emit_all(d);
    return true;
}

/* ---- one draft ---- */

/*
 * BT and its kin with a register: its value, in bits, moves the operand (APM vol. 3, BT). The register is
 * set so that the element it names is up to 24 away, in both directions.
 */
static bool choose_bit_offset(struct draft *d)
{
    uint8_t reg = extended(d, d->c->modrm >> 3, REX_R);
    unsigned bytes = d->c->data_bytes;
    int64_t element = (int64_t)oracle_below(d->random, 49) - 24;
    uint64_t bit = (uint64_t)element * 8 * bytes + oracle_below(d->random, 8 * bytes);
    uint64_t mask = ~0ull >> (64 - 8 * bytes);

    if (reg == d->base || reg == d->index) {
        return false;
    }
    d->c->start.gpr[reg] = (bit & mask) | (oracle_random(d->random) & ~mask);
    d->c->operand += (uint64_t)element * bytes;
    d->c->refusal = ORACLE_NOT_REFUSED;
    d->c->traits &= ~(1ull << ORACLE_TRAIT_SPLIT | 1ull << ORACLE_TRAIT_CROSSES);
    note_pages(d, d->c->operand, bytes);
    if (element != 0) {
        trait(d, element < 0 ? ORACLE_TRAIT_BIT_BELOW : ORACLE_TRAIT_BIT_ABOVE);
    }
    return true;
}

static void note_registers(struct draft *d)
{
    const struct oracle_form *form = d->c->form;
    uint8_t reg = extended(d, d->c->modrm >> 3, REX_R);
    /* The register of 8-bit forms is 8 bits wide, but for MOVZX and MOVSX. */
    bool byte = form->width == ORACLE_BYTE && form->map == ORACLE_MAP_ONE_BYTE;

    if (form->reg != ORACLE_REGISTER) {
        return;
    }
    if (byte && reg >= 4 && reg < 8) {
        trait(d, d->rex == 0 ? ORACLE_TRAIT_HIGH_BYTE : ORACLE_TRAIT_LOW_BYTE);
    } else if (reg == RSP) {
        trait(d, ORACLE_TRAIT_REGISTER_RSP);
    }
    if (reg == d->base || reg == d->index) {
        trait(d, ORACLE_TRAIT_OPERAND_IN_ADDRESS);
    }
}

static void note_rip_relative(struct draft *d)
{
    trait(d, ORACLE_TRAIT_RIP_RELATIVE);
    if (d->rex & REX_B) {
        trait(d, ORACLE_TRAIT_RIP_RELATIVE_REX_B);
    }
    if (d->immediate_bytes != 0) {
        trait(d, ORACLE_TRAIT_RIP_RELATIVE_IMM);
    }
    if (d->address_67) {
        trait(d, ORACLE_TRAIT_RIP_RELATIVE_67);
    }
}

static void note_address(struct draft *d)
{
    const uint64_t *gpr = d->c->start.gpr;
    static const struct {
        uint8_t base;
        uint8_t trait;
    } bases[] = { { RSP, ORACLE_TRAIT_BASE_RSP },
                  { R12, ORACLE_TRAIT_BASE_R12 },
                  { R13, ORACLE_TRAIT_BASE_R13 } };

    for (unsigned i = 0; i < 3; i++) {
        if (d->base == bases[i].base) {
            trait(d, bases[i].trait);
        }
    }
    if (d->index == R12) {
        trait(d, ORACLE_TRAIT_INDEX_R12);
    }
    if (d->c->has_sib && d->base == NO_REGISTER && d->index == NO_REGISTER) {
        trait(d, ORACLE_TRAIT_ABSOLUTE);
    }
    if (d->base != NO_REGISTER && d->base == d->index) {
        trait(d, ORACLE_TRAIT_SAME_BASE_INDEX);
    }
    if ((int64_t)d->displacement < 0) {
        trait(d, d->displacement_bytes == 1 ? ORACLE_TRAIT_NEGATIVE_8 : ORACLE_TRAIT_NEGATIVE_32);
    }
    if (d->base != NO_REGISTER && !d->address_67 && gpr[d->base] > d->address) {
        trait(d, ORACLE_TRAIT_WRAPS);
    }
}

static bool draft_memory(struct draft *d)
{
    const struct oracle_form *form = d->c->form;
    unsigned place;

    d->window = (enum oracle_window)oracle_below(d->random, ORACLE_WINDOWS);
    d->address = place_operand(d, d->window, d->c->data_bytes);
    d->c->operand = d->address;
    note_pages(d, d->address, d->c->data_bytes);
    if (form->shape == ORACLE_OFFSET) {
        d->displacement_bytes = d->address_67 ? 4 : 8;
    } else {
        choose_modrm(d);
        choose_displacement(d);
    }
    if (form->shape == ORACLE_BITS && !choose_bit_offset(d)) {
        return false;
    }
    place = emit_all(d);
    if (d->c->length > sizeof(d->c->bytes)) {
        return false;
    }
    place_code(d);
    if (!solve(d)) {
        return false;
    }
    patch_displacement(d, place);
    d->c->device_mask = 1u << d->window;
    trait(d, (enum oracle_trait)(ORACLE_TRAIT_WINDOW_LOW + (unsigned)d->window));
    note_registers(d);
    if (d->rip_relative) {
        note_rip_relative(d);
    }
    if (form->shape != ORACLE_OFFSET) {
        note_address(d);
    }
    return true;
}

static bool try_draft(struct oracle_case *c, struct oracle_random *random)
{
    struct draft d = {
        .c = c, .random = random, .base = NO_REGISTER, .index = NO_REGISTER, .scale = 1
    };

    choose_state(c, random);
    choose_prefixes(&d);
    choose_sizes(&d);
    if (c->form->shape == ORACLE_STRING) {
        d.window = ORACLE_LOW;
        if (!draft_string(&d) || c->length > sizeof(c->bytes)) {
            return false;
        }
        place_code(&d);
        return true;
    }
    if (!draft_memory(&d)) {
        return false;
    }
    fill_around(&d, c->operand, c->data_bytes);
    choose_refusal(c);
    c->reads = (c->form->flags & ORACLE_READS) != 0;
    c->writes = (c->form->flags & ORACLE_WRITES) != 0;
    return true;
}

void oracle_generate(const struct oracle_form *form, uint64_t seed, uint64_t number,
                     struct oracle_case *c)
{
    struct oracle_random random = { .state = seed * 0xD1342543DE82EF95ull + number };

    random.state = oracle_random(&random); /* neighbours must not share their sequence */
    do {
        memset(c, 0, sizeof(*c));
        c->form = form;
        c->number = number;
    } while (!try_draft(c, &random));
}

const char *oracle_trait_name(enum oracle_trait which)
{
    static const char *const names[ORACLE_TRAIT_COUNT] = {
#define X(name, text) [ORACLE_TRAIT_##name] = text,
        ORACLE_TRAITS(X)
#undef X
    };

    return names[which];
}
