/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "cpu.h"
#include "memory.h"
#include "npt.h"
#include "smp.h"

/* Per frame: enum view, and whether a private page is mapped at its C=0 name too. */
#define STATE_VIEW_MASK 0x01
#define STATE_LOOSE     0x02

static uint8_t *states;
static uint64_t flips;

static void transform(uint64_t frame)
{
    uint64_t *words = memory_direct(frame * PAGE_BYTES);
    /* A xorshift generator, seeded by the frame through an odd constant so that it is not 0. */
    uint64_t key = (frame + 1) * 0x9E3779B97F4A7C15ull;

    for (unsigned i = 0; i < PAGE_BYTES / sizeof(*words); i++) {
        key ^= key << 13;
        key ^= key >> 7;
        key ^= key << 17;
        words[i] ^= key;
    }
    flips++;
}

static void map(uint64_t frame)
{
    uint64_t gpa = frame * PAGE_BYTES;
    bool decrypted = (states[frame] & STATE_VIEW_MASK) == VIEW_PRIVATE;
    bool loose = (states[frame] & STATE_LOOSE) != 0;

    /* Shared pages are not executable: a fetch through C=0 must fault to be decrypted. */
    npt_set(gpa, decrypted ? (loose ? NPT_FULL : NPT_NONE) : NPT_DATA);
    npt_set(gpa | NPT_C_BIT, decrypted ? NPT_FULL : NPT_NONE);
}

void view_init(void)
{
    uint64_t bytes = memory_guest_end() / PAGE_BYTES;

    states = memory_alloc_pages((bytes + PAGE_MASK) / PAGE_BYTES);
    for (size_t i = 0; i < memory_guest_count; i++) {
        for (uint64_t gpa = memory_guest[i].start; gpa < memory_guest[i].end; gpa += PAGE_BYTES)
            map(gpa / PAGE_BYTES);
    }
}

enum view view_of(uint64_t gpa)
{
    return states[gpa / PAGE_BYTES] & STATE_VIEW_MASK;
}

bool view_require(uint64_t gpa, enum view view)
{
    uint64_t frame = gpa / PAGE_BYTES;

    if ((states[frame] & STATE_VIEW_MASK) == view)
        return false;
    smp_stop_others(frame);
    transform(frame);
    states[frame] = (uint8_t)view;
    map(frame);
    return true;
}

bool view_require_code(uint64_t gpa)
{
    uint64_t frame = gpa / PAGE_BYTES;
    bool flipped = view_require(gpa, VIEW_PRIVATE);

    if ((states[frame] & STATE_LOOSE) != 0)
        return flipped;
    states[frame] |= STATE_LOOSE;
    map(frame);
    return true;
}

void view_adopt_private(uint64_t start, uint64_t end)
{
    for (uint64_t gpa = start & ~PAGE_MASK; gpa < end; gpa += PAGE_BYTES) {
        states[gpa / PAGE_BYTES] = VIEW_PRIVATE;
        map(gpa / PAGE_BYTES);
    }
}

uint64_t view_flips(void)
{
    return flips;
}
