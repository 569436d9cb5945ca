/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS as explicit calls (GHCB spec 2.03, 4.1.2): an exchange for each shared buffer. As in
 * the #VC handler the three of a page are one turn, with interrupts off; what is longer, and what
 * needs a session, lets them in between any two.
 */
#include <sevc/event.h>

#include "straight.h"

#define TURN_EXCHANGES 3

/* How many elements of 1, 2, 4 bytes a shared buffer has room for; 0: there is no such size. */
static const uint16_t room[] = { 0, SEVC_GHCB_SHARED_BUFFER_BYTES,
                                 SEVC_GHCB_SHARED_BUFFER_BYTES / 2, 0,
                                 SEVC_GHCB_SHARED_BUFFER_BYTES / 4 };

/* SW_EXITINFO1 but for the size of an element (APM vol. 2, 15.10.2). */
#define STRING_INFO(port, segment)                                                                 \
    ((uint32_t)(port) << SEVC_IOIO_PORT_SHIFT | SEVC_IOIO_ADDRESS_64 | SEVC_IOIO_STRING |          \
     SEVC_IOIO_REP | (uint32_t)(segment) << SEVC_IOIO_SEGMENT_SHIFT)

SEVC_INLINE bool is_in(uint32_t info1)
{
    return (info1 & SEVC_IOIO_IN) != 0;
}

SEVC_INLINE size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* With a session: one exchange of COUNT elements, BYTES in all, which fit. */
static enum sevc_result exchange_any(struct sevc_cpu *cpu, uint32_t info1, uint8_t *buffer,
                                     size_t bytes, size_t count)
{
    volatile uint8_t *shared;
    struct sevc_direct direct;
    enum sevc_result result = sevc_direct_begin(&direct, cpu);

    if (result != SEVC_OK) {
        return result;
    }
    shared = direct.session.page->shared_buffer;
    sevc_session_scratch(&direct.session, (unsigned)bytes); /* scrubbed at the end */
    if (!is_in(info1)) {
        (void)sevc_arch_copy_out(shared, buffer, bytes);
    }
    result = sevc_session_exchange(&direct.session, SEVC_EXIT_IOIO, info1, count, 0);
    if (result == SEVC_OK && is_in(info1)) {
        (void)sevc_arch_copy_in(buffer, shared, bytes);
    }
    return sevc_direct_end(&direct, result);
}

/* How many of COUNT elements are complete, if anybody wants to know. */
SEVC_INLINE void tell_done(size_t *done, size_t complete)
{
    if (done != NULL) {
        *done = complete;
    }
}

/* COUNT elements, however many: by the instruction, or with a session for each exchange. */
static SEVC_COLD enum sevc_result string_io_any(struct sevc_cpu *cpu, uint32_t info1,
                                                uint8_t *buffer, size_t count, size_t *done)
{
    uint16_t port = (uint16_t)(info1 >> SEVC_IOIO_PORT_SHIFT);
    unsigned bytes = info1 >> SEVC_IOIO_SIZE_SHIFT & 7;
    enum sevc_result result = SEVC_OK;
    size_t left = count;

    if (room[bytes] == 0) {
        tell_done(done, 0);
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    if (sevc_direct_is_native(cpu)) {
        if (is_in(info1)) {
            sevc_arch_native_ins(port, bytes, buffer, count);
        } else {
            sevc_arch_native_outs(port, bytes, buffer, count);
        }
        left = 0;
    }
    while (left != 0) {
        size_t now = least(left, room[bytes]);

        result = exchange_any(cpu, info1, buffer, now * bytes, now);
        if (result != SEVC_OK) {
            break;
        }
        buffer += now * bytes;
        left -= now;
    }
    tell_done(done, count - left);
    return result;
}

/* One exchange of COUNT elements through the buffer; the page is taken. Returns SW_EXITINFO1. */
SEVC_INLINE uint64_t exchange(struct sevc_cpu *cpu, volatile struct sevc_ghcb_page *page,
                              uint64_t scratch, uint32_t info1, size_t count)
{
    page->sw_scratch = scratch;
    sevc_hot_send(cpu, page, SEVC_EXIT_IOIO, info1, count,
                  SEVC_HOT_VALID(SEVC_GHCB_OFF_SW_SCRATCH));
    return page->sw_exitinfo1;
}

/* The exchange for the first of LEFT elements, which *DONE counts already, has failed. */
static SEVC_COLD enum sevc_result refused(struct sevc_cpu *cpu, uint64_t reply, uint64_t rflags,
                                          size_t left, size_t *done)
{
    if (done != NULL) {
        *done -= left;
    }
    return sevc_straight_refused(cpu, reply, rflags);
}

/* INFO: SW_EXITINFO1 but for the size. */
static SEVC_NOINLINE enum sevc_result string_io(struct sevc_cpu *cpu, uint32_t info, unsigned bytes,
                                                uint8_t *buffer, size_t count, size_t *done)
{
    volatile struct sevc_ghcb_page *page;
    uint64_t scratch, reply, rflags;
    uint32_t info1;
    size_t most, now;

    if (bytes >= sizeof(room) / sizeof(room[0])) {
        return string_io_any(cpu, info, buffer, count, done); /* with no size: none at all */
    }
    info1 = info + (bytes << SEVC_IOIO_SIZE_SHIFT);
    /* No such size; nothing to do; or more than a turn, of which each exchange is one of its own. */
    if (count - 1 >= TURN_EXCHANGES * (size_t)room[bytes]) {
        return string_io_any(cpu, info1, buffer, count, done);
    }
    most = room[bytes];
    tell_done(done, count); /* what fails takes off */
    if (!sevc_straight_take(cpu, &rflags)) {
        return string_io_any(cpu, info1, buffer, count, done);
    }
    page = sevc_hot_page(cpu);
    scratch = cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
    if (is_in(info)) {
        do {
            now = least(count, most);
            reply = exchange(cpu, page, scratch, info1, now);
            if (!sevc_straight_good(reply)) {
                return refused(cpu, reply, rflags, count, done);
            }
            buffer = sevc_arch_copy_in(buffer, page->shared_buffer, now * bytes);
            sevc_arch_zero(page, SEVC_PAGE_QWORDS);
            count -= now;
        } while (count != 0);
    } else {
        do {
            now = least(count, most);
            buffer =
                (uint8_t *)(uintptr_t)sevc_arch_copy_out(page->shared_buffer, buffer, now * bytes);
            reply = exchange(cpu, page, scratch, info1, now);
            if (!sevc_straight_good(reply)) {
                return refused(cpu, reply, rflags, count, done);
            }
            sevc_arch_zero(page, SEVC_PAGE_QWORDS);
            count -= now;
        } while (count != 0);
    }
    return sevc_straight_end(cpu, rflags);
}

enum sevc_result sevc_ins(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, void *buffer,
                          size_t count, size_t *done)
{
    return string_io(cpu, STRING_INFO(port, SEVC_ES) | SEVC_IOIO_IN, bytes, buffer, count, done);
}

enum sevc_result sevc_outs(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, const void *buffer,
                           size_t count, size_t *done)
{
    /* Only read: the direction says so. */
    return string_io(cpu, STRING_INFO(port, SEVC_DS), bytes, (uint8_t *)(uintptr_t)buffer, count,
                     done);
}
