/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS as explicit calls (GHCB spec 2.03, 4.1.2): one exchange for each shared buffer,
 * the session closed and interrupts let in between two.
 */
#include <sevc/event.h>

#include "direct.h"

/* One exchange of COUNT elements, which fit. */
static enum sevc_result exchange(struct sevc_cpu *cpu, const struct sevc_string_io *io,
                                 uint8_t *buffer, unsigned count)
{
    struct sevc_direct direct;
    enum sevc_result result = sevc_direct_begin(&direct, cpu);
    unsigned bytes = count * io->bytes;

    if (result != SEVC_OK) {
        return result;
    }
    direct.session.buffer_bytes = bytes; /* to be scrubbed, whatever becomes of it */
    if (!io->in) {
        sevc_arch_copy_bytes(direct.session.page->shared_buffer, buffer, bytes);
    }
    result = sevc_event_string_io(&direct.session, io, count);
    if (result == SEVC_OK && io->in) {
        sevc_arch_copy_bytes(buffer, direct.session.page->shared_buffer, bytes);
    }
    return sevc_direct_end(&direct, result);
}

static enum sevc_result exchange_all(struct sevc_cpu *cpu, const struct sevc_string_io *io,
                                     uint8_t *buffer, size_t count, size_t *done)
{
    size_t most = SEVC_GHCB_SHARED_BUFFER_BYTES / io->bytes;

    for (*done = 0; *done < count;) {
        size_t left = count - *done;
        unsigned now = (unsigned)(left < most ? left : most);
        enum sevc_result result = exchange(cpu, io, buffer + *done * io->bytes, now);

        if (result != SEVC_OK) {
            return result;
        }
        *done += now;
    }
    return SEVC_OK;
}

static void native(const struct sevc_string_io *io, void *buffer, size_t count)
{
    if (io->in) {
        sevc_arch_native_ins(io->port, io->bytes, buffer, count);
    } else {
        sevc_arch_native_outs(io->port, io->bytes, buffer, count);
    }
}

static enum sevc_result string_io(struct sevc_cpu *cpu, const struct sevc_string_io *io,
                                  void *buffer, size_t count, size_t *done)
{
    size_t unwanted = 0;

    done = done != NULL ? done : &unwanted;
    *done = 0;
    if (io->bytes != 1 && io->bytes != 2 && io->bytes != 4) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    if (sevc_direct_is_native(cpu)) {
        native(io, buffer, count);
        *done = count;
        return SEVC_OK;
    }
    return exchange_all(cpu, io, buffer, count, done);
}

/* An operand size that is none, whatever its upper bits, must not become one by being cut. */
static uint8_t element(unsigned bytes)
{
    return bytes <= 4 ? (uint8_t)bytes : 0;
}

enum sevc_result sevc_ins(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, void *buffer,
                          size_t count, size_t *done)
{
    struct sevc_string_io io = {
        .port = port,
        .bytes = element(bytes),
        .address_bytes = 8,
        .segment = SEVC_ES,
        .rep = true,
        .in = true,
    };

    return string_io(cpu, &io, buffer, count, done);
}

enum sevc_result sevc_outs(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, const void *buffer,
                           size_t count, size_t *done)
{
    struct sevc_string_io io = {
        .port = port,
        .bytes = element(bytes),
        .address_bytes = 8,
        .segment = SEVC_DS,
        .rep = true,
        .in = false,
    };

    /* Only read: io.in says so. */
    return string_io(cpu, &io, (void *)(uintptr_t)buffer, count, done);
}
