/* SPDX-License-Identifier: MIT */
/* The one walk that everything in src/page uses. Internal to this directory. */
#ifndef SEVC_SRC_PAGE_WALK_H
#define SEVC_SRC_PAGE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include <sevc/page.h>
#include <sevc/svm.h>

/* Bits of an entry (APM vol. 2, 5.4.1). */
#define PTE_P            (1ull << 0)
#define PTE_RW           (1ull << 1)
#define PTE_US           (1ull << 2)
#define PTE_A            (1ull << 5)
#define PTE_D            (1ull << 6)
#define PTE_PS           (1ull << 7) /* of a PDPE or PDE */
#define PTE_PAT_SMALL    (1ull << 7) /* of a PTE */
#define PTE_PAT_LARGE    (1ull << 12)
#define PTE_NX           (1ull << 63)
#define PTE_ADDRESS_MASK 0x000FFFFFFFFFF000ull

#define PAGE_BYTES_4K 0x1000ull
#define PAGE_BYTES_2M 0x200000ull
#define PAGE_BYTES_1G 0x40000000ull
#define TABLE_ENTRIES 512u

/* How a walk ends; the processor reports each differently. */
enum sevc_walk_end {
    SEVC_WALK_MAPPED,
    SEVC_WALK_NOT_CANONICAL,
    SEVC_WALK_NOT_PRESENT,
    SEVC_WALK_RESERVED, /* present, but with a reserved bit set */
};

/* What all levels together allow: the bits by which an error code of #PF names an access (8.4.2). */
#define RIGHT_WRITE PTE_RW
#define RIGHT_USER  PTE_US
#define RIGHT_FETCH (1ull << 4)

/* The entry that maps a page. */
struct sevc_leaf {
    volatile uint64_t *entry;
    uint64_t value; /* as it was read, once */
    uint64_t page_bytes;
    uint64_t gpa; /* of the byte that was walked to, without the C-bit */
    uint64_t rights;
};

/* Where the linear map has a physical address. */
static inline volatile uint64_t *sevc_page_pointer(const struct sevc_paging *paging, uint64_t gpa)
{
    return (volatile uint64_t *)(uintptr_t)(paging->linear_map + gpa);
}

/* The C-bit as a mask. c_bit has been checked. */
static inline uint64_t sevc_page_c_mask(const struct sevc_paging *paging)
{
    return 1ull << (paging->c_bit & 63);
}

/* Is the C-bit at a position that page.h allows? */
static inline bool sevc_page_c_bit_valid(const struct sevc_paging *paging)
{
    return paging->c_bit >= SEVC_C_BIT_MIN && paging->c_bit <= SEVC_C_BIT_MAX;
}

/* True if VA is canonical with the address bits in force. */
bool sevc_page_is_canonical(const struct sevc_paging *paging, uint64_t va);

/* Walks to VA. *LEAF is complete with SEVC_WALK_MAPPED only. Without a valid C-bit nothing is present. */
enum sevc_walk_end sevc_page_walk(const struct sevc_paging *paging, uint64_t va,
                                  struct sevc_leaf *leaf);

#endif
