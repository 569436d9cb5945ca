/* SPDX-License-Identifier: MIT */
/* The interrupted code's memory, through the hook. */
#include <stddef.h>

#include "exception.h"

#define LINEAR_32 (1ull << 32)

/* SKIP: bytes of BUFFER. */
static size_t copy_straight(const struct sevc_exception *vc, uint64_t va, void *buffer,
                            size_t bytes, enum sevc_access access, size_t skip)
{
    struct sevc_copy copy; /* of which the fault is the hook's to fill in */

    copy.trap = vc->trap;
    copy.va = va;
    copy.buffer = access >= SEVC_ACCESS_PROBE_READ ? NULL : (uint8_t *)buffer + skip;
    copy.bytes = bytes;
    copy.access = access;
    copy.user = sevc_vc_is_user(vc);
    copy.done = 0;
    if (sevc_tap_copy(&copy)) {
        return bytes;
    }
    vc->report->fault = copy.fault;
    return copy.done;
}

/*
 * Linear addresses have 32 bits but in 64-bit code: behind the last of them comes 0. No instruction
 * goes round, though: RIP ends there (APM vol. 2, 4.12), and it is fetched by one call.
 */
size_t sevc_vc_copy(const struct sevc_exception *vc, uint64_t va, void *buffer, size_t bytes,
                    enum sevc_access access)
{
    uint64_t below = LINEAR_32 - (uint32_t)va;
    size_t done;

    if (vc->code_bits == 64 || access == SEVC_ACCESS_FETCH) {
        return copy_straight(vc, va, buffer, bytes, access, 0);
    }
    if (bytes <= below) {
        return copy_straight(vc, (uint32_t)va, buffer, bytes, access, 0);
    }
    done = copy_straight(vc, (uint32_t)va, buffer, below, access, 0);
    return done < below ? done : done + copy_straight(vc, 0, buffer, bytes - below, access, below);
}

enum sevc_result sevc_vc_copy_all(const struct sevc_exception *vc, uint64_t va, void *buffer,
                                  size_t bytes, enum sevc_access access)
{
    if (sevc_vc_copy(vc, va, buffer, bytes, access) == bytes) {
        return SEVC_OK;
    }
    return sevc_vc_refuse(vc, SEVC_EXCEPTION, SEVC_STAGE_TRANSLATE, SEVC_REASON_COPY_FAULT);
}
