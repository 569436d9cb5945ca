/* SPDX-License-Identifier: MIT */
/*
 * MOVS, STOS, LODS, CMPS and SCAS with a device on at least one side (APM vol. 3, the instructions
 * and REP). One exception serves SEVC_MMIO_REP_MAX elements: each is complete, registers included,
 * before the next begins, as when an interrupt stops the processor between two of them.
 *
 * A side on encrypted pages is ordinary memory, read and written through sevc_os_copy(). If
 * neither side is a device, the exit was injected, and the answer is no.
 */
#include <sevc/event.h>

#include "alu.h"
#include "mmio_access.h"

/* What one element reads and writes. */
struct element {
    struct sevc_mmio_access from; /* DS:rSI, or the override's segment */
    struct sevc_mmio_access to;   /* ES:rDI; of CMPS and SCAS the second source */
};

struct string_form {
    bool uses_rsi; /* a source in memory at rSI */
    bool uses_rdi; /* an operand in memory at rDI */
    bool writes;   /* rDI is the destination */
    bool compares; /* sets flags, and ends REPE and REPNE */
};

static struct string_form form_of(const struct sevc_insn *insn)
{
    switch (insn->kind) {
    case SEVC_INSN_MOVS:
        return (struct string_form){ .uses_rsi = true, .uses_rdi = true, .writes = true };
    case SEVC_INSN_STOS:
        return (struct string_form){ .uses_rdi = true, .writes = true };
    case SEVC_INSN_LODS:
        return (struct string_form){ .uses_rsi = true };
    case SEVC_INSN_CMPS:
        return (struct string_form){ .uses_rsi = true, .uses_rdi = true, .compares = true };
    default: /* SCAS */
        return (struct string_form){ .uses_rdi = true, .compares = true };
    }
}

/* ---- memory, whichever it is ---- */

static enum sevc_result copy(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                             enum sevc_access kind, uint64_t *value)
{
    struct sevc_copy request = {
        .trap = vc->trap,
        .va = access->va,
        .buffer = kind == SEVC_ACCESS_PROBE_WRITE ? NULL : value,
        .bytes = access->bytes,
        .access = kind,
    };

    if (!sevc_tap_copy(&request)) {
        return sevc_vc_raise(vc, SEVC_STAGE_TRANSLATE, SEVC_REASON_COPY_FAULT, request.fault);
    }
    return SEVC_OK;
}

static enum sevc_result read(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                             uint64_t *value)
{
    *value = 0;
    if (access->device) {
        return sevc_event_mmio_read(&vc->session, access->gpa, access->bytes, value);
    }
    return copy(vc, access, SEVC_ACCESS_READ, value);
}

static enum sevc_result write(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                              uint64_t value)
{
    if (access->device) {
        return sevc_event_mmio_write(&vc->session, access->gpa, access->bytes, value);
    }
    return copy(vc, access, SEVC_ACCESS_WRITE, &value);
}

/* Before a device gives data up that it will not give again, their destination has been probed. */
static enum sevc_result probe(struct sevc_exception *vc, const struct sevc_mmio_access *access)
{
    return access->device ? SEVC_OK : copy(vc, access, SEVC_ACCESS_PROBE_WRITE, NULL);
}

/* ---- one element ---- */

static enum sevc_result resolve_side(struct sevc_exception *vc, struct sevc_mmio_access *access,
                                     unsigned gpr, bool write_access)
{
    access->va = sevc_string_address(&vc->insn, vc->trap, gpr);
    access->bytes = vc->insn.data_bytes;
    access->segment = gpr == SEVC_RDI ? (uint8_t)SEVC_ES : vc->insn.segment;
    access->write = write_access;
    return sevc_mmio_resolve(vc, access);
}

static enum sevc_result resolve(struct sevc_exception *vc, const struct string_form *form,
                                struct element *e)
{
    enum sevc_result result = SEVC_OK;

    e->from.device = false;
    e->to.device = false;
    if (form->uses_rsi) {
        result = resolve_side(vc, &e->from, SEVC_RSI, false);
    }
    if (result == SEVC_OK && form->uses_rdi) {
        result = resolve_side(vc, &e->to, SEVC_RDI, form->writes);
    }
    if (result == SEVC_OK && !e->from.device && !e->to.device) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_ENCRYPTED_MMIO);
    }
    return result;
}

/* CMPS: [rSI] - [rDI]; SCAS: rAX - [rDI]. */
static enum sevc_result compare(struct sevc_exception *vc, const struct string_form *form,
                                const struct element *e, uint64_t first)
{
    uint64_t second;
    enum sevc_result result = read(vc, &e->to, &second);

    if (result == SEVC_OK) {
        uint64_t a = form->uses_rsi ? first : vc->trap->gpr[SEVC_RAX];

        vc->trap->rflags =
            sevc_alu(SEVC_ALU_CMP, vc->insn.data_bytes, a, second, vc->trap->rflags).rflags;
    }
    return result;
}

static enum sevc_result move(struct sevc_exception *vc, const struct string_form *form,
                             const struct element *e)
{
    uint64_t *rax = &vc->trap->gpr[SEVC_RAX];
    uint64_t value = *rax;
    enum sevc_result result = form->writes ? probe(vc, &e->to) : SEVC_OK;

    if (result == SEVC_OK && form->uses_rsi) {
        result = read(vc, &e->from, &value);
    }
    if (result != SEVC_OK) {
        return result;
    }
    if (form->compares) {
        return compare(vc, form, e, value);
    }
    if (form->writes) {
        return write(vc, &e->to, value);
    }
    *rax = sevc_vc_merge(*rax, value, vc->insn.data_bytes); /* LODS */
    return SEVC_OK;
}

static uint64_t step(const struct sevc_exception *vc)
{
    uint64_t bytes = vc->insn.data_bytes;

    return (vc->trap->rflags & SEVC_RFLAGS_DF) != 0 ? 0 - bytes : bytes;
}

static void commit(struct sevc_exception *vc, const struct string_form *form)
{
    uint64_t *gpr = vc->trap->gpr;
    unsigned width = vc->insn.address_bytes;

    if (form->uses_rsi) {
        gpr[SEVC_RSI] = sevc_vc_merge(gpr[SEVC_RSI], gpr[SEVC_RSI] + step(vc), width);
    }
    if (form->uses_rdi) {
        gpr[SEVC_RDI] = sevc_vc_merge(gpr[SEVC_RDI], gpr[SEVC_RDI] + step(vc), width);
    }
    if (vc->insn.rep) {
        gpr[SEVC_RCX] = sevc_vc_merge(gpr[SEVC_RCX], gpr[SEVC_RCX] - 1, width);
    }
}

/* ---- the instruction ---- */

static uint64_t remaining(const struct sevc_exception *vc)
{
    uint64_t mask = ~0ull >> (64 - 8 * vc->insn.address_bytes);

    return vc->insn.rep ? vc->trap->gpr[SEVC_RCX] & mask : 1;
}

/* REPE goes on while the elements are equal, REPNE while they are not. */
static bool ends_early(const struct sevc_exception *vc, const struct string_form *form)
{
    bool equal = (vc->trap->rflags & SEVC_RFLAGS_ZF) != 0;

    return form->compares && vc->insn.rep && equal == vc->insn.repne;
}

enum sevc_result sevc_vc_mmio_string(struct sevc_exception *vc)
{
    struct string_form form = form_of(&vc->insn);
    unsigned limit = sevc_vc_has_tf(vc) ? 1 : SEVC_MMIO_REP_MAX;

    if (remaining(vc) == 0) {
        return SEVC_OK;
    }
    for (unsigned i = 0; i < limit; i++) {
        struct element e;
        enum sevc_result result = resolve(vc, &form, &e);

        if (result == SEVC_OK) {
            result = move(vc, &form, &e);
        }
        if (result != SEVC_OK) {
            return result;
        }
        commit(vc, &form);
        if (!vc->insn.rep || remaining(vc) == 0 || ends_early(vc, &form)) {
            return SEVC_OK;
        }
    }
    return sevc_vc_pause(vc);
}
