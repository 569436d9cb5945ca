/* SPDX-License-Identifier: MIT */
/* A sevc_os_copy() by walking: check as the processor does, move through the linear map. */
#include "walk.h"

/* Exceptions and the rest of a page fault's error code (APM vol. 2, 8.2.14 and 8.4.2). */
#define VECTOR_GP 13
#define VECTOR_PF 14
#define PF_P      (1u << 0)
#define PF_RSV    (1u << 3)

/* A supervisor's write to a read-only page needs the right, too: CR0.WP is taken as set (5.6.2). */
static uint32_t rights_needed(const struct sevc_copy *copy)
{
    uint32_t rights = copy->user ? RIGHT_USER : 0;

    if (copy->access == SEVC_ACCESS_WRITE || copy->access == SEVC_ACCESS_PROBE_WRITE) {
        rights |= RIGHT_WRITE;
    }
    if (copy->access == SEVC_ACCESS_FETCH) {
        rights |= RIGHT_FETCH;
    }
    return rights;
}

static void report_fault(struct sevc_copy *copy, uint64_t va, enum sevc_walk_end end,
                         uint32_t needed)
{
    struct sevc_fault *fault = &copy->fault;

    *fault = (struct sevc_fault){ .vector = VECTOR_GP, .has_error_code = true };
    if (end != SEVC_WALK_NOT_CANONICAL) {
        fault->vector = VECTOR_PF;
        fault->cr2 = va;
        fault->error_code = needed | (end != SEVC_WALK_NOT_PRESENT ? PF_P : 0) |
                            (end == SEVC_WALK_RESERVED ? PF_RSV : 0);
    }
}

/* Of any alignment: the private side has none. */
typedef uint64_t u64_at __attribute__((aligned(1), may_alias));
typedef uint32_t u32_at __attribute__((aligned(1), may_alias));
typedef uint16_t u16_at __attribute__((aligned(1), may_alias));

/*
 * Moves at most BYTES by one load and one store, the widest for which the guest's side is naturally
 * aligned, and so atomic (APM vol. 2, 7.3.2). Returns how much that is.
 */
static size_t move_one(volatile uint8_t *to, const volatile uint8_t *from, uintptr_t guest,
                       size_t bytes)
{
    if (bytes >= 8 && guest % 8 == 0) {
        *(volatile u64_at *)to = *(const volatile u64_at *)from;
        return 8;
    }
    if (bytes >= 4 && guest % 4 == 0) {
        *(volatile u32_at *)to = *(const volatile u32_at *)from;
        return 4;
    }
    if (bytes >= 2 && guest % 2 == 0) {
        *(volatile u16_at *)to = *(const volatile u16_at *)from;
        return 2;
    }
    *to = *from;
    return 1;
}

/* Moves BYTES between GUEST and the copy's buffer from copy->done on; nothing for a probe. */
static void move(const struct sevc_copy *copy, volatile uint8_t *guest, size_t bytes)
{
    const volatile uint8_t *from = guest;
    volatile uint8_t *to = copy->buffer;
    size_t width;

    if (copy->access == SEVC_ACCESS_PROBE_READ || copy->access == SEVC_ACCESS_PROBE_WRITE) {
        return; /* and there may be no buffer */
    }
    to += copy->done;
    if (copy->access == SEVC_ACCESS_WRITE) {
        from = to;
        to = guest;
    }
    for (; bytes != 0; bytes -= width) {
        width = move_one(to, from, (uintptr_t)guest, bytes);
        guest += width;
        from += width;
        to += width;
    }
}

bool sevc_walk_copy(const struct sevc_paging *paging, struct sevc_copy *copy)
{
    uint32_t needed = rights_needed(copy);
    struct sevc_leaf leaf;

    copy->done = 0;
    while (copy->done < copy->bytes) {
        uint64_t va = copy->va + copy->done;
        uint64_t chunk = copy->bytes - copy->done;
        uint64_t in_page;
        enum sevc_walk_end end = sevc_page_walk(paging, va, &leaf);

        if (end != SEVC_WALK_MAPPED || (needed & ~leaf.rights) != 0) {
            report_fault(copy, va, end, needed);
            return false;
        }
        in_page = leaf.page_bytes - (va & (leaf.page_bytes - 1));
        chunk = chunk < in_page ? chunk : in_page;
        move(copy, (volatile uint8_t *)sevc_page_pointer(paging, leaf.gpa), (size_t)chunk);
        copy->done += (size_t)chunk;
    }
    return true;
}
