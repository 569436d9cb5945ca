/* SPDX-License-Identifier: MIT */
/* Device memory by explicit calls (GHCB spec 2.03, 4.1.4). */
#include <sevc/event.h>

#include "straight.h"

/* Every access: its size is one, and it lies in the window. */
static bool fits(const struct sevc_mmio_window *window, uint64_t offset, unsigned bytes)
{
    return (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) && bytes <= window->bytes &&
           offset <= window->bytes - bytes;
}

static enum sevc_result native(const struct sevc_mmio_window *window, uint64_t offset,
                               unsigned bytes, uint64_t *value, uint64_t event)
{
    volatile void *address = (volatile uint8_t *)window->va + offset;

    if (event == SEVC_NAE_MMIO_READ) {
        *value = sevc_arch_native_load(address, bytes);
    } else {
        sevc_arch_native_store(address, bytes, *value);
    }
    return SEVC_OK;
}

/* By an instruction, or with a session. */
static SEVC_COLD enum sevc_result access_any(struct sevc_cpu *cpu,
                                             const struct sevc_mmio_window *window, uint64_t offset,
                                             unsigned bytes, uint64_t *value, uint64_t event)
{
    uint64_t gpa = window->gpa + offset;
    struct sevc_direct direct;
    enum sevc_result result;

    if (sevc_direct_is_native(cpu)) {
        return window->va == NULL ? sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT)
                                  : native(window, offset, bytes, value, event);
    }
    result = sevc_direct_begin(&direct, cpu);
    if (result != SEVC_OK) {
        return result;
    }
    result = event == SEVC_NAE_MMIO_READ
                 ? sevc_event_mmio_read(&direct.session, gpa, bytes, value)
                 : sevc_event_mmio_write(&direct.session, gpa, bytes, *value);
    return sevc_direct_end(&direct, result);
}

/* EVENT: MMIO read or write. The first quadword of the shared buffer holds any operand. */
static SEVC_NOINLINE enum sevc_result access(struct sevc_cpu *cpu,
                                             const struct sevc_mmio_window *window, uint64_t offset,
                                             unsigned bytes, uint64_t *value, uint64_t event)
{
    volatile struct sevc_ghcb_page *page;
    volatile uint64_t *slot;
    uint64_t gpa = window->gpa + offset;
    uint64_t mask;
    uint64_t reply, rflags;

    if (!fits(window, offset, bytes)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
    /* The one page that is shared and no device: it must not be written into itself. */
    if (sevc_direct_is_ready(cpu) && gpa + bytes - 1 - cpu->ghcb.gpa < SEVC_GHCB_SIZE + bytes - 1) {
        return sevc_direct_fail(cpu, SEVC_FORBIDDEN, SEVC_REASON_MMIO_RANGE);
    }
    if (!sevc_straight_take(cpu, &rflags)) {
        return access_any(cpu, window, offset, bytes, value, event);
    }
    page = sevc_hot_page(cpu);
    slot = (volatile uint64_t *)page->shared_buffer;
    mask = ~0ull >> (64 - 8 * bytes);
    if (event == SEVC_NAE_MMIO_WRITE) {
        *slot = *value & mask;
    }
    page->sw_scratch = cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER;
    sevc_hot_send(cpu, page, event, gpa, bytes, SEVC_HOT_VALID(SEVC_GHCB_OFF_SW_SCRATCH));
    reply = page->sw_exitinfo1;
    if (!sevc_straight_good(reply)) {
        return sevc_straight_refused(cpu, reply, rflags);
    }
    if (event == SEVC_NAE_MMIO_READ) {
        *value = *slot & mask;
    }
    *slot = 0;
    sevc_exchange_scrub(page);
    return sevc_straight_end(cpu, rflags);
}

enum sevc_result sevc_mmio_read(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                uint64_t offset, unsigned bytes, uint64_t *value)
{
    return access(cpu, window, offset, bytes, value, SEVC_NAE_MMIO_READ);
}

enum sevc_result sevc_mmio_write(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                 uint64_t offset, unsigned bytes, uint64_t value)
{
    return access(cpu, window, offset, bytes, &value, SEVC_NAE_MMIO_WRITE);
}
