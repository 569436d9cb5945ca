/* SPDX-License-Identifier: MIT */
/* The bytes of an instruction: prefixes, opcode, ModRM, displacement, immediate (APM vol. 3, 1.2). */
#include "draft.h"

static void prefix(struct oracle_draft *d, uint8_t byte)
{
    d->prefixes[d->prefix_count++] = byte;
}

static void choose_segment(struct oracle_draft *d)
{
    static const uint8_t null_segments[4] = { 0x26, 0x2E, 0x36, 0x3E };
    unsigned choice = oracle_below(d->random, 100);

    if (choice < 12) {
        d->c->bases = ORACLE_BASE_FS;
        oracle_note(d, ORACLE_TRAIT_FS);
        if (oracle_percent(d->random, 8)) { /* the last one counts */
            oracle_note(d, ORACLE_TRAIT_BOTH_SEGMENTS);
            prefix(d, 0x65);
        }
        prefix(d, 0x64);
    } else if (choice < 24) {
        d->c->bases = ORACLE_BASE_GS;
        oracle_note(d, ORACLE_TRAIT_GS);
        prefix(d, 0x65);
    }
    if (oracle_percent(d->random, 15)) {
        oracle_note(d, d->c->bases != 0 ? ORACLE_TRAIT_FS_THEN_NULL : ORACLE_TRAIT_NULL_SEGMENT);
        prefix(d, null_segments[oracle_below(d->random, 4)]);
    }
}

static void choose_repeat(struct oracle_draft *d)
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
        oracle_note(d, ORACLE_TRAIT_REPEAT);
        prefix(d, oracle_percent(d->random, 50) ? 0xF2 : 0xF3);
    }
}

/* The order of legacy prefixes is free, but for those of segments, which was decided above. */
static void shuffle_prefixes(struct oracle_draft *d)
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
static void choose_lock(struct oracle_draft *d)
{
    const struct oracle_form *form = d->c->form;
    bool lockable = (form->flags & ORACLE_READS) != 0 && (form->flags & ORACLE_WRITES) != 0;

    if (lockable && oracle_percent(d->random, 3)) {
        oracle_note(d, ORACLE_TRAIT_LOCKED);
        prefix(d, 0xF0);
    }
}

void oracle_choose_prefixes(struct oracle_draft *d)
{
    const struct oracle_form *form = d->c->form;

    choose_repeat(d);
    if ((form->flags & ORACLE_NO_66) == 0 && oracle_percent(d->random, 25)) {
        d->operand_66 = true;
        oracle_note(d, ORACLE_TRAIT_OPERAND_66);
        prefix(d, 0x66);
    }
    if (oracle_percent(d->random, 20)) {
        d->address_67 = true;
        oracle_note(d, ORACLE_TRAIT_ADDRESS_67);
        prefix(d, 0x67);
    }
    choose_lock(d);
    choose_segment(d);
    shuffle_prefixes(d);
    if (oracle_percent(d->random, 65)) {
        d->rex = (uint8_t)(0x40 | oracle_below(d->random, 16));
        oracle_note(d, ORACLE_TRAIT_REX);
    }
    d->c->rex = d->rex;
}

static unsigned operand_bytes(const struct oracle_draft *d)
{
    if (d->rex & REX_W) {
        return 8;
    }
    return d->operand_66 ? 2 : 4;
}

void oracle_choose_sizes(struct oracle_draft *d)
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
        oracle_note(d, ORACLE_TRAIT_REX_W);
    }
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

static void emit_prefixes(struct oracle_draft *d)
{
    for (unsigned i = 0; i < d->prefix_count; i++) {
        if (i + 1 == d->prefix_count && oracle_percent(d->random, 4)) {
            oracle_note(d, ORACLE_TRAIT_DEAD_REX);
            emit(d->c, 0x40 | oracle_below(d->random, 16), 1);
        }
        emit(d->c, d->prefixes[i], 1);
    }
    if (d->rex != 0) {
        emit(d->c, d->rex, 1);
    }
}

/* Returns where the displacement stands. */
unsigned oracle_emit(struct oracle_draft *d)
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
void oracle_patch_displacement(struct oracle_draft *d, unsigned place)
{
    for (unsigned i = 0; i < d->displacement_bytes; i++) {
        d->c->bytes[place + i] = (uint8_t)(d->displacement >> (8 * i));
    }
}

void oracle_place_code(struct oracle_draft *d)
{
    enum oracle_window area = d->window;
    unsigned offset = oracle_below(d->random, ORACLE_PAGE_BYTES - 64);

    if (oracle_percent(d->random, 20)) {
        area = (enum oracle_window)oracle_below(d->random, ORACLE_WINDOWS);
    }
    d->c->code_ends = oracle_percent(d->random, 6);
    if (d->c->code_ends) {
        offset = ORACLE_PAGE_BYTES - d->c->length;
        oracle_note(d, ORACLE_TRAIT_CODE_ENDS);
    } else if (d->c->length > 1 && oracle_percent(d->random, 6)) {
        offset = ORACLE_PAGE_BYTES - 1 - oracle_below(d->random, d->c->length - 1u);
        oracle_note(d, ORACLE_TRAIT_CODE_CROSSES);
    }
    d->c->start.rip = oracle_code_va(area) + offset;
}
