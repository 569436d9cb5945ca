/* SPDX-License-Identifier: MIT */
/* MMIO by MOV, MOVZX, MOVSX, MOVSXD, MOVNTI and MOVBE: one load or one store. */
#include <sevc/event.h>

#include "mmio_access.h"

static uint64_t swap_bytes(uint64_t value, unsigned bytes)
{
    return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

static uint64_t sign_extend(uint64_t value, unsigned bytes)
{
    unsigned unused_bits = 64 - 8 * bytes;

    return (uint64_t)((int64_t)(value << unused_bits) >> unused_bits);
}

enum sevc_result sevc_vc_mmio_load(struct sevc_exception *vc)
{
    const struct sevc_insn *insn = &vc->insn;
    struct sevc_mmio_access access;
    enum sevc_result result = sevc_mmio_operand(vc, false, &access);
    uint64_t value;

    if (result != SEVC_OK) {
        return result;
    }
    result = sevc_event_mmio_read(&vc->session, access.gpa, access.bytes, &value);
    if (result != SEVC_OK) {
        return result;
    }
    if (insn->byte_swap) {
        value = swap_bytes(value, insn->data_bytes);
    } else if (insn->sign_extend) {
        value = sign_extend(value, insn->data_bytes);
    }
    sevc_mmio_set_register(vc, value, insn->register_bytes);
    return SEVC_OK;
}

/* What is stored; the event cuts it to its width. */
static uint64_t stored(const struct sevc_exception *vc)
{
    const struct sevc_insn *insn = &vc->insn;
    uint64_t value;

    if (insn->kind == SEVC_INSN_STORE_IMM) {
        return insn->immediate;
    }
    value = sevc_mmio_get_register(vc);
    return insn->byte_swap ? swap_bytes(value, insn->data_bytes) : value;
}

enum sevc_result sevc_vc_mmio_store(struct sevc_exception *vc)
{
    struct sevc_mmio_access access;
    enum sevc_result result = sevc_mmio_operand(vc, true, &access);

    if (result != SEVC_OK) {
        return result;
    }
    return sevc_event_mmio_write(&vc->session, access.gpa, access.bytes, stored(vc));
}

/*
 * CLFLUSH and CLWB find nothing cached of a device, and PREFETCH (data_bytes 0) may be ignored
 * anywhere; skipped on encrypted memory, a flush would be missing.
 */
enum sevc_result sevc_vc_mmio_hint(struct sevc_exception *vc)
{
    struct sevc_mmio_access access;

    return vc->insn.data_bytes == 0 ? SEVC_OK : sevc_mmio_operand(vc, false, &access);
}
