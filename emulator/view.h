/* SPDX-License-Identifier: MIT */
/*
 * Exact memory encryption. A page's content is kept as one of the two aliases shows it, and only
 * that alias is mapped. An access through the other one faults; the content is then transformed,
 * as the memory controller's cipher would have shown it, and the aliases change places.
 *
 * The cipher is an exclusive-or with keys made from the frame number: no secret, but what
 * was written through one alias never reads as itself through the other.
 *
 * Devices do not fault. So private content lies elsewhere (memory_private()), and while it does,
 * the page's own address holds a filling of noise: that is what a device reads. A word of it that
 * has changed when the page is next shared is one that a device has written; it stays. Thus a
 * guest may clear the C-bit of a buffer's mapping and start DMA without touching it first, as
 * OVMF does, and no doorbell has to be watched. What a device writes to a page that the
 * guest goes on using privately is lost, where real hardware would garble the page.
 *
 * Before a page changes its view, the other processors are called out of their guests (smp.h).
 */
#ifndef EMULATOR_VIEW_H
#define EMULATOR_VIEW_H

#include <stdbool.h>
#include <stdint.h>

enum view {
    VIEW_SHARED,  /* C=0: what is in the memory chips */
    VIEW_PRIVATE, /* C=1: decrypted */
};

/*
 * After npt_init(). All RAM starts shared: private reads of fresh memory give garbage. The first of
 * them takes what is fresh around it along.
 */
void view_init(void);

enum view view_of(uint64_t gpa);

/* Whether plaintext is seen there through this view; always, with views=off. */
bool view_shows(uint64_t gpa, enum view view);

/* The page's content in its present view, at the address's offset. */
void *view_content(uint64_t gpa);

/* Makes the page show this view. Result: true if it had to be transformed. */
bool view_require(uint64_t gpa, enum view view);

/*
 * The place of a byte that the monitor itself is about to read or write through this view.
 * Result: NULL if it is no RAM of the guest's.
 */
void *view_reach(uint64_t gpa, enum view view);

/* Makes [start, end) private, whose bytes are plaintext already: what a loader has written there. */
void view_adopt_private(uint64_t start, uint64_t end);

/*
 * Page-table walks and instruction fetches decrypt whatever the C-bit of their address says (APM
 * vol. 2, 15.34.5). Makes the page private, and maps it at its C=0 name too until it is next
 * transformed. While it is so, data accesses with C=0 are not told apart: the one inexactness.
 * Result: true if anything changed.
 */
bool view_require_code(uint64_t gpa);

uint64_t view_flips(void);

#endif
