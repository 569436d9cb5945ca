/* SPDX-License-Identifier: MIT */
/* IN and OUT as explicit calls. INS and OUTS: string_io.c. */
#include <sevc/event.h>

#include "straight.h"

#define ADDRESS_BYTES 8 /* no address is involved: what 64-bit code would have */

static bool size_fits(unsigned bytes)
{
    return bytes == 1 || bytes == 2 || bytes == 4;
}

/* Of SW_EXITINFO1 what IN and OUT have in common (APM vol. 2, 15.10.2). */
SEVC_INLINE uint64_t port_info(uint16_t port, unsigned bytes)
{
    return (uint64_t)port << SEVC_IOIO_PORT_SHIFT | (uint64_t)bytes << SEVC_IOIO_SIZE_SHIFT |
           SEVC_IOIO_ADDRESS_64;
}

SEVC_INLINE uint32_t low_bytes(uint32_t value, unsigned bytes)
{
    return value & (~0u >> (32 - 8 * bytes));
}

static __attribute__((noinline)) enum sevc_result in_any(struct sevc_cpu *cpu, uint16_t port,
                                                         unsigned bytes, uint32_t *value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        *value = sevc_arch_native_in(port, bytes);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_in(&direct.session, port, bytes, ADDRESS_BYTES, value);
    return sevc_direct_end(&direct, result);
}

enum sevc_result sevc_in(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t *value)
{
    volatile struct sevc_ghcb_page *page;
    struct sevc_report report;
    bool interrupts;

    if (!size_fits(bytes)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    if (!sevc_straight_begin(cpu, &interrupts)) {
        return in_any(cpu, port, bytes, value);
    }
    page = sevc_hot_page(cpu);
    sevc_hot_send(cpu, page, SEVC_EXIT_IOIO, port_info(port, bytes) | SEVC_IOIO_IN, 0, 0,
                  SEVC_VALID_ALWAYS);
    if (!sevc_straight_replied(page, &report) ||
        !sevc_straight_has(&page->valid_bitmap[0], SEVC_VALID_BIT(SEVC_GHCB_OFF_RAX))) {
        return sevc_straight_refused(cpu, &report, interrupts);
    }
    *value = low_bytes(sevc_hot_low(&page->rax), bytes);
    return sevc_straight_end(cpu, page, interrupts);
}

static __attribute__((noinline)) enum sevc_result out_any(struct sevc_cpu *cpu, uint16_t port,
                                                          unsigned bytes, uint32_t value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        sevc_arch_native_out(port, bytes, value);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_out(&direct.session, port, bytes, ADDRESS_BYTES, value);
    return sevc_direct_end(&direct, result);
}

enum sevc_result sevc_out(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t value)
{
    volatile struct sevc_ghcb_page *page;
    struct sevc_report report;
    bool interrupts;

    if (!size_fits(bytes)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    if (!sevc_straight_begin(cpu, &interrupts)) {
        return out_any(cpu, port, bytes, value);
    }
    page = sevc_hot_page(cpu);
    page->rax = low_bytes(value, bytes);
    sevc_hot_send(cpu, page, SEVC_EXIT_IOIO, port_info(port, bytes), 0,
                  SEVC_VALID_BIT(SEVC_GHCB_OFF_RAX), SEVC_VALID_ALWAYS);
    if (!sevc_straight_replied(page, &report)) {
        return sevc_straight_refused(cpu, &report, interrupts);
    }
    return sevc_straight_end(cpu, page, interrupts);
}
