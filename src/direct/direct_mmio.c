/* SPDX-License-Identifier: MIT */
/* Device memory by explicit calls (GHCB spec 2.03, 4.1.4). */
#include <sevc/event.h>

#include "straight.h"

static enum sevc_result check(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                              uint64_t offset, unsigned bytes)
{
    bool native = sevc_direct_is_native(cpu);

    if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || bytes > window->bytes ||
        offset > window->bytes - bytes || (native && window->va == NULL)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    /* The one page that is shared and no device: it must not be written into itself. */
    if (!native && window->gpa + offset + bytes - 1 - cpu->ghcb.gpa < SEVC_GHCB_SIZE + bytes - 1) {
        return sevc_direct_fail(cpu, SEVC_FORBIDDEN, SEVC_REASON_MMIO_RANGE);
    }
    return SEVC_OK;
}

static volatile void *address(const struct sevc_mmio_window *window, uint64_t offset)
{
    return (volatile uint8_t *)window->va + offset;
}

static __attribute__((noinline)) enum sevc_result read_any(struct sevc_cpu *cpu,
                                                           const struct sevc_mmio_window *window,
                                                           uint64_t offset, unsigned bytes,
                                                           uint64_t *value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        *value = sevc_arch_native_load(address(window, offset), bytes);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_mmio_read(&direct.session, window->gpa + offset, bytes, value);
    return sevc_direct_end(&direct, result);
}

static __attribute__((noinline)) enum sevc_result write_any(struct sevc_cpu *cpu,
                                                            const struct sevc_mmio_window *window,
                                                            uint64_t offset, unsigned bytes,
                                                            uint64_t value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        sevc_arch_native_store(address(window, offset), bytes, value);
        return SEVC_OK;
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_mmio_write(&direct.session, window->gpa + offset, bytes, value);
    return sevc_direct_end(&direct, result);
}

/* The first quadword of the shared buffer holds any operand. */
SEVC_INLINE volatile uint64_t *slot_of(volatile struct sevc_ghcb_page *page)
{
    return (volatile uint64_t *)page->shared_buffer;
}

SEVC_INLINE uint64_t low_bytes(uint64_t value, unsigned bytes)
{
    return value & (~0ull >> (64 - 8 * bytes));
}

SEVC_INLINE void send(struct sevc_cpu *cpu, volatile struct sevc_ghcb_page *page, uint64_t event,
                      uint64_t gpa, unsigned bytes)
{
    page->sw_scratch = cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
    sevc_hot_send(cpu, page, event, gpa, bytes, 0,
                  SEVC_VALID_ALWAYS | SEVC_VALID_BIT(SEVC_GHCB_OFF_SW_SCRATCH));
}

enum sevc_result sevc_mmio_read(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                uint64_t offset, unsigned bytes, uint64_t *value)
{
    enum sevc_result result = check(cpu, window, offset, bytes);
    volatile struct sevc_ghcb_page *page;
    struct sevc_report report;
    bool interrupts;

    if (result != SEVC_OK) {
        return result;
    }
    if (!sevc_straight_begin(cpu, &interrupts)) {
        return read_any(cpu, window, offset, bytes, value);
    }
    page = sevc_hot_page(cpu);
    send(cpu, page, SEVC_NAE_MMIO_READ, window->gpa + offset, bytes);
    if (!sevc_straight_replied(page, &report)) {
        *slot_of(page) = 0;
        return sevc_straight_refused(cpu, &report, interrupts);
    }
    *value = low_bytes(*slot_of(page), bytes);
    *slot_of(page) = 0;
    return sevc_straight_end(cpu, page, interrupts);
}

enum sevc_result sevc_mmio_write(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                 uint64_t offset, unsigned bytes, uint64_t value)
{
    enum sevc_result result = check(cpu, window, offset, bytes);
    volatile struct sevc_ghcb_page *page;
    struct sevc_report report;
    bool interrupts;
    bool good;

    if (result != SEVC_OK) {
        return result;
    }
    if (!sevc_straight_begin(cpu, &interrupts)) {
        return write_any(cpu, window, offset, bytes, value);
    }
    page = sevc_hot_page(cpu);
    *slot_of(page) = low_bytes(value, bytes);
    send(cpu, page, SEVC_NAE_MMIO_WRITE, window->gpa + offset, bytes);
    good = sevc_straight_replied(page, &report);
    *slot_of(page) = 0;
    return good ? sevc_straight_end(cpu, page, interrupts)
                : sevc_straight_refused(cpu, &report, interrupts);
}
