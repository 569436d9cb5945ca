/* SPDX-License-Identifier: MIT */
/* Device memory by explicit calls (GHCB spec 2.03, 4.1.4). */
#include <sevc/event.h>

#include "direct.h"

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

enum sevc_result sevc_mmio_read(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                uint64_t offset, unsigned bytes, uint64_t *value)
{
    enum sevc_result result = check(cpu, window, offset, bytes);
    struct sevc_direct direct;

    if (result != SEVC_OK) {
        return result;
    }
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

enum sevc_result sevc_mmio_write(struct sevc_cpu *cpu, const struct sevc_mmio_window *window,
                                 uint64_t offset, unsigned bytes, uint64_t value)
{
    enum sevc_result result = check(cpu, window, offset, bytes);
    struct sevc_direct direct;

    if (result != SEVC_OK) {
        return result;
    }
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
