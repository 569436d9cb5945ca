/* SPDX-License-Identifier: MIT */
/*
 * Exact memory encryption. A page's content is kept as one of the two aliases shows it, and only
 * that alias is mapped. An access through the other one faults; the page is then transformed in
 * place, as the memory controller's cipher would have shown it, and the aliases change places.
 *
 * The cipher is an exclusive-or with a key stream made from the frame number: no secret, but what
 * was written through one alias never reads as itself through the other.
 *
 * Before a page changes its view, the other processors are called out of their guests (smp.h).
 * Place for later: a doorbell hook before device access, which makes every page that the guest
 * maps C=0 shared (DMA does not fault; issue 5); it belongs in view_require().
 */
#ifndef EMULATOR_VIEW_H
#define EMULATOR_VIEW_H

#include <stdbool.h>
#include <stdint.h>

enum view {
    VIEW_SHARED,  /* C=0: what is in the memory chips */
    VIEW_PRIVATE, /* C=1: decrypted */
};

/* After npt_init(). All RAM starts shared: private reads of fresh memory give garbage. */
void view_init(void);

enum view view_of(uint64_t gpa);

/* Makes the page show this view. Result: true if it had to be transformed. */
bool view_require(uint64_t gpa, enum view view);

/* The same for [start, end), whose bytes are plaintext already: what the loader has written. */
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
