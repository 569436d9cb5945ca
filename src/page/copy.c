/* SPDX-License-Identifier: MIT */
/* A sevc_os_copy() by walking: check as the processor does, move through the linear map. */
#include "walk.h"

/* Exceptions and the error code of a page fault (APM vol. 2, 8.2.14 and 8.4.2). */
#define VECTOR_GP 13
#define VECTOR_PF 14
#define PF_P      (1u << 0)
#define PF_W      (1u << 1)
#define PF_U      (1u << 2)
#define PF_RSV    (1u << 3)
#define PF_I      (1u << 4)

static bool is_write(enum sevc_access access)
{
    return access == SEVC_ACCESS_WRITE || access == SEVC_ACCESS_PROBE_WRITE;
}

/* A supervisor's write to a read-only page fails too: CR0.WP is taken as set (5.6.2). */
static bool is_allowed(const struct sevc_copy *copy, const struct sevc_leaf *leaf)
{
    return (leaf->user || !copy->user) && (leaf->writable || !is_write(copy->access)) &&
           (leaf->executable || copy->access != SEVC_ACCESS_FETCH);
}

static void report_fault(struct sevc_copy *copy, uint64_t va, enum sevc_walk_end end)
{
    uint32_t error_code = 0;

    if (end == SEVC_WALK_NOT_CANONICAL) {
        copy->fault = (struct sevc_fault){ .vector = VECTOR_GP, .has_error_code = true };
        return;
    }
    error_code |= end != SEVC_WALK_NOT_PRESENT ? PF_P : 0;
    error_code |= is_write(copy->access) ? PF_W : 0;
    error_code |= copy->user ? PF_U : 0;
    error_code |= end == SEVC_WALK_RESERVED ? PF_RSV : 0;
    error_code |= copy->access == SEVC_ACCESS_FETCH ? PF_I : 0;
    copy->fault = (struct sevc_fault){
        .cr2 = va, .error_code = error_code, .vector = VECTOR_PF, .has_error_code = true
    };
}

/* The widest access at ADDRESS that is naturally aligned, and so atomic (APM vol. 2, 7.3.2). */
static size_t widest(uintptr_t address, size_t bytes)
{
    size_t width = 8;

    while (width > bytes || (address & (width - 1)) != 0) {
        width /= 2;
    }
    return width;
}

/* One access of WIDTH bytes to guest memory; the private side may have any alignment. */
static void load(void *to, const volatile void *guest, size_t width)
{
    if (width == 8) {
        uint64_t value = *(const volatile uint64_t *)guest;
        __builtin_memcpy(to, &value, sizeof(value));
    } else if (width == 4) {
        uint32_t value = *(const volatile uint32_t *)guest;
        __builtin_memcpy(to, &value, sizeof(value));
    } else if (width == 2) {
        uint16_t value = *(const volatile uint16_t *)guest;
        __builtin_memcpy(to, &value, sizeof(value));
    } else {
        *(uint8_t *)to = *(const volatile uint8_t *)guest;
    }
}

static void store(volatile void *guest, const void *from, size_t width)
{
    if (width == 8) {
        uint64_t value;
        __builtin_memcpy(&value, from, sizeof(value));
        *(volatile uint64_t *)guest = value;
    } else if (width == 4) {
        uint32_t value;
        __builtin_memcpy(&value, from, sizeof(value));
        *(volatile uint32_t *)guest = value;
    } else if (width == 2) {
        uint16_t value;
        __builtin_memcpy(&value, from, sizeof(value));
        *(volatile uint16_t *)guest = value;
    } else {
        *(volatile uint8_t *)guest = *(const uint8_t *)from;
    }
}

/* Moves BYTES between GUEST and the copy's buffer from copy->done on; nothing for a probe. */
static void move(const struct sevc_copy *copy, volatile uint8_t *guest, size_t bytes)
{
    uint8_t *buffer = copy->buffer;

    if (copy->access == SEVC_ACCESS_PROBE_READ || copy->access == SEVC_ACCESS_PROBE_WRITE) {
        return;
    }
    buffer += copy->done;
    while (bytes != 0) {
        size_t width = widest((uintptr_t)guest, bytes);

        if (copy->access == SEVC_ACCESS_WRITE) {
            store(guest, buffer, width);
        } else {
            load(buffer, guest, width);
        }
        guest += width;
        buffer += width;
        bytes -= width;
    }
}

bool sevc_walk_copy(const struct sevc_paging *paging, struct sevc_copy *copy)
{
    struct sevc_leaf leaf;

    copy->done = 0;
    while (copy->done < copy->bytes) {
        uint64_t va = copy->va + copy->done;
        uint64_t chunk = copy->bytes - copy->done;
        uint64_t in_page;
        enum sevc_walk_end end = SEVC_WALK_NOT_PRESENT; /* nothing is, without a C-bit */

        if (sevc_page_c_bit_valid(paging)) {
            end = sevc_page_walk(paging, va, &leaf);
        }
        if (end != SEVC_WALK_MAPPED || !is_allowed(copy, &leaf)) {
            report_fault(copy, va, end);
            return false;
        }
        in_page = leaf.page_bytes - (va & (leaf.page_bytes - 1));
        chunk = chunk < in_page ? chunk : in_page;
        move(copy, (volatile uint8_t *)sevc_page_pointer(paging, sevc_page_gpa(paging, &leaf, va)),
             (size_t)chunk);
        copy->done += (size_t)chunk;
    }
    return true;
}
