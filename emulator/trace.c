/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <stddef.h>

#include <sevc/svm.h>
#include <sevc/trace_format.h>

#include "config.h"
#include "cpu.h"
#include "ghcb_server.h"
#include "insn.h"
#include "libc.h"
#include "memory.h"
#include "npt.h"
#include "report.h"
#include "trace_ring.h"
#include "vcpu.h"
#include "walk.h"

#define RING_BYTES 0x800000ull /* a power of two */

#define INTERCEPT_IRET (1ull << (SEVC_EXIT_IRET - SEVC_EXIT_INTR))

/* EXITINFO1 of an intercepted port access (APM vol. 2, 15.10.2). */
#define IOIO_IN         (1ull << 0)
#define IOIO_STRING     (1ull << 2)
#define IOIO_REP        (1ull << 3)
#define IOIO_SIZE_SHIFT 4 /* one bit each for 1, 2 and 4 bytes */

/* The most that one exception of sevc moves: a shared buffer; elements of string MMIO. */
#define STRING_IO_MAX   2032u
#define STRING_MMIO_MAX (64u * 8)

/* What is known before the frame is pushed. One processor at a time is here. */
static struct {
    uint32_t exit_code;
    struct vmcb_segment cs;
    uint64_t rip, rflags, rsp, ss;
    struct insn insn;
    bool fetched;
    uint64_t gpa; /* NPF */
    uint64_t string_at;
    uint32_t string_bytes;
    uint8_t string[STRING_IO_MAX];
} before;

uint64_t trace_pool_bytes(void)
{
    return config.trace ? RING_BYTES + PAGE_BYTES : 0;
}

void trace_start(void)
{
    static const char text[] = "recorder: the emulated platform's monitor";

    if (!config.trace)
        return;
    trace_ring_start(RING_BYTES);
    struct trace_put put = trace_begin(vcpu_at(0), SEVC_TRACE_TYPE_INFO,
                                       SEVC_TRACE_INFO_TEXT + (uint32_t)(sizeof(text) + 7) / 8 * 8,
                                       0, SEVC_TRACE_HAS_PLATFORM);
    trace_put(&put, SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES);
    trace_put(&put, 0);
    trace_put(&put, (uint64_t)vcpu_at(0)->ghcb.platform->version_max |
                        (uint64_t)vcpu_at(0)->ghcb.platform->c_bit << 16);
    trace_put(&put, 0);
    trace_put_bytes(&put, text, sizeof(text));
    trace_end(&put);
}

/* ---- an exception arrives ---- */

static bool is_64_bit(const struct vcpu *v, const struct vmcb_segment *cs)
{
    return vcpu_long_mode(v) && (cs->attributes & SEGMENT_L) != 0;
}

static unsigned code_bits(const struct vcpu *v, const struct vmcb_segment *cs)
{
    if (is_64_bit(v, cs))
        return 64;
    return (cs->attributes & SEGMENT_DB) != 0 ? 32 : 16;
}

/* The guest's side of a string instruction: what lies at RSI, as far as it can be read. */
static void read_string(struct vcpu *v, unsigned element, bool rep, unsigned max)
{
    uint64_t count = rep ? v->gpr[GPR_RCX] : 1;
    uint64_t bytes = count > max / element ? max - max % element : count * element;
    unsigned access = WALK_EXPLICIT | (vcpu_cpl(v) == 3 ? PF_U : 0);
    struct walk_fault fault;

    before.string_at = v->gpr[GPR_RSI];
    /* To the end of the page at first: the next may be absent. */
    uint64_t first = PAGE_BYTES - (before.string_at & PAGE_MASK);
    if (first > bytes)
        first = bytes;
    if (first == 0 || (v->vmcb->rflags & RFLAGS_DF) != 0 ||
        walk_read(v, before.string_at, access, before.string, first, &fault) != WALK_OK)
        return;
    before.string_bytes = (uint32_t)first;
    if (first < bytes && walk_read(v, before.string_at + first, access, before.string + first,
                                   bytes - first, &fault) == WALK_OK)
        before.string_bytes = (uint32_t)bytes;
}

static void note_string(struct vcpu *v, uint32_t exit_code)
{
    static const uint8_t movsb = 0xA4, movs = 0xA5;
    uint64_t info = v->vmcb->exit_info1;

    if (!is_64_bit(v, &v->vmcb->cs) || config.trace_no_memory)
        return;
    if (exit_code == SEVC_EXIT_IOIO && (info & IOIO_STRING) != 0 && (info & IOIO_IN) == 0) {
        unsigned element = info >> IOIO_SIZE_SHIFT & 7;
        if (element != 0)
            read_string(v, element, (info & IOIO_REP) != 0, STRING_IO_MAX);
    } else if (exit_code == SEVC_EXIT_NPF && before.fetched) {
        if (insn_is(&before.insn, &movsb, 1))
            read_string(v, 1, before.insn.rep, STRING_MMIO_MAX / 8);
        else if (insn_is(&before.insn, &movs, 1))
            read_string(v, 8, before.insn.rep, STRING_MMIO_MAX);
    }
}

void trace_prepare(struct vcpu *v, uint32_t exit_code)
{
    const struct vmcb *vmcb = v->vmcb;

    if (!config.trace)
        return;
    before.exit_code = exit_code;
    before.cs = vmcb->cs;
    before.rip = vmcb->rip;
    before.rflags = vmcb->rflags | RFLAGS_RF; /* as the frame has it */
    before.rsp = vmcb->rsp;
    before.ss = vmcb->ss.selector;
    before.fetched = insn_fetch(v, &before.insn);
    before.gpa = vmcb->exit_info2 & ~NPT_C_BIT;
    before.string_bytes = 0;
    note_string(v, exit_code);
}

static void put_registers(struct trace_put *put, const struct vcpu *v)
{
    trace_put(put, v->vmcb->rax);
    for (unsigned i = 1; i < 16; i++)
        trace_put(put, i == GPR_RSP ? 0 : v->gpr[i]);
}

static uint32_t put_exception(struct vcpu *v)
{
    const struct vmcb *vmcb = v->vmcb;
    uint32_t known = SEVC_TRACE_HAS_FRAME | SEVC_TRACE_HAS_CR3 | SEVC_TRACE_HAS_CR4 |
                     SEVC_TRACE_HAS_FS_BASE | SEVC_TRACE_HAS_GS_BASE | SEVC_TRACE_HAS_CODE_BITS;

    vcpu_fetch_hidden(v);
    if (before.fetched)
        known |= SEVC_TRACE_HAS_INSN;
    struct trace_put put =
        trace_begin(v, SEVC_TRACE_TYPE_EXCEPTION, SEVC_TRACE_VC_END, v->trace.number + 1, known);
    trace_put(&put, before.rip);
    trace_put(&put, before.cs.selector);
    trace_put(&put, before.rflags);
    trace_put(&put, before.rsp);
    trace_put(&put, before.ss);
    put_registers(&put, v);
    trace_put(&put, before.exit_code);
    trace_put(&put, vmcb->cr3);
    trace_put(&put, vmcb->cr4);
    trace_put(&put,
              0); /* XCR0 stays in the processor, where it could be read with CR4.OSXSAVE only */
    trace_put(&put, 0); /* nor is there XSS */
    trace_put(&put, vmcb->fs.base);
    trace_put(&put, vmcb->gs.base);
    trace_put(&put, code_bits(v, &before.cs) | (uint64_t)(before.fetched ? before.insn.count : 0)
                                                   << 8);
    uint8_t bytes[16] = { 0 };
    if (before.fetched)
        memcpy(bytes, before.insn.bytes, before.insn.count);
    trace_put_bytes(&put, bytes, sizeof(bytes));
    trace_end(&put);
    return v->trace.number;
}

static void put_operand(struct vcpu *v, uint32_t exception)
{
    struct trace_put put =
        trace_begin(v, SEVC_TRACE_TYPE_TRANSLATION, SEVC_TRACE_MAP_END, exception,
                    SEVC_TRACE_MAP_FOUND | SEVC_TRACE_MAP_WRITABLE | SEVC_TRACE_MAP_NO_VA);

    trace_put(&put, 0);
    trace_put(&put, before.gpa);
    trace_put(&put, PAGE_BYTES);
    trace_end(&put);
}

static void put_string(struct vcpu *v, uint32_t exception)
{
    uint32_t bytes = before.string_bytes;
    struct trace_put put = trace_begin(v, SEVC_TRACE_TYPE_MEMORY,
                                       SEVC_TRACE_MEM_DATA + (bytes + 7) / 8 * 8, exception, 0);

    trace_put(&put, before.string_at);
    trace_put(&put, 0);
    trace_put(&put, bytes | (uint64_t)bytes << 32);
    trace_put(&put, bytes);
    trace_put(&put, SEVC_TRACE_ACCESS_READ | (uint64_t)(before.cs.selector % 4 == 3) << 8);
    trace_put_bytes(&put, before.string, bytes);
    trace_end(&put);
}

/* Its end shows in an IRET. Of 32-bit guests only the beginning is told. */
static void wait_for_return(struct vcpu *v, uint32_t exception)
{
    struct trace_cpu *t = &v->trace;

    if (!vcpu_long_mode(v))
        return;
    if (t->pending == TRACE_PENDING_MAX) { /* the oldest will not come back any more */
        for (unsigned i = 1; i < TRACE_PENDING_MAX; i++)
            t->waits[i - 1] = t->waits[i];
        t->pending--;
    }
    t->waits[t->pending++] = (struct trace_pending){ exception, before.rsp, before.cs.selector };
    v->vmcb->intercept |= INTERCEPT_IRET;
}

void trace_exception(struct vcpu *v)
{
    if (!config.trace)
        return;
    uint32_t exception = put_exception(v);
    if (before.exit_code == SEVC_EXIT_NPF)
        put_operand(v, exception);
    if (before.string_bytes != 0)
        put_string(v, exception);
    wait_for_return(v, exception);
}

/* ---- exchanges ---- */

static uint32_t current(const struct vcpu *v)
{
    return v->trace.pending == 0 ? 0 : v->trace.waits[v->trace.pending - 1].number;
}

static void put_page(struct vcpu *v, uint16_t type, uint64_t gpa, const uint8_t *page)
{
    struct trace_runs runs;

    trace_find_runs(&runs, page);
    struct trace_put put = trace_begin(v, type, SEVC_TRACE_PAGE_DATA + runs.bytes, current(v), 0);
    trace_put(&put, gpa);
    trace_put(&put, runs.count);
    trace_put_runs(&put, &runs);
    trace_end(&put);
}

static void put_msr(struct vcpu *v, uint16_t type)
{
    struct trace_put put = trace_begin(v, type, SEVC_TRACE_MSR_END, current(v), 0);

    trace_put(&put, v->ghcb.msr);
    trace_end(&put);
}

void trace_sent(struct vcpu *v, uint64_t gpa, const uint8_t *page)
{
    if (!config.trace)
        return;
    if (page != NULL)
        put_page(v, SEVC_TRACE_TYPE_PAGE_SENT, gpa, page);
    else
        put_msr(v, SEVC_TRACE_TYPE_MSR_SENT);
}

void trace_returned(struct vcpu *v, uint64_t gpa, const uint8_t *page)
{
    if (!config.trace)
        return;
    if (page != NULL)
        put_page(v, SEVC_TRACE_TYPE_PAGE_RETURNED, gpa, page);
    else
        put_msr(v, SEVC_TRACE_TYPE_MSR_RETURNED);
    if (v->trace.pending != 0)
        v->vmcb->intercept |= INTERCEPT_IRET;
}

/* ---- an exception ends ---- */

struct iret_frame {
    uint64_t rip, cs, rflags, rsp, ss;
};

static void put_result(struct vcpu *v, uint32_t exception, const struct iret_frame *frame)
{
    struct trace_put put = trace_begin(v, SEVC_TRACE_TYPE_RESULT, SEVC_TRACE_RESULT_END, exception,
                                       SEVC_TRACE_HAS_FRAME);

    trace_put(&put, frame->rip);
    trace_put(&put, frame->cs);
    trace_put(&put, frame->rflags);
    trace_put(&put, frame->rsp);
    trace_put(&put, frame->ss);
    put_registers(&put, v);
    for (unsigned at = SEVC_TRACE_FRAME_END; at < SEVC_TRACE_RESULT_END; at += 8)
        trace_put(&put, 0);
    trace_end(&put);
}

/* The frame under RSP, if this is IRETQ. */
static bool read_iret_frame(struct vcpu *v, struct iret_frame *frame)
{
    static const uint8_t iret = 0xCF;
    struct walk_fault fault;
    struct insn insn;

    return is_64_bit(v, &v->vmcb->cs) && insn_fetch(v, &insn) && insn_is(&insn, &iret, 1) &&
           (insn.rex & 8) != 0 &&
           walk_read(v, v->vmcb->rsp, WALK_EXPLICIT, frame, sizeof(*frame), &fault) == WALK_OK;
}

bool trace_iret(struct vcpu *v)
{
    struct trace_cpu *t = &v->trace;
    struct iret_frame frame;

    if (t->pending == 0)
        return false;
    if (read_iret_frame(v, &frame)) {
        /* Those above it, if any, never came back. */
        for (unsigned i = t->pending; i-- > 0;) {
            if (t->waits[i].rsp == frame.rsp && t->waits[i].cs == (uint16_t)frame.cs) {
                put_result(v, t->waits[i].number, &frame);
                t->pending = i;
                break;
            }
        }
    }
    /* It is stepped over if another may follow at once: that of an outer exception. */
    if (nmi_waits_for_iret(v) || t->pending != 0)
        return false;
    v->vmcb->intercept &= ~INTERCEPT_IRET;
    return true;
}
