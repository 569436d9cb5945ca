/* SPDX-License-Identifier: MIT */
/* The interrupted code's memory, through the hook. */
#include <stddef.h>

#include "exception.h"

size_t sevc_vc_copy(const struct sevc_exception *vc, uint64_t va, void *buffer, size_t bytes,
                    enum sevc_access access)
{
    struct sevc_copy copy; /* of which the fault is the hook's to fill in */

    copy.trap = vc->trap;
    copy.va = va;
    copy.buffer = access >= SEVC_ACCESS_PROBE_READ ? NULL : buffer;
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

enum sevc_result sevc_vc_copy_all(const struct sevc_exception *vc, uint64_t va, void *buffer,
                                  size_t bytes, enum sevc_access access)
{
    if (sevc_vc_copy(vc, va, buffer, bytes, access) == bytes) {
        return SEVC_OK;
    }
    return sevc_vc_refuse(vc, SEVC_EXCEPTION, SEVC_STAGE_TRANSLATE, SEVC_REASON_COPY_FAULT);
}
