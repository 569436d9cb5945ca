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

/* Element sizes are 1, 2, 4: this divides by them. */
static unsigned shift_of(const struct sevc_exception *vc)
{
    return vc->insn.data_bytes >> 1;
}

/* How many the shared buffer holds. */
static unsigned full(const struct sevc_exception *vc)
{
    return (unsigned)SEVC_GHCB_SHARED_BUFFER_BYTES >> shift_of(vc);
}

/*
 * How many of REMAINING elements the next exit takes: what the shared buffer holds, one if the guest
 * is single-stepped, and none behind the point where the address wraps around: up to there they lie
 * side by side. LEFT: for this call. POINTER is rSI or rDI.
 */
static unsigned clamp(const struct sevc_exception *vc, uint64_t remaining, unsigned left,
                      uint64_t pointer)
{
    unsigned shift = shift_of(vc);
    uint64_t mask = sevc_low_bytes(vc->insn.address_bytes);
    uint64_t before_wrap = ((sevc_rep_goes_down(vc) ? pointer : ~pointer) & mask) >> shift;
    unsigned count = full(vc);

    if (left < count) {
        count = left;
    }
    if (sevc_vc_has_tf(vc)) {
        count = 1;
    }
    if (remaining < count) {
        count = (unsigned)remaining;
    }
    return before_wrap < count ? (unsigned)before_wrap + 1 : count;
}

/*
 * Moves COUNT elements, the first of which lies at VA, between memory and the shared buffer, where they
 * lie in the order of the operation; or probes their memory. Returns how many are complete; if not all,
 * report->fault says why the next is not. That is never #SS, which a non-canonical address in the stack
 * segment is: in 64-bit mode an SS override is ignored (APM vol. 3, 1.2.4), in 32-bit code all are
 * canonical.
 *
 * The buffer is the shared page itself: what passes through is the device's data, which
 * nothing here interprets, so a private copy would protect nothing.
 */
static unsigned transfer(struct sevc_exception *vc, uint64_t va, unsigned count,
                         enum sevc_access access)
{
    unsigned together = sevc_rep_goes_down(vc) ? 1 : count; /* elements that one copy takes */
    unsigned shift = shift_of(vc);
    size_t bytes = (size_t)together << shift;
    uint8_t *buffer = (uint8_t *)vc->cpu->ghcb.va + SEVC_GHCB_OFF_SHARED_BUFFER;

    for (unsigned done = 0; done < count; done += together) {
        size_t copied = sevc_vc_copy(vc, va, buffer, bytes, access);

        if (copied != bytes) {
            return done + (unsigned)(copied >> shift);
        }
        buffer += bytes;
        va -= bytes; /* DF: each lies below the one before */
    }
    return count;
}

/* One exit, for as many of COUNT elements as memory allows. Returns with *DONE what has been moved. */
static enum sevc_result exchange(struct sevc_exception *vc, const struct sevc_string_io *io,
                                 uint64_t va, unsigned count, unsigned *done)
{
    struct sevc_session *session = &vc->session;
    enum sevc_result result;

    /* Nothing of the last exit's; and of this one to be scrubbed, whatever becomes of it. */
    sevc_arch_zero(session->page->shared_buffer, (session->buffer_bytes + 7) / 8);
    session->buffer_bytes = count << shift_of(vc);
    count = transfer(vc, va, count, io->in ? SEVC_ACCESS_PROBE_WRITE : SEVC_ACCESS_READ);
    *done = count;
    if (count == 0) {
        return SEVC_OK;
    }
    result = sevc_event_string_io(session, io, count);
    if (result == SEVC_OK && io->in) {
        *done = transfer(vc, va, count, SEVC_ACCESS_WRITE);
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
    unsigned left = SEVC_STRING_IO_BYTES >> shift_of(vc);
    struct sevc_string_io io = {
        .port = (uint16_t)trap->gpr[SEVC_RDX],
        .bytes = insn->data_bytes,
        .address_bytes = insn->address_bytes,
        .segment = insn->segment,
        .rep = insn->rep,
        .in = in,
    };
    enum sevc_result result;
    unsigned wanted, done;

    if (remaining == 0) {
        return SEVC_OK; /* REP with rCX = 0 is complete before it begins */
    }
    result = sevc_vc_check_port(vc, io.port, io.bytes);
    if (result != SEVC_OK) {
        return result;
    }

    do {
        wanted = clamp(vc, remaining, left, trap->gpr[pointer]);
        result = exchange(vc, &io, sevc_string_address(insn, trap, pointer), wanted, &done);
        if (result != SEVC_OK) {
            return result;
        }
        if (done != 0) {
            sevc_rep_commit(vc, SEVC_OUT(pointer), done);
        }
        if (done < wanted) { /* report->fault: the first element that is not complete */
            return sevc_vc_refuse(vc, SEVC_EXCEPTION, SEVC_STAGE_TRANSLATE, SEVC_REASON_COPY_FAULT);
        }
        left -= wanted;
        remaining -= wanted;
    } while (remaining != 0 && wanted == full(vc)); /* two full buffers, and what is left */
    return remaining == 0 ? SEVC_OK : sevc_vc_pause(vc);
}
