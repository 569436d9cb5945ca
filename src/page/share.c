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
    uint64_t va;
    uint64_t bytes;
    bool shared; /* what the range shall be */
    struct sevc_table_pages *tables;
};

static uint64_t last_byte(const struct change *change)
{
    return change->va + change->bytes - 1;
}

/* Is the page that LEAF maps in the other state? */
static bool differs(const struct change *change, const struct sevc_leaf *leaf)
{
    bool is_shared = (leaf->value & sevc_page_c_mask(change->paging)) == 0;

    return is_shared != change->shared;
}

/* Bytes from VA on that LEAF maps and that belong to the range. */
static uint64_t bytes_in_leaf(const struct change *change, const struct sevc_leaf *leaf,
                              uint64_t va)
{
    uint64_t in_leaf = leaf->page_bytes - (va & (leaf->page_bytes - 1));
    uint64_t in_range = last_byte(change) - va + 1;

    return in_leaf < in_range ? in_leaf : in_range;
}

static bool arguments_are_valid(const struct change *change)
{
    const struct sevc_paging *paging = change->paging;
    uint64_t last = last_byte(change);

    /* Two canonical ends in the same half have nothing but canonical addresses between them. */
    return sevc_page_c_bit_valid(paging) && ((change->va | change->bytes) % PAGE_BYTES_4K) == 0 &&
           last >= change->va && ((last ^ change->va) >> 63) == 0 &&
           sevc_page_is_canonical(paging, change->va) && sevc_page_is_canonical(paging, last);
}

static bool is_mapped(const struct change *change)
{
    struct sevc_leaf leaf;
    uint64_t done;

    for (done = 0; done < change->bytes; done += bytes_in_leaf(change, &leaf, change->va + done)) {
        if (sevc_page_walk(change->paging, change->va + done, &leaf) != SEVC_WALK_MAPPED) {
            return false;
        }
    }
    return true;
}

/* Must a page of SIZE bytes around the byte VA be split, to end at BOUNDARY? */
static bool must_split(const struct change *change, uint64_t va, uint64_t boundary, uint64_t size)
{
    struct sevc_leaf leaf;

    return boundary % size != 0 && sevc_page_walk(change->paging, va, &leaf) == SEVC_WALK_MAPPED &&
           size <= leaf.page_bytes && differs(change, &leaf);
}

/* How many tables the splits at both ends of the range take: 0 to 4. */
static size_t tables_needed(const struct change *change)
{
    static const uint64_t sizes[] = { PAGE_BYTES_1G, PAGE_BYTES_2M };
    uint64_t last = last_byte(change);
    size_t needed = 0;
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bool first_end = must_split(change, change->va, change->va, sizes[i]);
        bool last_end = must_split(change, last, last + 1, sizes[i]);
        bool same_page = change->va / sizes[i] == last / sizes[i];

        needed += (size_t)first_end + (size_t)last_end;
        needed -= (size_t)(first_end && last_end && same_page);
    }
    return needed;
}

/* Are there enough table pages, and are those that will be used addresses of pages? */
static enum sevc_result check_tables(const struct change *change)
{
    uint64_t mask = PTE_ADDRESS_MASK & ~sevc_page_c_mask(change->paging);
    struct sevc_table_pages *tables = change->tables;
    size_t needed = tables_needed(change);
    size_t i;

    if (tables == NULL) {
        return needed == 0 ? SEVC_OK : SEVC_FORBIDDEN;
    }
    tables->needed = needed;
    if (tables->count < needed) {
        return SEVC_FORBIDDEN;
    }
    for (i = 1; i <= needed; i++) {
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
        table[i] = child + i * (leaf->page_bytes / TABLE_ENTRIES);
    }
    /* The table grants everything: the rights are in the entries below it. */
    late = __atomic_exchange_n(leaf->entry,
                               gpa | sevc_page_c_mask(change->paging) | PTE_P | PTE_RW | PTE_US,
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

    while (sevc_page_walk(change->paging, va, &leaf) == SEVC_WALK_MAPPED &&
           differs(change, &leaf) && (boundary & (leaf.page_bytes - 1)) != 0) {
        split(change, va, &leaf);
        any = true;
    }
    return any;
}

/* Changes one page, the order being that of APM vol. 2, 7.10.6: caches, entry, TLB. */
static void change_leaf(const struct change *change, uint64_t va, const struct sevc_leaf *leaf)
{
    uint64_t c_mask = sevc_page_c_mask(change->paging);
    uint64_t offset;

    /* Lines are tagged with the C-bit: VA still names those of the old alias. */
    sevc_arch_fence();
    for (offset = 0; offset < leaf->page_bytes; offset += CACHE_LINE_BYTES) {
        sevc_arch_clflush((const void *)(uintptr_t)(va + offset));
    }
    sevc_arch_fence();
    /* Atomic, because another CPU's table walker may be setting A and D. */
    if (change->shared) {
        __atomic_fetch_and(leaf->entry, ~c_mask, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_or(leaf->entry, c_mask, __ATOMIC_SEQ_CST);
    }
    sevc_arch_invlpg(va);
}

/* Changes every page of the range, which begins and ends with pages. True if any differed. */
static bool change_all(const struct change *change)
{
    struct sevc_leaf leaf;
    bool any = false;
    uint64_t done;

    for (done = 0; done < change->bytes; done += bytes_in_leaf(change, &leaf, change->va + done)) {
        uint64_t va = change->va + done;

        if (sevc_page_walk(change->paging, va, &leaf) != SEVC_WALK_MAPPED) {
            break; /* the caller broke the promise that the tables are stable */
        }
        if (differs(change, &leaf)) {
            change_leaf(change, va, &leaf);
            any = true;
        }
    }
    return any;
}

static enum sevc_result apply(const struct change *change)
{
    enum sevc_result result;
    bool any_split;

    if (change->tables != NULL) {
        change->tables->needed = 0;
    }
    if (change->bytes == 0 && change->va % PAGE_BYTES_4K == 0) {
        return SEVC_OK;
    }
    if (!arguments_are_valid(change)) {
        return SEVC_INVALID;
    }
    if (!is_mapped(change)) {
        return SEVC_FORBIDDEN;
    }
    result = check_tables(change);
    if (result != SEVC_OK) {
        return result;
    }
    any_split = split_until(change, change->va, change->va);
    any_split |= split_until(change, last_byte(change), last_byte(change) + 1);
    if (any_split) {
        sevc_os_tlb_shootdown(change->va, change->bytes);
    }
    if (change_all(change)) {
        sevc_os_tlb_shootdown(change->va, change->bytes);
    }
    return SEVC_OK;
}

enum sevc_result sevc_page_share(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                 struct sevc_table_pages *tables)
{
    const struct change change = {
        .paging = paging, .va = va, .bytes = bytes, .shared = true, .tables = tables
    };

    return apply(&change);
}

enum sevc_result sevc_page_unshare(const struct sevc_paging *paging, uint64_t va, uint64_t bytes,
                                   struct sevc_table_pages *tables)
{
    const struct change change = {
        .paging = paging, .va = va, .bytes = bytes, .shared = false, .tables = tables
    };

    return apply(&change);
}
