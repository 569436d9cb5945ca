/* SPDX-License-Identifier: MIT */
/* NAE events 0x8000_0001 and 0x8000_0002, MMIO read and write (GHCB spec 2.03, 4.1.4). */
#include <sevc/event.h>

#include "argument.h"

static bool size_fits(unsigned bytes)
{
    return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

/* The first quadword of the shared buffer holds any operand. */
static volatile uint64_t *slot(struct sevc_session *session)
{
    return (volatile uint64_t *)session->page->shared_buffer;
}

static uint64_t low_bytes(uint64_t value, unsigned bytes)
{
    return value & (~0ull >> (64 - 8 * bytes));
}

enum sevc_result sevc_event_mmio_read(struct sevc_session *session, uint64_t gpa, unsigned bytes,
                                      uint64_t *value)
{
    enum sevc_result result;

    if (!size_fits(bytes)) {
        return sevc_bad_argument(session);
    }
    sevc_session_scratch(session, sizeof(uint64_t));
    *slot(session) = 0;
    result = sevc_session_exchange(session, SEVC_NAE_MMIO_READ, gpa, bytes, 0);
    if (result == SEVC_OK) {
        *value = low_bytes(*slot(session), bytes);
    }
    return result;
}

enum sevc_result sevc_event_mmio_write(struct sevc_session *session, uint64_t gpa, unsigned bytes,
                                       uint64_t value)
{
    if (!size_fits(bytes)) {
        return sevc_bad_argument(session);
    }
    sevc_session_scratch(session, sizeof(uint64_t));
    *slot(session) = low_bytes(value, bytes);
    return sevc_session_exchange(session, SEVC_NAE_MMIO_WRITE, gpa, bytes, 0);
}
