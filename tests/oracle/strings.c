/* SPDX-License-Identifier: MIT */
/* String instructions: rSI, rDI, rCX, DF, and which of the two sides is a device. */
#include "draft.h"

#include <sevc/config.h>

/* Elements of a string: more than two calls serve. */
#define COUNT_MAX  150
#define STRING_MAX (COUNT_MAX * 8)

struct range {
    uint64_t low; /* linear */
    unsigned bytes;
};

/* Where COUNT elements of a string go, both margins kept. */
static struct range place_string(struct oracle_draft *d, unsigned count)
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
static uint64_t first_element(const struct oracle_draft *d, const struct range *range)
{
    bool down = (d->c->start.rflags & RFLAGS_DF) != 0;

    return down ? range->low + range->bytes - d->c->data_bytes : range->low;
}

static void fill_string(struct oracle_draft *d, const struct range *range, uint64_t pattern)
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

static void make_device(struct oracle_draft *d, const struct range *range)
{
    d->c->device_mask |= 1u << oracle_window_of(range->low, range->bytes);
}

static bool is_in_device(const struct oracle_draft *d, const struct range *range)
{
    return (d->c->device_mask >> oracle_window_of(range->low, range->bytes) & 1) != 0;
}

/* rSI takes the override, rDI is always ES (APM vol. 3, MOVS). */
static bool set_source(struct oracle_draft *d, const struct range *range)
{
    uint64_t offset = first_element(d, range);

    if (!oracle_leave_segment(d, &offset)) {
        return false;
    }
    /* All of the string within the 4 GiB: what wraps around there is wild. */
    if (d->address_67 && (offset < STRING_MAX || offset > UINT32_MAX - STRING_MAX)) {
        return false;
    }
    oracle_set_register(d, RSI, offset);
    return true;
}

/* One of the two sides, or both, is a device; what is not, is ordinary memory. */
static void choose_devices(struct oracle_draft *d, const struct range *source,
                           const struct range *target)
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
        oracle_note(d, from && to ? ORACLE_TRAIT_DEVICE_TO_DEVICE
                       : from     ? ORACLE_TRAIT_FROM_DEVICE
                                  : ORACLE_TRAIT_TO_DEVICE);
    }
}

/* The number of elements; 1 without REP. */
static unsigned choose_count(struct oracle_draft *d)
{
    unsigned count;

    if (!d->c->rep) {
        return 1;
    }
    count = oracle_percent(d->random, 10) ? 0 : 1 + oracle_below(d->random, COUNT_MAX);
    oracle_set_register(d, RCX, count);
    oracle_note(d, ORACLE_TRAIT_REP);
    if (count == 0) {
        oracle_note(d, ORACLE_TRAIT_REP_ZERO);
    } else if (count > SEVC_MMIO_REP_MAX) {
        oracle_note(d, ORACLE_TRAIT_REP_LONG);
    }
    if (d->c->start.gpr[RCX] >> 32 != 0) {
        oracle_note(d, ORACLE_TRAIT_REP_UPPER_RCX);
    }
    return count;
}

/* Data with long runs of what CMPS and SCAS find equal. */
static void fill_strings(struct oracle_draft *d, const struct range *source,
                         const struct range *target)
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

bool oracle_draft_string(struct oracle_draft *d)
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
        oracle_set_register(d, RDI, first_element(d, &target));
    }
    if ((form->flags & ORACLE_SOURCE) != 0 && (form->flags & ORACLE_TARGET) != 0 &&
        target.low - source.low < source.bytes) {
        oracle_note(d, ORACLE_TRAIT_OVERLAP);
    }
    choose_devices(d, &source, &target);
    oracle_emit(d);
    return true;
}
