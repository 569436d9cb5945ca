/* SPDX-License-Identifier: MIT */
/* IN and OUT as explicit calls. INS and OUTS: string_io.c. */
#include <sevc/event.h>

#include "direct.h"

#define ADDRESS_BYTES 8 /* no address is involved: what 64-bit code would have */

static bool size_fits(unsigned bytes)
{
    return bytes == 1 || bytes == 2 || bytes == 4;
}

enum sevc_result sevc_in(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t *value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (!size_fits(bytes)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
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

enum sevc_result sevc_out(struct sevc_cpu *cpu, uint16_t port, unsigned bytes, uint32_t value)
{
    struct sevc_direct direct;
    enum sevc_result result;

    if (!size_fits(bytes)) {
        return sevc_direct_fail(cpu, SEVC_INVALID, SEVC_REASON_ARGUMENT);
    }
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
