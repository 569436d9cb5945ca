/* SPDX-License-Identifier: MIT */
/*
 * MOVS, STOS, LODS, CMPS and SCAS with a device on at least one side (APM vol. 3, the instructions
 * and REP). One exception serves SEVC_MMIO_REP_MAX elements: each is complete, registers included,
 * before the next begins, as when an interrupt stops the processor between two of them.
 *
 * A side on encrypted pages is ordinary memory, read and written through sevc_os_copy(). If
 * neither side is a device, the exit was injected, and the answer is no.
 */
#include <stddef.h>

#include <sevc/event.h>

#include "alu.h"
#include "mmio_access.h"
#include "rep.h"

/* What one element reads and writes. */
struct element {
    struct sevc_mmio_access from; /* DS:rSI, or the override's segment */
    struct sevc_mmio_access to;   /* ES:rDI; of CMPS and SCAS the second source */
};

/* What an instruction does with them, as bits. */
enum {
    USES_RSI = SEVC_OUT(SEVC_RSI), /* a source in memory at rSI */
    USES_RDI = SEVC_OUT(SEVC_RDI), /* an operand in memory at rDI */
    WRITES = 1 << 16,              /* rDI is the destination */
    COMPARES = 1 << 17,            /* sets flags, and ends REPE and REPNE */
};

static unsigned form_of(const struct sevc_insn *insn)
{
    switch (insn->kind) {
    case SEVC_INSN_MOVS:
        return USES_RSI | USES_RDI | WRITES;
    case SEVC_INSN_STOS:
        return USES_RDI | WRITES;
    case SEVC_INSN_LODS:
        return USES_RSI;
    case SEVC_INSN_CMPS:
        return USES_RSI | USES_RDI | COMPARES;
    default: /* SCAS */
        return USES_RDI | COMPARES;
    }
}

/* ---- memory, whichever it is ---- */

static enum sevc_result read(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                             uint64_t *value)
{
    *value = 0;
    if (access->device) {
        return sevc_event_mmio_read(&vc->session, access->gpa, access->bytes, value);
    }
    return sevc_vc_copy_all(vc, access->va, value, access->bytes, SEVC_ACCESS_READ);
}

static enum sevc_result write(struct sevc_exception *vc, const struct sevc_mmio_access *access,
                              uint64_t value)
{
    if (access->device) {
        return sevc_event_mmio_write(&vc->session, access->gpa, access->bytes, value);
    }
    return sevc_vc_copy_all(vc, access->va, &value, access->bytes, SEVC_ACCESS_WRITE);
}

/* Before a device gives data up that it will not give again, their destination has been probed. */
static enum sevc_result probe(struct sevc_exception *vc, const struct sevc_mmio_access *access)
{
    return access->device
               ? SEVC_OK
               : sevc_vc_copy_all(vc, access->va, NULL, access->bytes, SEVC_ACCESS_PROBE_WRITE);
}

/* ---- one element ---- */

static enum sevc_result resolve_side(struct sevc_exception *vc, struct sevc_mmio_access *access,
                                     unsigned gpr, bool write_access)
{
    access->va = sevc_string_address(&vc->insn, vc->trap, gpr);
    access->segment = gpr == SEVC_RDI ? (uint8_t)SEVC_ES : vc->insn.segment;
    access->write = write_access;
    return sevc_mmio_resolve(vc, access);
}

static enum sevc_result resolve(struct sevc_exception *vc, unsigned form, struct element *e)
{
    enum sevc_result result = SEVC_OK;

    e->from.device = false;
    e->to.device = false;
    if ((form & USES_RSI) != 0) {
        result = resolve_side(vc, &e->from, SEVC_RSI, false);
    }
    if (result == SEVC_OK && (form & USES_RDI) != 0) {
        result = resolve_side(vc, &e->to, SEVC_RDI, (form & WRITES) != 0);
    }
    if (result == SEVC_OK && !e->from.device && !e->to.device) {
        return sevc_vc_refuse(vc, SEVC_FORBIDDEN, SEVC_STAGE_TRANSLATE, SEVC_REASON_ENCRYPTED_MMIO);
    }
    return result;
}

/* CMPS: [rSI] - [rDI]; SCAS: rAX - [rDI]. FIRST: the one or the other. */
static enum sevc_result compare(struct sevc_exception *vc, const struct element *e, uint64_t first)
{
    uint64_t *rflags = &vc->trap->rflags;
    uint64_t second;
    enum sevc_result result = read(vc, &e->to, &second);

    if (result == SEVC_OK) {
        *rflags = sevc_alu(SEVC_ALU_CMP, vc->insn.data_bytes, first, second, *rflags).rflags;
    }
    return result;
}

static enum sevc_result move(struct sevc_exception *vc, unsigned form, const struct element *e)
{
    uint64_t *rax = &vc->trap->gpr[SEVC_RAX];
    uint64_t value = *rax;
    enum sevc_result result = (form & WRITES) != 0 ? probe(vc, &e->to) : SEVC_OK;

    if (result == SEVC_OK && (form & USES_RSI) != 0) {
        result = read(vc, &e->from, &value);
    }
    if (result != SEVC_OK) {
        return result;
    }
    if ((form & COMPARES) != 0) {
        return compare(vc, e, value);
    }
    if ((form & WRITES) != 0) {
        return write(vc, &e->to, value);
    }
    sevc_vc_set(rax, value, vc->insn.data_bytes); /* LODS */
    return SEVC_OK;
}

/* ---- the instruction ---- */

/* REPE goes on while the elements are equal, REPNE while they are not. */
static bool ends_early(const struct sevc_exception *vc, unsigned form)
{
    bool equal = (vc->trap->rflags & SEVC_RFLAGS_ZF) != 0;

    return (form & COMPARES) != 0 && equal == vc->insn.repne;
}

enum sevc_result sevc_vc_mmio_string(struct sevc_exception *vc)
{
    unsigned form = form_of(&vc->insn);
    unsigned limit = sevc_vc_has_tf(vc) ? 1 : SEVC_MMIO_REP_MAX;
    uint64_t left = sevc_rep_remaining(vc);

    if (left == 0) {
        return SEVC_OK;
    }
    for (unsigned i = 0; i < limit; i++) {
        struct element e;
        enum sevc_result result = resolve(vc, form, &e);

        if (result == SEVC_OK) {
            result = move(vc, form, &e);
        }
        if (result != SEVC_OK) {
            return result;
        }
        sevc_rep_commit(vc, form & (USES_RSI | USES_RDI), 1);
        if (--left == 0 || ends_early(vc, form)) {
            return SEVC_OK;
        }
    }
    return sevc_vc_pause(vc);
}
