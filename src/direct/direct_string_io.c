/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS as explicit calls (GHCB spec 2.03, 4.1.2): one exchange for each shared buffer,
 * the session closed and interrupts let in between two.
 */
#include <sevc/event.h>

#include "straight.h"

/* One exchange of COUNT elements, which fit. */
static __attribute__((noinline)) enum sevc_result exchange_any(struct sevc_cpu *cpu,
                                                               const struct sevc_string_io *io,
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

/* SW_EXITINFO1 (APM vol. 2, 15.10.2). */
SEVC_INLINE uint64_t string_info(const struct sevc_string_io *io)
{
    return (uint64_t)io->port << SEVC_IOIO_PORT_SHIFT |
           (uint64_t)io->segment << SEVC_IOIO_SEGMENT_SHIFT | SEVC_IOIO_ADDRESS_64 |
           (uint64_t)io->bytes << SEVC_IOIO_SIZE_SHIFT | SEVC_IOIO_REP | SEVC_IOIO_STRING |
           (io->in ? SEVC_IOIO_IN : 0);
}

/* The same straight: INFO1 is string_info()'s. */
SEVC_INLINE enum sevc_result exchange(struct sevc_cpu *cpu, const struct sevc_string_io *io,
                                      uint64_t info1, uint8_t *buffer, unsigned count)
{
    unsigned bytes = count * io->bytes;
    volatile struct sevc_ghcb_page *page;
    struct sevc_report report;
    bool interrupts;
    bool good;

    if (!sevc_straight_begin(cpu, &interrupts)) {
        return exchange_any(cpu, io, buffer, count);
    }
    page = sevc_hot_page(cpu);
    if (!io->in) {
        sevc_arch_copy_bytes(page->shared_buffer, buffer, bytes);
    }
    page->sw_scratch = cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
    sevc_hot_send(cpu, page, SEVC_EXIT_IOIO, info1, count, 0,
                  SEVC_VALID_ALWAYS | SEVC_VALID_BIT(SEVC_GHCB_OFF_SW_SCRATCH));
    good = sevc_straight_replied(page, &report);
    if (good && io->in) {
        sevc_arch_copy_bytes(buffer, page->shared_buffer, bytes);
    }
    sevc_arch_zero(page->shared_buffer, (bytes + 7) / 8);
    return good ? sevc_straight_end(cpu, page, interrupts)
                : sevc_straight_refused(cpu, &report, interrupts);
}

static enum sevc_result exchange_all(struct sevc_cpu *cpu, const struct sevc_string_io *io,
                                     uint8_t *buffer, size_t count, size_t *done)
{
    /* Elements of 1, 2 or 4 bytes: a shift divides. */
    unsigned most = SEVC_GHCB_SHARED_BUFFER_BYTES >> io->bytes / 2;
    uint64_t info1 = string_info(io);
    enum sevc_result result = SEVC_OK;

    while (result == SEVC_OK && count != 0) {
        unsigned now = most;

        if (count < most) {
            now = (unsigned)count;
        }
        result = exchange(cpu, io, info1, buffer, now);
        if (result == SEVC_OK) {
            *done += now;
            buffer += (size_t)now * io->bytes;
            count -= now;
        }
    }
    return result;
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
