/* SPDX-License-Identifier: MIT */
/* Makes records of what goes to the host and comes back (docs/trace-format.md). */
#include <stddef.h>

#include "ring.h"
#include "tap.h"

#if SEVC_TRACE

#define PAGE_QUADWORDS (SEVC_GHCB_SIZE / 8)

/* One bit for each quadword of the page that is not zero. */
struct outline {
    uint64_t bits[PAGE_QUADWORDS / 64];
    unsigned runs, quadwords;
};

static bool is_set(const struct outline *outline, unsigned at)
{
    return at < PAGE_QUADWORDS && (outline->bits[at / 64] >> (at % 64) & 1) != 0;
}

static unsigned run_length(const struct outline *outline, unsigned at)
{
    unsigned length = 0;

    while (is_set(outline, at + length)) {
        length++;
    }
    return length;
}

static void draw_outline(struct outline *outline, const volatile uint64_t *page)
{
    *outline = (struct outline){ 0 };
    for (unsigned i = 0; i < PAGE_QUADWORDS; i++) {
        if (page[i] != 0) {
            outline->runs += !is_set(outline, i - 1);
            outline->bits[i / 64] |= 1ull << (i % 64);
            outline->quadwords++;
        }
    }
}

/*
 * The host may change the page meanwhile: the outline is what was decided, and the record keeps to
 * it whatever the second look finds.
 */
static void put_page(const struct sevc_session *session, uint16_t type)
{
    const volatile uint64_t *page = (const volatile uint64_t *)session->page;
    struct sevc_trace *trace = sevc_trace_current();
    struct sevc_trace_head head = { 0, type, 0, 0 };
    struct sevc_trace_put put;
    struct outline outline;
    uint32_t number;

    if (trace == NULL) {
        return;
    }
    draw_outline(&outline, page);
    head.bytes = SEVC_TRACE_PAGE_DATA + 8 * (outline.runs + outline.quadwords);
    head.exception = sevc_trace_exception(trace);
    if (!sevc_trace_begin(&put, trace, &head, &number)) {
        return;
    }
    sevc_trace_put(&put, session->cpu->ghcb.gpa);
    sevc_trace_put(&put, outline.runs);
    for (unsigned at = 0; at < PAGE_QUADWORDS; at++) {
        unsigned length = run_length(&outline, at);

        if (length != 0) {
            sevc_trace_put(&put, (uint64_t)at * 8 | (uint64_t)length * 8 << 16);
        }
        for (; length != 0; length--, at++) {
            sevc_trace_put(&put, page[at]);
        }
    }
    sevc_trace_end(&put);
}

void sevc_tap_sent(const struct sevc_session *session)
{
    put_page(session, SEVC_TRACE_TYPE_PAGE_SENT);
}

void sevc_tap_returned(const struct sevc_session *session)
{
    put_page(session, SEVC_TRACE_TYPE_PAGE_RETURNED);
}

static void put_msr(uint16_t type, uint64_t value)
{
    struct sevc_trace *trace = sevc_trace_current();
    struct sevc_trace_head head = { SEVC_TRACE_MSR_END, type, 0, 0 };
    struct sevc_trace_put put;
    uint32_t number;

    if (trace == NULL) {
        return;
    }
    head.exception = sevc_trace_exception(trace);
    if (sevc_trace_begin(&put, trace, &head, &number)) {
        sevc_trace_put(&put, value);
        sevc_trace_end(&put);
    }
}

uint64_t sevc_tap_msr_exchange(uint64_t request)
{
    uint64_t response;

    put_msr(SEVC_TRACE_TYPE_MSR_SENT, request);
    response = sevc_msr_exchange(request);
    put_msr(SEVC_TRACE_TYPE_MSR_RETURNED, response);
    return response;
}

#endif
