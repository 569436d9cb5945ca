/* SPDX-License-Identifier: MIT */
/* Instructions with a memory operand: its addressing form, its place, what is notable in it. */
#include "draft.h"

/* ---- addressing forms ---- */

/* Whose reg is it: a number with the REX bit that belongs to it. */
static uint8_t extended(const struct oracle_draft *d, unsigned number, uint8_t rex_bit)
{
    return (uint8_t)((number & 7) | ((d->rex & rex_bit) != 0 ? 8u : 0u));
}

static void choose_sib(struct oracle_draft *d, unsigned mod)
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
        oracle_note(d, ORACLE_TRAIT_NO_INDEX);
    }
    if ((sib & 7) == 5 && mod == 0) {
        d->displacement_bytes = 4;
        oracle_note(d, ORACLE_TRAIT_NO_BASE);
        if (d->rex & REX_B) {
            oracle_note(d, ORACLE_TRAIT_NO_BASE_REX_B);
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

static void choose_modrm(struct oracle_draft *d)
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

static void choose_displacement(struct oracle_draft *d)
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
static uint64_t place_operand(struct oracle_draft *d, enum oracle_window window, unsigned bytes)
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

static void note_pages(struct oracle_draft *d, uint64_t va, unsigned bytes)
{
    uint64_t offset = va - oracle_window_va(oracle_window_of(va, bytes));
    uint64_t last = offset + bytes - 1;

    if (offset / ORACLE_PAGE_BYTES == last / ORACLE_PAGE_BYTES) {
        return;
    }
    if (offset < ORACLE_SPLIT_OFFSET && last >= ORACLE_SPLIT_OFFSET) {
        d->c->refusal = ORACLE_REFUSED_SPLIT;
        oracle_note(d, ORACLE_TRAIT_SPLIT);
    } else {
        oracle_note(d, ORACLE_TRAIT_CROSSES);
    }
}

/* ---- the whole ---- */

/*
 * BT and its kin with a register: its value, in bits, moves the operand (APM vol. 3, BT). The register is
 * set so that the element it names is up to 24 away, in both directions.
 */
static bool choose_bit_offset(struct oracle_draft *d)
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
        oracle_note(d, element < 0 ? ORACLE_TRAIT_BIT_BELOW : ORACLE_TRAIT_BIT_ABOVE);
    }
    return true;
}

static void note_registers(struct oracle_draft *d)
{
    const struct oracle_form *form = d->c->form;
    uint8_t reg = extended(d, d->c->modrm >> 3, REX_R);
    /* The register of 8-bit forms is 8 bits wide, but for MOVZX and MOVSX. */
    bool byte = form->width == ORACLE_BYTE && form->map == ORACLE_MAP_ONE_BYTE;

    if (form->reg != ORACLE_REGISTER) {
        return;
    }
    if (byte && reg >= 4 && reg < 8) {
        oracle_note(d, d->rex == 0 ? ORACLE_TRAIT_HIGH_BYTE : ORACLE_TRAIT_LOW_BYTE);
    } else if (reg == RSP) {
        oracle_note(d, ORACLE_TRAIT_REGISTER_RSP);
    }
    if (reg == d->base || reg == d->index) {
        oracle_note(d, ORACLE_TRAIT_OPERAND_IN_ADDRESS);
    }
}

static void note_rip_relative(struct oracle_draft *d)
{
    oracle_note(d, ORACLE_TRAIT_RIP_RELATIVE);
    if (d->rex & REX_B) {
        oracle_note(d, ORACLE_TRAIT_RIP_RELATIVE_REX_B);
    }
    if (d->immediate_bytes != 0) {
        oracle_note(d, ORACLE_TRAIT_RIP_RELATIVE_IMM);
    }
    if (d->address_67) {
        oracle_note(d, ORACLE_TRAIT_RIP_RELATIVE_67);
    }
}

static void note_address(struct oracle_draft *d)
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
            oracle_note(d, bases[i].trait);
        }
    }
    if (d->index == R12) {
        oracle_note(d, ORACLE_TRAIT_INDEX_R12);
    }
    if (d->c->has_sib && d->base == NO_REGISTER && d->index == NO_REGISTER) {
        oracle_note(d, ORACLE_TRAIT_ABSOLUTE);
    }
    if (d->base != NO_REGISTER && d->base == d->index) {
        oracle_note(d, ORACLE_TRAIT_SAME_BASE_INDEX);
    }
    if ((int64_t)d->displacement < 0) {
        oracle_note(d, d->displacement_bytes == 1 ? ORACLE_TRAIT_NEGATIVE_8
                                                  : ORACLE_TRAIT_NEGATIVE_32);
    }
    if (d->base != NO_REGISTER && !d->address_67 && gpr[d->base] > d->address) {
        oracle_note(d, ORACLE_TRAIT_WRAPS);
    }
}

bool oracle_draft_memory(struct oracle_draft *d)
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
    place = oracle_emit(d);
    if (d->c->length > sizeof(d->c->bytes)) {
        return false;
    }
    oracle_place_code(d);
    if (!oracle_solve(d)) {
        return false;
    }
    oracle_patch_displacement(d, place);
    d->c->device_mask = 1u << d->window;
    oracle_note(d, (enum oracle_trait)(ORACLE_TRAIT_WINDOW_LOW + (unsigned)d->window));
    note_registers(d);
    if (d->rip_relative) {
        note_rip_relative(d);
    }
    if (form->shape != ORACLE_OFFSET) {
        note_address(d);
    }
    return true;
}
