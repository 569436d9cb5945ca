/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor of a replay: answers with the recorded reply, after it has compared what libsevc
 * sends with what was sent then.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/arch/arch.h"
#include "replay.h"

struct replay *replay_now;
uint8_t replay_ghcb[TRACE_GHCB_BYTES] __attribute__((aligned(4096)));

void replay_differ(const char *format, ...)
{
    char text[DIFFERENCE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    replay_now->differences++;
    replay_now->differ(text, replay_now->argument);
}

/* ---- comparing two GHCBs as sent ---- */

#define VALID_BYTES SEVC_GHCB_OFF_VALID_BITMAP /* the bitmap speaks of what lies before it */

static bool is_valid(const uint8_t *page, unsigned offset)
{
    return (page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] >> (offset / 8 % 8) & 1) != 0;
}

static void compare_field(const uint8_t *ours, const uint8_t *theirs, unsigned offset)
{
    uint64_t a = ghcb_quadword(ours, offset);
    uint64_t b = ghcb_quadword(theirs, offset);
    const char *name = ghcb_field_name(offset);

    if (is_valid(ours, offset) && !is_valid(theirs, offset)) {
        replay_differ("only sevc sends %s", name);
    } else if (!is_valid(ours, offset) && is_valid(theirs, offset)) {
        replay_differ("only the guest sends %s", name);
    } else if (!is_valid(theirs, offset)) {
        if (b != 0) {
            replay_differ("the guest leaves something in %s, not marked valid", name);
        }
    } else if (a != b && (uint32_t)a == (uint32_t)b && a >> 32 == 0) {
        replay_differ("the guest sends all 64 bits of %s, sevc 32", name);
    } else if (a != b && (a & b) == a && (a == (b & 0xFF) || a == (b & 0xFFFF))) {
        replay_differ("the guest sends more bits of %s than the access is wide", name);
    } else if (a != b) {
        replay_differ("%s has another value", name);
    }
}

/* Where the guest's buffer is: behind SW_SCRATCH if that names a place in the page. */
static unsigned buffer_of(const uint8_t *page, uint64_t gpa)
{
    uint64_t scratch = ghcb_quadword(page, SEVC_GHCB_OFF_SW_SCRATCH);

    return is_valid(page, SEVC_GHCB_OFF_SW_SCRATCH) && scratch >= gpa &&
                   scratch < gpa + TRACE_GHCB_BYTES
               ? (unsigned)(scratch - gpa)
               : SEVC_GHCB_OFF_SHARED_BUFFER;
}

static void compare_buffer(const uint8_t *ours, const uint8_t *theirs, uint64_t gpa)
{
    unsigned at = buffer_of(theirs, gpa);
    unsigned used = 0;

    if (!is_valid(ours, SEVC_GHCB_OFF_SW_SCRATCH) || replay_now->memory_unknown) {
        return;
    }
    for (unsigned i = 0; i < SEVC_GHCB_SHARED_BUFFER_BYTES; i++) {
        used = ours[SEVC_GHCB_OFF_SHARED_BUFFER + i] != 0 ? i + 1 : used;
    }
    if (at + used <= TRACE_GHCB_BYTES &&
        memcmp(ours + SEVC_GHCB_OFF_SHARED_BUFFER, theirs + at, used) != 0) {
        replay_differ("the buffer has other contents");
    }
    for (unsigned i = used; i < SEVC_GHCB_SHARED_BUFFER_BYTES && at + i < 0xFF0; i++) {
        if (theirs[at + i] != 0) {
            replay_differ("the guest leaves something behind the buffer's used part");
            return;
        }
    }
}

static void compare_pages(const uint8_t *ours, const uint8_t *theirs, uint64_t gpa)
{
    for (unsigned offset = 0; offset < VALID_BYTES; offset += 8) {
        compare_field(ours, theirs, offset);
    }
    compare_buffer(ours, theirs, gpa);
    if (memcmp(ours + SEVC_GHCB_OFF_PROTOCOL_VERSION, theirs + SEVC_GHCB_OFF_PROTOCOL_VERSION, 2) !=
        0) {
        replay_differ("another protocol version");
    }
    if (memcmp(ours + SEVC_GHCB_OFF_USAGE, theirs + SEVC_GHCB_OFF_USAGE, 4) != 0) {
        replay_differ("another GHCB usage");
    }
}

/* ---- the page protocol ---- */

static const struct trace_record *event(unsigned at, uint16_t type)
{
    return at < replay_now->exception->count && replay_now->exception->events[at].type == type
               ? &replay_now->exception->events[at]
               : NULL;
}

/* Is it the same event? Then the reply fits, whatever else is sent with it. */
static bool same_event(const uint8_t *ours, const struct trace_record *sent)
{
    uint8_t page[TRACE_GHCB_BYTES];

    trace_page_expand(&sent->page, page);
    return ghcb_quadword(page, SEVC_GHCB_OFF_SW_EXITCODE) ==
               ghcb_quadword(ours, SEVC_GHCB_OFF_SW_EXITCODE) &&
           ghcb_quadword(page, SEVC_GHCB_OFF_SW_EXITINFO1) ==
               ghcb_quadword(ours, SEVC_GHCB_OFF_SW_EXITINFO1) &&
           ghcb_quadword(page, SEVC_GHCB_OFF_SW_EXITINFO2) ==
               ghcb_quadword(ours, SEVC_GHCB_OFF_SW_EXITINFO2);
}

static void skipped(const struct trace_record *sent)
{
    uint8_t page[TRACE_GHCB_BYTES];

    trace_page_expand(&sent->page, page);
    replay_differ("only the guest asks for %s",
                  exit_name(ghcb_quadword(page, SEVC_GHCB_OFF_SW_EXITCODE)));
}

/* The next recorded request of this event; those before it the library does not make. */
static const struct trace_record *find_request(void)
{
    for (unsigned at = replay_now->next; at < replay_now->exception->count; at++) {
        const struct trace_record *sent = event(at, SEVC_TRACE_TYPE_PAGE_SENT);

        if (sent == NULL || !same_event(replay_ghcb, sent)) {
            continue;
        }
        for (unsigned i = replay_now->next; i < at; i++) {
            if (event(i, SEVC_TRACE_TYPE_PAGE_SENT) != NULL) {
                skipped(event(i, SEVC_TRACE_TYPE_PAGE_SENT));
            }
        }
        replay_now->next = at + 1;
        return sent;
    }
    return NULL;
}

static const struct trace_record *reply_to(void)
{
    for (unsigned at = replay_now->next; at < replay_now->exception->count; at++) {
        if (event(at, SEVC_TRACE_TYPE_PAGE_SENT) != NULL) {
            return NULL; /* of the next one */
        }
        if (event(at, SEVC_TRACE_TYPE_PAGE_RETURNED) != NULL) {
            replay_now->next = at + 1;
            return event(at, SEVC_TRACE_TYPE_PAGE_RETURNED);
        }
    }
    return NULL;
}

static void refuse(void)
{
    const uint64_t rejected = SEVC_REPLY_REJECTED;

    replay_now->out_of_replies = true;
    memcpy(replay_ghcb + SEVC_GHCB_OFF_SW_EXITINFO1, &rejected, sizeof(rejected));
}

static void page_exit(void)
{
    const struct trace_record *sent = find_request();
    const struct trace_record *returned;
    uint8_t page[TRACE_GHCB_BYTES];
    unsigned buffer;

    if (sent == NULL) {
        replay_differ("only sevc asks for %s",
                      exit_name(ghcb_quadword(replay_ghcb, SEVC_GHCB_OFF_SW_EXITCODE)));
        refuse();
        return;
    }
    trace_page_expand(&sent->page, page);
    compare_pages(replay_ghcb, page, sent->page.gpa);
    buffer = buffer_of(page, sent->page.gpa);
    returned = reply_to();
    if (returned == NULL) {
        refuse(); /* the trace ends here, or the guest did */
        return;
    }
    trace_page_expand(&returned->page, replay_ghcb);
    if (buffer != SEVC_GHCB_OFF_SHARED_BUFFER && buffer < 0xFF0) {
        memmove(replay_ghcb + SEVC_GHCB_OFF_SHARED_BUFFER, replay_ghcb + buffer,
                0xFF0 -
                    (buffer > SEVC_GHCB_OFF_SHARED_BUFFER ? buffer : SEVC_GHCB_OFF_SHARED_BUFFER));
    }
}

/* ---- the MSR protocol ---- */

static void msr_exit(void)
{
    for (unsigned at = replay_now->next; at < replay_now->exception->count; at++) {
        const struct trace_record *sent = event(at, SEVC_TRACE_TYPE_MSR_SENT);

        if (sent == NULL) {
            continue;
        }
        if (sent->msr != replay_now->ghcb_msr) {
            break;
        }
        if (event(at + 1, SEVC_TRACE_TYPE_MSR_RETURNED) == NULL) {
            break;
        }
        replay_now->ghcb_msr = event(at + 1, SEVC_TRACE_TYPE_MSR_RETURNED)->msr;
        replay_now->next = at + 2;
        return;
    }
    /* In another order, perhaps: each CPUID register is a request of its own. */
    for (unsigned at = 0; at < replay_now->exception->count; at++) {
        const struct trace_record *sent = event(at, SEVC_TRACE_TYPE_MSR_SENT);

        if (sent != NULL && sent->msr == replay_now->ghcb_msr &&
            event(at + 1, SEVC_TRACE_TYPE_MSR_RETURNED) != NULL) {
            replay_now->ghcb_msr = event(at + 1, SEVC_TRACE_TYPE_MSR_RETURNED)->msr;
            replay_now->next = at + 2;
            replay_differ("requests of the MSR protocol in another order");
            return;
        }
    }
    replay_differ("only sevc asks by the MSR protocol for %s",
                  msr_request_name(replay_now->ghcb_msr));
    replay_now->out_of_replies = true;
}

void replay_host_finish(void)
{
    if (replay_now->out_of_replies) {
        return;
    }
    for (unsigned at = replay_now->next; at < replay_now->exception->count; at++) {
        if (event(at, SEVC_TRACE_TYPE_PAGE_SENT) != NULL) {
            skipped(event(at, SEVC_TRACE_TYPE_PAGE_SENT));
        } else if (event(at, SEVC_TRACE_TYPE_MSR_SENT) != NULL) {
            replay_differ("only the guest asks by the MSR protocol for %s",
                          msr_request_name(event(at, SEVC_TRACE_TYPE_MSR_SENT)->msr));
        }
    }
}

/* ---- the processor: src/arch/arch.h ---- */

void sevc_arch_vmgexit(void)
{
    if ((replay_now->ghcb_msr & SEVC_GHCB_MSR_INFO_MASK) == 0) {
        page_exit();
    } else {
        msr_exit();
    }
}

uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    if (msr == SEVC_MSR_GHCB) {
        return replay_now->ghcb_msr;
    }
    return replay_now->info != NULL && replay_now->info->sev_status != 0
               ? replay_now->info->sev_status
               : SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES;
}

void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    if (msr == SEVC_MSR_GHCB) {
        replay_now->ghcb_msr = value;
    }
}

void sevc_arch_zero(volatile void *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ((volatile uint64_t *)p)[i] = 0;
    }
}

/* Nothing below is on the path of an exception that is replayed. */

void sevc_arch_halt(void)
{
    fputs("sevc-trace replay: libsevc asked for the guest's end (a bug)\n", stderr);
    exit(TOOL_FAILED);
}

void sevc_arch_lidt(const void *descriptor)
{
    (void)descriptor;
}

void sevc_arch_clflush(const void *p)
{
    (void)p;
}

void sevc_arch_fence(void)
{
}

void sevc_arch_invlpg(uint64_t va)
{
    (void)va;
}
