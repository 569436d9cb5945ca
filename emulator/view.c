/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "config.h"
#include "cpu.h"
#include "libc.h"
#include "memory.h"
#include "npt.h"
#include "smp.h"

/*
 * Per frame: enum view, whether a private page is mapped at its C=0 name too, whether it is RAM of
 * the guest at all, and whether it has been shared from the start.
 */
#define STATE_VIEW_MASK 0x01
#define STATE_LOOSE     0x02
#define STATE_RAM       0x04
#define STATE_FRESH     0x08

/* Memory is used from one page to the next: so many are made private at one fault (64 KiB). */
#define ROW_FRAMES 16

static uint8_t *states;
static uint64_t frames; /* how many states there are */
static uint64_t flips;

/* The two places of a page. */
struct places {
    uint64_t *shared, *private;
};

static struct places places_of(uint64_t frame)
{
    return (struct places){ memory_direct(frame * PAGE_BYTES),
                            memory_direct(memory_private(frame * PAGE_BYTES)) };
}

/*
 * Each word of memory has a key of its own: odd, hence never 0. An addition from one to the next, as
 * 50 000 pages change their view while Linux boots, and each instruction here is ten of the machine's.
 */
static uint64_t first_key(uint64_t frame)
{
    return ((frame + 1) * 0xD1342543DE82EF95ull) | 1;
}

static uint64_t next_key(uint64_t key)
{
    return key + 0x9E3779B97F4A7C16ull;
}

/* What the shared place holds while the page is private: neither plaintext nor its ciphertext. */
static uint64_t noise(uint64_t key)
{
    return key ^ 0xA3B195354A39B70Dull;
}

static void to_private(uint64_t frame)
{
    struct places page = places_of(frame);
    uint64_t key = first_key(frame);

    for (unsigned i = 0; i < PAGE_BYTES / sizeof(*page.shared); i++) {
        key = next_key(key);
        page.private[i] = page.shared[i] ^ key;
        page.shared[i] = noise(key);
    }
    flips++;
}

/* Words that are no noise any more have been written by a device meanwhile. */
static void to_shared(uint64_t frame)
{
    struct places page = places_of(frame);
    uint64_t key = first_key(frame);

    for (unsigned i = 0; i < PAGE_BYTES / sizeof(*page.shared); i++) {
        key = next_key(key);
        if (page.shared[i] == noise(key))
            page.shared[i] = page.private[i] ^ key;
    }
    flips++;
}

static void map(uint64_t frame)
{
    uint64_t gpa = frame * PAGE_BYTES, private = memory_private(gpa);
    bool decrypted = (states[frame] & STATE_VIEW_MASK) == VIEW_PRIVATE;
    bool loose = (states[frame] & STATE_LOOSE) != 0;

    if (config.views_off) {
        npt_set(gpa, gpa, NPT_FULL);
        npt_set(gpa | NPT_C_BIT, gpa, NPT_FULL);
        return;
    }
    /* Shared pages are not executable: a fetch through C=0 must fault to be decrypted. */
    if (decrypted)
        npt_set(gpa, private, loose ? NPT_FULL : NPT_NONE);
    else
        npt_set(gpa, gpa, NPT_DATA);
    npt_set(gpa | NPT_C_BIT, private, decrypted ? NPT_FULL : NPT_NONE);
}

void view_init(void)
{
    frames = memory_guest_end() / PAGE_BYTES;
    states = memory_alloc_pages((frames + PAGE_MASK) / PAGE_BYTES);
    for (size_t i = 0; i < memory_guest_count; i++) {
        for (uint64_t gpa = memory_guest[i].start; gpa < memory_guest[i].end; gpa += PAGE_BYTES) {
            states[gpa / PAGE_BYTES] = STATE_RAM | STATE_FRESH | VIEW_SHARED;
            map(gpa / PAGE_BYTES);
        }
    }
}

enum view view_of(uint64_t gpa)
{
    return states[gpa / PAGE_BYTES] & STATE_VIEW_MASK;
}

bool view_shows(uint64_t gpa, enum view view)
{
    return config.views_off || view_of(gpa) == view;
}

void *view_content(uint64_t gpa)
{
    return memory_direct(view_of(gpa) == VIEW_PRIVATE ? memory_private(gpa) : gpa);
}

static void transform(uint64_t frame, enum view view)
{
    if (view == VIEW_PRIVATE)
        to_private(frame);
    else
        to_shared(frame);
    states[frame] = (uint8_t)(STATE_RAM | view);
    map(frame);
}

/*
 * The rest of a fresh page's row, as far as it is fresh itself. Nobody can tell: what either view of
 * a page shows does not depend on which of them it is kept in.
 */
static void make_row_private(uint64_t frame)
{
    uint64_t first = frame - frame % ROW_FRAMES;

    for (uint64_t i = first; i < first + ROW_FRAMES && i < frames; i++) {
        if ((states[i] & STATE_FRESH) != 0)
            transform(i, VIEW_PRIVATE);
    }
}

bool view_require(uint64_t gpa, enum view view)
{
    uint64_t frame = gpa / PAGE_BYTES;
    bool fresh = (states[frame] & STATE_FRESH) != 0;

    if (view_shows(gpa, view))
        return false;
    smp_stop_others(frame);
    transform(frame, view);
    if (fresh)
        make_row_private(frame);
    return true;
}

void *view_reach(uint64_t gpa, enum view view)
{
    uint64_t frame = gpa / PAGE_BYTES;

    if (frame >= frames || (states[frame] & STATE_RAM) == 0)
        return NULL;
    view_require(gpa, view);
    return view_content(gpa);
}

bool view_require_code(uint64_t gpa)
{
    uint64_t frame = gpa / PAGE_BYTES;
    bool flipped = view_require(gpa, VIEW_PRIVATE);

    if (config.views_off || (states[frame] & STATE_LOOSE) != 0)
        return flipped;
    states[frame] |= STATE_LOOSE;
    map(frame);
    return true;
}

static void adopt(uint64_t frame)
{
    struct places page = places_of(frame);
    uint64_t key = first_key(frame);

    if (view_shows(frame * PAGE_BYTES, VIEW_PRIVATE))
        return;
    memcpy(page.private, page.shared, PAGE_BYTES);
    for (unsigned i = 0; i < PAGE_BYTES / sizeof(*page.shared); i++) {
        key = next_key(key);
        page.shared[i] = noise(key);
    }
    states[frame] = STATE_RAM | VIEW_PRIVATE;
    map(frame);
}

void view_adopt_private(uint64_t start, uint64_t end)
{
    for (uint64_t gpa = start & ~PAGE_MASK; gpa < end; gpa += PAGE_BYTES)
        adopt(gpa / PAGE_BYTES);
}

uint64_t view_flips(void)
{
    return flips;
}
