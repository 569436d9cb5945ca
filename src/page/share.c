/* SPDX-License-Identifier: MIT */
/*
 * Sharing pages with the hypervisor, and taking them back. In three passes, so that a call which
 * cannot be completed changes nothing: check everything, split what is partly concerned, change the
 * C-bits.
 */
#include "../arch/arch.h"
#include "walk.h"

/* Every processor with SEV has lines of 64 bytes; asking CPUID would raise #VC. */
#define CACHE_LINE_BYTES 64u

/* One call. The range is held by its first and last byte, because its end may be 2^64. */
struct change {
    const struct sevc_paging *paging;
    struct sevc_table_pages *tables;
    uint64_t c_mask;
    uint64_t first, last;
    bool shared; /* what the range shall be */
};

static bool arguments_are_valid(const struct change *change)
{
    const struct sevc_paging *paging = change->paging;

    /* Two canonical ends in the same half have nothing but canonical addresses between them. */
    return sevc_page_c_bit_valid(paging) && change->first % PAGE_BYTES_4K == 0 &&
           (change->last + 1) % PAGE_BYTES_4K == 0 && change->last >= change->first &&
           (change->last ^ change->first) >> 63 == 0 &&
           sevc_page_is_canonical(paging, change->first) &&
           sevc_page_is_canonical(paging, change->last);
}

/* Is there a page at VA? Then it is LEAF. */
static bool find(const struct change *change, uint64_t va, struct sevc_leaf *leaf)
{
    return sevc_page_walk(change->paging, va, leaf) == SEVC_WALK_MAPPED;
}

/* Is the page that LEAF maps in the other state? */
static bool differs(const struct change *change, const struct sevc_leaf *leaf)
{
    return ((leaf->value & change->c_mask) == 0) != change->shared;
}

/* Must a page of SIZE bytes around the byte VA be split, to end at BOUNDARY? */
static bool must_split(const struct change *change, uint64_t va, uint64_t boundary, uint64_t size)
{
    struct sevc_leaf leaf;

    return (boundary & (size - 1)) != 0 && find(change, va, &leaf) && size <= leaf.page_bytes &&
           differs(change, &leaf);
}

/* How many tables the splits at both ends of the range take: 0 to 4. */
static size_t tables_needed(const struct change *change)
{
    size_t needed = 0;

    for (uint64_t size = PAGE_BYTES_1G; size >= PAGE_BYTES_2M; size /= TABLE_ENTRIES) {
        bool at_first = must_split(change, change->first, change->first, size);
        bool at_last = must_split(change, change->last, change->last + 1, size);
        bool same_page = (change->first ^ change->last) < size;

        needed += at_first;
        needed += at_last && !(at_first && same_page);
    }
    return needed;
}

/* Are there enough table pages, and are those that will be used addresses of pages? */
static enum sevc_result check_tables(const struct change *change)
{
    uint64_t mask = PTE_ADDRESS_MASK & ~change->c_mask;
    struct sevc_table_pages *tables = change->tables;
    size_t needed = tables_needed(change);

    tables->needed = needed;
    if (tables->count < needed) {
        return SEVC_FORBIDDEN;
    }
    for (size_t i = 1; i <= needed; i++) {
        if ((tables->gpa[tables->count - i] & ~mask) != 0) {
            return SEVC_INVALID;
        }
    }
    return SEVC_OK;
}

/* The entry for the first part of a large page: all that it says, for a 512th of the memory. */
static uint64_t first_child(const struct sevc_leaf *leaf)
{
    uint64_t child = leaf->value;

    if (leaf->page_bytes == PAGE_BYTES_2M) {
        /* In a PTE, PAT takes the place of PS, and its old place belongs to the address. */
        child &= ~(PTE_PS | PTE_PAT_LARGE);
        child |= (leaf->value & PTE_PAT_LARGE) != 0 ? PTE_PAT_SMALL : 0;
    }
    return child;
}

/* Replaces the large page at VA by a table that maps the same memory in the same way. */
static void split(const struct change *change, uint64_t va, const struct sevc_leaf *leaf)
{
    struct sevc_table_pages *tables = change->tables;
    uint64_t gpa = tables->gpa[--tables->count]; /* NOLINT(*NullDereference): check_tables() */
    volatile uint64_t *table = sevc_page_pointer(change->paging, gpa);
    uint64_t child = first_child(leaf);
    uint64_t late;
    unsigned i;

    for (i = 0; i < TABLE_ENTRIES; i++) {
        table[i] = child;
        child += leaf->page_bytes / TABLE_ENTRIES;
    }
    /* The table grants everything: the rights are in the entries below it. */
    late = __atomic_exchange_n(leaf->entry, gpa | change->c_mask | PTE_P | PTE_RW | PTE_US,
                               __ATOMIC_SEQ_CST);
    /* Another CPU's walker may have set these since the entry was read (APM vol. 2, 5.4.2). */
    late &= ~leaf->value & (PTE_A | PTE_D);
    for (i = 0; late != 0 && i < TABLE_ENTRIES; i++) {
        __atomic_fetch_or(&table[i], late, __ATOMIC_SEQ_CST);
    }
    sevc_arch_invlpg(va);
}

/* Splits the page that maps VA until one ends at BOUNDARY. Returns true if it had to. */
static bool split_until(const struct change *change, uint64_t va, uint64_t boundary)
{
    struct sevc_leaf leaf;
    bool any = false;

    while (find(change, va, &leaf) && differs(change, &leaf) &&
           (boundary & (leaf.page_bytes - 1)) != 0) {
        split(change, va, &leaf);
        any = true;
    }
    return any;
}

/* Changes one page, the order being that of APM vol. 2, 7.10.6: caches, entry, TLB. */
static void change_leaf(const struct change *change, uint64_t va, const struct sevc_leaf *leaf)
{
    /* Lines are tagged with the C-bit: VA still names those of the old alias. */
    sevc_arch_fence();
    for (uint64_t offset = 0; offset < leaf->page_bytes; offset += CACHE_LINE_BYTES) {
        sevc_arch_clflush((const void *)(uintptr_t)(va + offset));
    }
    sevc_arch_fence();
    /* Atomic, because another CPU's table walker may be setting A and D. */
    if (change->shared) {
        __atomic_fetch_and(leaf->entry, ~change->c_mask, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_or(leaf->entry, change->c_mask, __ATOMIC_SEQ_CST);
    }
    sevc_arch_invlpg(va);
}

/*
 * Goes through the pages of the range, and if CHANGE_THEM, changes those that differ; by then it
 * begins and ends with pages. False where one is not mapped: that is the first pass's to find, and
 * if the second does, the caller broke the promise that the tables are stable.
 */
static bool each_page(const struct change *change, bool change_them, bool *any)
{
    uint64_t va = change->first;
    struct sevc_leaf leaf;

    do {
        if (!find(change, va, &leaf)) {
            return false;
        }
        if (change_them && differs(change, &leaf)) {
            change_leaf(change, va, &leaf);
            *any = true;
        }
        va |= leaf.page_bytes - 1;
    } while (va++ < change->last);
    return true;
}

static void tell_others(const struct change *change, bool any)
{
    if (any) {
        sevc_os_tlb_shootdown(change->first, change->last - change->first + 1);
    }
}

static enum sevc_result apply(const struct change *change)
{
    bool any = false;
    enum sevc_result result;

    if (!arguments_are_valid(change)) {
        return SEVC_INVALID;
    }
    if (!each_page(change, false, &any)) {
        return SEVC_FORBIDDEN;
    }
    result = check_tables(change);
    if (result != SEVC_OK) {
        return result;
    }
    any = split_until(change, change->first, change->first);
    any |= split_until(change, change->last, change->last + 1);
    tell_others(change, any);
    any = false;
    (void)each_page(change, true, &any);
    tell_others(change, any);
    return SEVC_OK;
}

static enum sevc_result change_range(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                     struct sevc_table_pages *tables, bool shared)
{
    struct sevc_table_pages none = { 0 };
    const struct change change = {
        .paging = paging,
        .tables = tables != NULL ? tables : &none,
        .c_mask = sevc_page_c_mask(paging),
        .first = va,
        .last = va + bytes - 1,
        .shared = shared,
    };

    change.tables->needed = 0;
    return bytes == 0 && va % PAGE_BYTES_4K == 0 ? SEVC_OK : apply(&change);
}

enum sevc_result sevc_page_share(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                 struct sevc_table_pages *tables)
{
    return change_range(paging, va, bytes, tables, true);
}

enum sevc_result sevc_page_unshare(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                   struct sevc_table_pages *tables)
{
    return change_range(paging, va, bytes, tables, false);
}
