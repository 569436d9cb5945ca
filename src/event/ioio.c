/* SPDX-License-Identifier: MIT */
/* NAE event 0x7B, IOIO (GHCB spec 2.03, 4.1, table 6; SW_EXITINFO1: APM vol. 2, 15.10.2). */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "../arch/arch.h"
#include "argument.h"

/* The data and address sizes stand in SW_EXITINFO1 as numbers of bytes, which are also its bits. */
static uint64_t io_info(uint16_t port, unsigned bytes, unsigned address_bytes)
{
    return (uint64_t)port << SEVC_IOIO_PORT_SHIFT | (uint64_t)bytes << SEVC_IOIO_SIZE_SHIFT |
           (uint64_t)address_bytes << SEVC_IOIO_ADDRESS_SHIFT;
}

static bool sizes_fit(unsigned bytes, unsigned address_bytes)
{
    return (bytes == 1 || bytes == 2 || bytes == 4) &&
           (address_bytes == 2 || address_bytes == 4 || address_bytes == 8);
}

/* The low BYTES (1, 2, 4) of a value. */
static uint32_t low_bytes(uint64_t value, unsigned bytes)
{
    return (uint32_t)(value & (~0ull >> (64 - 8 * bytes)));
}

enum sevc_result sevc_event_in(struct sevc_session *session, uint16_t port, unsigned bytes,
                               unsigned address_bytes, uint32_t *value)
{
    enum sevc_result result;

    if (!sizes_fit(bytes, address_bytes)) {
        return sevc_bad_argument(session);
    }
    result =
        sevc_session_exchange(session, SEVC_EXIT_IOIO,
                              io_info(port, bytes, address_bytes) | SEVC_IOIO_IN, 0, SEVC_OUT_RAX);
    if (result == SEVC_OK) {
        *value = low_bytes(session->reply.gpr[SEVC_RAX], bytes);
    }
    return result;
}

enum sevc_result sevc_event_out(struct sevc_session *session, uint16_t port, unsigned bytes,
                                unsigned address_bytes, uint32_t value)
{
    if (!sizes_fit(bytes, address_bytes)) {
        return sevc_bad_argument(session);
    }
    sevc_session_put(session, SEVC_GHCB_OFF_RAX, low_bytes(value, bytes));
    return sevc_session_exchange(session, SEVC_EXIT_IOIO, io_info(port, bytes, address_bytes), 0,
                                 0);
}

enum sevc_result sevc_event_string_io(struct sevc_session *session, const struct sevc_string_io *io,
                                      unsigned count)
{
    uint64_t info1;

    if (!sizes_fit(io->bytes, io->address_bytes) || io->segment > SEVC_GS || count == 0 ||
        count > SEVC_GHCB_SHARED_BUFFER_BYTES / io->bytes) {
        return sevc_bad_argument(session);
    }
    info1 = io_info(io->port, io->bytes, io->address_bytes) | SEVC_IOIO_STRING |
            (uint64_t)io->segment << SEVC_IOIO_SEGMENT_SHIFT;
    if (io->in) {
        info1 |= SEVC_IOIO_IN;
    }
    if (io->rep) {
        info1 |= SEVC_IOIO_REP;
    }
    if (io->in) { /* nothing of what an OUTS of this session has put there */
        sevc_arch_zero(session->page->shared_buffer, (session->buffer_bytes + 7) / 8);
    }
    sevc_session_scratch(session, count * io->bytes);
    return sevc_session_exchange(session, SEVC_EXIT_IOIO, info1, count, 0);
}
