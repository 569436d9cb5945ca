/* SPDX-License-Identifier: MIT */
/* IN and OUT as explicit calls. INS and OUTS: direct_string_io.c. */
#include <sevc/event.h>
#include <sevc/svm.h>

#include "straight.h"

#define ADDRESS_BYTES 8 /* no address is involved: what 64-bit code would have */

/* What SW_EXITINFO1 says of IN or OUT: port and direction (APM vol. 2, 15.10.2). */
#define OUT_INFO(port) ((uint32_t)(port) << SEVC_IOIO_PORT_SHIFT)
#define IN_INFO(port)  (OUT_INFO(port) | SEVC_IOIO_IN)

/* And of every access. */
SEVC_INLINE uint32_t info_of(uint32_t port_and_direction, unsigned bytes)
{
    return port_and_direction + (bytes << SEVC_IOIO_SIZE_SHIFT) + SEVC_IOIO_ADDRESS_64;
}

/* The operand's size, and the bits of a register that count. */
SEVC_INLINE unsigned bytes_of(uint32_t info1)
{
    return info1 >> SEVC_IOIO_SIZE_SHIFT & 7;
}

SEVC_INLINE uint32_t mask_of(uint32_t info1)
{
    static const uint32_t masks[] = { 0, 0xFF, 0xFFFF, 0, 0xFFFFFFFF };

    return masks[bytes_of(info1)];
}

/* By the instruction, or with a session. */
static SEVC_COLD enum sevc_result access_any(struct sevc_cpu *cpu, uint32_t info1, uint32_t *value)
{
    uint16_t port = (uint16_t)(info1 >> SEVC_IOIO_PORT_SHIFT);
    unsigned bytes = bytes_of(info1);
    bool in = (info1 & SEVC_IOIO_IN) != 0;
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        if (in) {
            *value = sevc_arch_native_in(port, bytes);
        } else {
            sevc_arch_native_out(port, bytes, *value);
        }
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    result = in ? sevc_event_in(&direct.session, port, bytes, ADDRESS_BYTES, value)
                : sevc_event_out(&direct.session, port, bytes, ADDRESS_BYTES, *value);
    return sevc_direct_end(&direct, result);
}

static SEVC_NOINLINE enum sevc_result access(struct sevc_cpu *cpu, uint32_t info1, unsigned bytes,
                                             uint32_t *value)
{
    volatile struct sevc_ghcb_page *page;
    uint64_t reply, rflags;

    if (bytes != 1 && bytes != 2 && bytes != 4) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    info1 = info_of(info1, bytes);
    if (!sevc_straight_take(cpu, &rflags)) {
        return access_any(cpu, info1, value);
    }
    page = sevc_hot_page(cpu);
    if ((info1 & SEVC_IOIO_IN) == 0) {
        sevc_hot_put_rax(page, *value & mask_of(info1));
    }
    sevc_hot_send(cpu, page, SEVC_EXIT_IOIO, info1, 0, 0);
    reply = page->sw_exitinfo1;
    if (!sevc_straight_good(reply)) {
        return sevc_straight_refused(cpu, reply, rflags);
    }
    if ((info1 & SEVC_IOIO_IN) != 0) {
        if (!sevc_straight_has(&page->valid_bitmap[0], SEVC_VALID_BIT(SEVC_GHCB_OFF_RAX))) {
            return sevc_straight_refused(cpu, reply, rflags);
        }
        *value = sevc_hot_low(&page->rax) & mask_of(info1);
    }
    sevc_exchange_scrub(page);
    return sevc_straight_end(cpu, rflags);
}

enum sevc_result sevc_in(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t *value)
{
    return access(cpu, IN_INFO(port), bytes, value);
}

enum sevc_result sevc_out(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t value)
{
    return access(cpu, OUT_INFO(port), bytes, &value);
}
