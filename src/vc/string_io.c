/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS, with and without REP (APM vol. 3, INS, OUTS, REP; GHCB spec 2.03, 4.1.2).
 *
 * One call moves at most SEVC_STRING_IO_BYTES, in exits of one shared buffer each. What is complete
 * is committed to the registers, as the processor does when an interrupt or a fault stops a REP
 * instruction between two elements. Data that a device has given up cannot be asked for twice: so the
 * destination of INS is known to be writable before the exit, and the number of elements is cut
 * where it is not.
 */
#include <sevc/event.h>

#include "../arch/arch.h"
#include "rep.h"

/* The elements of one exit. */
struct elements {
    uint64_t va;    /* of the first one */
    unsigned count; /* 1 to 2032 */
    unsigned left;  /* for this call */
    unsigned bytes; /* of each: 1, 2, 4 */
    bool down;      /* DF: each lies below the one before */
};

/* How many the shared buffer holds. */
static unsigned full(const struct elements *e)
{
    return SEVC_GHCB_SHARED_BUFFER_BYTES >> (e->bytes >> 1);
}

/*
 * How many of REMAINING elements the next exit takes: what the shared buffer holds, one if the guest
 * is single-stepped, and none behind the point where the address wraps around: up to there they lie
 * side by side. POINTER is rSI or rDI.
 */
static unsigned clamp(const struct sevc_exception *vc, uint64_t remaining, uint64_t pointer,
                      const struct elements *e)
{
    unsigned shift = e->bytes >> 1; /* division by 1, 2, 4 */
    uint64_t mask = sevc_low_bytes(vc->insn.address_bytes);
    uint64_t before_wrap = (e->down ? pointer & mask : mask - (pointer & mask)) >> shift;
    uint64_t count = full(e);

    if (e->left < count) {
        count = e->left;
    }
    if (sevc_vc_has_tf(vc)) {
        count = 1;
    }
    if (remaining < count) {
        count = remaining;
    }
    return (unsigned)(before_wrap < count ? before_wrap + 1 : count);
}

/*
 * Moves the elements between memory and the shared buffer, where they lie in the order of the
 * operation; or probes their memory. Returns how many are complete; if not all, report->fault says
 * why the next is not. That is never #SS, which a non-canonical address in the stack segment is: in
 * 64-bit mode an SS override is ignored (APM vol. 3, 1.2.4), in 32-bit code all are canonical.
 *
 * The buffer is the shared page itself: what passes through is the device's data, which
 * nothing here interprets, so a private copy would protect nothing.
 */
static unsigned transfer(struct sevc_exception *vc, const struct elements *e,
                         enum sevc_access access)
{
    unsigned together = e->down ? 1 : e->count; /* elements that one copy takes */
    size_t bytes = (size_t)together * e->bytes;
    uint8_t *buffer = (uint8_t *)vc->cpu->ghcb.va + SEVC_GHCB_OFF_SHARED_BUFFER;
    uint64_t va = e->va;

    for (unsigned done = 0; done < e->count; done += together) {
        size_t copied = sevc_vc_copy(vc, va, buffer, bytes, access);

        if (copied != bytes) {
            return done + (unsigned)copied / e->bytes;
        }
        buffer += bytes;
        va -= e->bytes;
    }
    return e->count;
}

/* One exit, for as many elements as memory allows. Returns with *COUNT what has been moved. */
static enum sevc_result exchange(struct sevc_exception *vc, const struct sevc_string_io *io,
                                 struct elements *e)
{
    enum sevc_result result;

    /* Nothing of the last exit's; and of this one to be scrubbed, whatever becomes of it. */
    sevc_arch_zero(vc->session.page->shared_buffer, (vc->session.buffer_bytes + 7) / 8);
    vc->session.buffer_bytes = e->count * e->bytes;
    e->count = transfer(vc, e, io->in ? SEVC_ACCESS_PROBE_WRITE : SEVC_ACCESS_READ);
    if (e->count == 0) {
        return SEVC_OK;
    }
    result = sevc_event_string_io(&vc->session, io, e->count);
    if (result == SEVC_OK && io->in) {
        e->count = transfer(vc, e, SEVC_ACCESS_WRITE);
    }
    return result;
}

enum sevc_result sevc_vc_string_io(struct sevc_exception *vc)
{
    const struct sevc_insn *insn = &vc->insn;
    struct sevc_trap *trap = vc->trap;
    bool in = insn->kind == SEVC_INSN_INS;
    unsigned pointer = in ? SEVC_RDI : SEVC_RSI;
    uint64_t remaining = sevc_rep_remaining(vc);
    struct sevc_string_io io = {
        .port = (uint16_t)trap->gpr[SEVC_RDX],
        .bytes = insn->data_bytes,
        .address_bytes = insn->address_bytes,
        .segment = insn->segment,
        .rep = insn->rep,
        .in = in,
    };
    struct elements e = {
        .bytes = insn->data_bytes,
        .down = sevc_rep_goes_down(vc),
    };
    enum sevc_result result;
    unsigned wanted;

    if (remaining == 0) {
        return SEVC_OK; /* REP with rCX = 0 is complete before it begins */
    }
    result = sevc_vc_check_port(vc, io.port, io.bytes);
    if (result != SEVC_OK) {
        return result;
    }

    e.left = SEVC_STRING_IO_BYTES >> (e.bytes >> 1);
    do {
        e.va = sevc_string_address(insn, trap, pointer);
        e.count = wanted = clamp(vc, remaining, trap->gpr[pointer], &e);
        result = exchange(vc, &io, &e);
        if (result != SEVC_OK) {
            return result;
        }
        if (e.count != 0) {
            sevc_rep_commit(vc, SEVC_OUT(pointer), e.count);
        }
        if (e.count < wanted) { /* report->fault: the first element that is not complete */
            return sevc_vc_refuse(vc, SEVC_EXCEPTION, SEVC_STAGE_TRANSLATE, SEVC_REASON_COPY_FAULT);
        }
        e.left -= wanted;
        remaining -= wanted;
    } while (remaining != 0 && wanted == full(&e)); /* two full buffers, and what is left */
    return remaining == 0 ? SEVC_OK : sevc_vc_pause(vc);
}
