/* SPDX-License-Identifier: MIT */
/*
 * Sessions: where the shared page is taken, filled for any event, handed over, read back and
 * cleaned. The rules of doing so are in exchange.h; the bitmap is kept privately until the exit.
 */
#include <stddef.h>

#include <sevc/ghcb.h>
#include <sevc/svm.h>

#include "../trace/tap.h"
#include "exchange.h"
#include "layout.h"
#include "refuse.h"

/* The bit in the bitmap's second half that says that an event uses a buffer. */
#define SCRATCH_VALID (1ull << (SEVC_GHCB_VALID_INDEX(SEVC_GHCB_OFF_SW_SCRATCH) - 64))

/* ---- nesting ---- */

/*
 * An NMI has interrupted an open session on this CPU: what that one has put into the page is set
 * aside until this session ends.
 */
static void set_aside(struct sevc_session *session)
{
    sevc_arch_copy(session->cpu->backup, session->cpu->ghcb.va, SEVC_PAGE_QWORDS);
    sevc_arch_zero(session->cpu->ghcb.va, SEVC_PAGE_QWORDS);
}

static void put_back(struct sevc_session *session)
{
    sevc_arch_copy(session->cpu->ghcb.va, session->cpu->backup, SEVC_PAGE_QWORDS);
}

enum sevc_result sevc_session_begin(struct sevc_session *session, struct sevc_cpu *cpu,
                                    struct sevc_report *report)
{
    session->report = report;
    if (cpu == NULL || cpu->magic != SEVC_CPU_MAGIC) {
        return sevc_refuse(report, SEVC_FORBIDDEN, SEVC_STAGE_REQUEST, SEVC_REASON_NOT_READY);
    }
    if (cpu->depth > 1) {
        return sevc_refuse(report, SEVC_FORBIDDEN, SEVC_STAGE_REQUEST, SEVC_REASON_NESTING);
    }
    session->cpu = cpu;
    session->page = cpu->ghcb.va;
    session->valid[0] = 0;
    session->valid[1] = 0;
    session->buffer_bytes = 0;
    session->nested = cpu->depth != 0;
    /* From here on an interrupting session sees that the page is taken, and sets it aside. */
    sevc_cpu_set_depth(cpu, cpu->depth + 1);
    session->saved_msr = sevc_arch_rdmsr(SEVC_MSR_GHCB);
    if (session->nested) {
        set_aside(session);
    } else if (cpu->firmware_uses_ghcb) {
        sevc_arch_zero(cpu->ghcb.va, SEVC_PAGE_QWORDS); /* what its last use has left behind */
    }
    return SEVC_OK;
}

/* What lies in the shared buffer is the caller's until the next exchange, or the end. */
static void scrub_buffer(struct sevc_session *session)
{
    sevc_arch_zero(session->page->shared_buffer, (session->buffer_bytes + 7) / 8);
    session->buffer_bytes = 0;
}

/*
 * The page leaves the session all zero (exchange() has seen to the fields): nothing of ours remains
 * to be read, and nothing of the host's to be sent by the next user. An empty bitmap and exit code
 * also make a VMGEXIT that user mode executes (it is not privileged) an empty request.
 */
void sevc_session_end(struct sevc_session *session)
{
    struct sevc_cpu *cpu = session->cpu;

    if (session->nested) {
        put_back(session);
    } else if (session->buffer_bytes != 0) {
        scrub_buffer(session);
    }
    if (session->saved_msr != cpu->ghcb.gpa) {
        /* An NMI has interrupted a request of the MSR protocol, before or after its VMGEXIT. */
        sevc_arch_wrmsr(SEVC_MSR_GHCB, session->saved_msr);
    }
    sevc_cpu_set_depth(cpu, cpu->depth - 1);
}

void sevc_session_drop_all(struct sevc_cpu *cpu)
{
    if (cpu == NULL || cpu->magic != SEVC_CPU_MAGIC) {
        return;
    }
    sevc_arch_zero(cpu->ghcb.va, SEVC_PAGE_QWORDS);
    sevc_arch_wrmsr(SEVC_MSR_GHCB, cpu->ghcb.gpa);
    sevc_cpu_set_depth(cpu, 0);
}

void sevc_session_scratch(struct sevc_session *session, unsigned bytes)
{
    sevc_session_put(session, SEVC_GHCB_OFF_SW_SCRATCH,
                     session->cpu->ghcb.gpa + SEVC_GHCB_OFF_SHARED_BUFFER);
    if (bytes > session->buffer_bytes) {
        session->buffer_bytes = bytes;
    }
    for (unsigned i = bytes; i < session->buffer_bytes; i++) {
        session->page->shared_buffer[i] = 0; /* an earlier, longer exchange of this session */
    }
}

/* ---- one exchange ---- */

static void send(struct sevc_session *session, uint64_t event, uint64_t info1, uint64_t info2)
{
    volatile struct sevc_ghcb_page *page = session->page;

    /* The MSR each time: another context may have left a value of the MSR protocol there. */
    sevc_arch_wrmsr(SEVC_MSR_GHCB, session->cpu->ghcb.gpa);
    session->report->vmgexits++;
    session->report->nae_code = event;
    sevc_exchange_fill(session->cpu, page, event, info1, info2);
    page->valid_bitmap[0] = session->valid[0];
    page->valid_bitmap[1] = session->valid[1] | SEVC_VALID_ALWAYS;
    sevc_tap_sent(session);
    sevc_arch_vmgexit();
    sevc_tap_returned(session);
}

/*
 * SW_EXITINFO1 = 1: the host wants an exception. It may ask for #GP (an unknown MSR, a port) and
 * #UD, which the instruction itself could have raised, and for nothing else: any other vector would
 * be an injection that the guest did not agree to (GHCB spec 2.03, 4.1, table 5).
 */
static enum sevc_result injected(struct sevc_report *report)
{
    struct sevc_fault *fault = &report->fault;
    uint64_t info2 = report->info2;
    uint32_t event = (uint32_t)info2;
    unsigned vector = event & SEVC_EVENTINJ_VECTOR_MASK;
    bool has_error_code = (event & SEVC_EVENTINJ_ERROR_CODE_VALID) != 0;
    uint32_t error_code = (uint32_t)(info2 >> SEVC_EVENTINJ_ERROR_CODE_SHIFT);

    if ((event & SEVC_EVENTINJ_VALID) == 0 || (event & SEVC_EVENTINJ_RESERVED_MASK) != 0 ||
        (event & SEVC_EVENTINJ_TYPE_MASK) != SEVC_EVENTINJ_TYPE_EXCEPTION ||
        (vector != SEVC_VECTOR_UD && vector != SEVC_VECTOR_GP) ||
        has_error_code != (vector == SEVC_VECTOR_GP) || (!has_error_code && error_code != 0)) {
        return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, SEVC_REASON_BAD_INJECTION);
    }
    fault->vector = (uint8_t)vector;
    fault->has_error_code = has_error_code;
    fault->error_code = error_code;
    fault->cr2 = 0;
    return sevc_refuse(report, SEVC_EXCEPTION, SEVC_STAGE_REPLY, SEVC_REASON_INJECTED);
}

enum sevc_result sevc_reply_refused(struct sevc_report *report)
{
    switch ((uint32_t)report->info1) { /* bits 63:32 are the event's own */
    case SEVC_REPLY_OK:
        return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, SEVC_REASON_MISSING_OUTPUT);
    case SEVC_REPLY_EXCEPTION:
        return injected(report);
    case SEVC_REPLY_REJECTED:
        return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, SEVC_REASON_REJECTED);
    default:
        return sevc_refuse(report, SEVC_HOST_ERROR, SEVC_STAGE_REPLY, SEVC_REASON_UNDEFINED_REPLY);
    }
}

/*
 * The registers that the host has marked valid, bit n for enum sevc_gpr's n: from RCX on the
 * bitmap has them in that order, RCX at index 97; only RAX stands elsewhere, at 63.
 */
static unsigned returned_registers(const volatile struct sevc_ghcb_page *page)
{
    return (unsigned)(page->valid_bitmap[1] >> 32 & 0xFFFE) |
           (unsigned)(page->valid_bitmap[0] >> 63);
}

/* Copies what the host answers, once, and only what the event returns. */
static enum sevc_result receive(struct sevc_session *session, unsigned outputs)
{
    const volatile struct sevc_ghcb_page *page = session->page;
    struct sevc_report *report = session->report;

    report->info1 = page->sw_exitinfo1;
    report->info2 = page->sw_exitinfo2;
    session->reply.info2 = report->info2;
    if ((uint32_t)report->info1 != SEVC_REPLY_OK ||
        (outputs != 0 && (outputs & ~returned_registers(page)) != 0)) {
        return sevc_reply_refused(report);
    }
    for (; outputs != 0; outputs &= outputs - 1) {
        unsigned gpr = (unsigned)__builtin_ctz(outputs);

        session->reply.gpr[gpr] = *(const volatile uint64_t *)((const volatile uint8_t *)page +
                                                               sevc_ghcb_gpr_offset(gpr));
    }
    return SEVC_OK;
}

enum sevc_result sevc_session_exchange(struct sevc_session *session, uint64_t event, uint64_t info1,
                                       uint64_t info2, unsigned outputs)
{
    enum sevc_result result;

    if (session->buffer_bytes != 0 && (session->valid[1] & SCRATCH_VALID) == 0) {
        scrub_buffer(session); /* the last event's data; this one has none */
    }
    send(session, event, info1, info2);
    result = receive(session, outputs);
    sevc_exchange_scrub(session->page);
    session->valid[0] = 0;
    session->valid[1] = 0;
    return result;
}
