/* SPDX-License-Identifier: MIT */
/* Makes records of what the library does (docs/trace-format.md). */
#include <stddef.h>

#include <sevc/trap.h>

#include "ring.h"
#include "tap.h"

#if SEVC_TRACE

#define QUADWORDS_OF(bytes) (((bytes) + 7) / 8 * 8)

/* Accounts for what was dropped, as soon as there is room again. */
static void put_lost(struct sevc_trace *trace)
{
    uint64_t lost = __atomic_exchange_n(&trace->lost, 0, __ATOMIC_RELAXED);
    const struct sevc_trace_head head = { SEVC_TRACE_LOST_END, SEVC_TRACE_TYPE_LOST, 0, 0 };
    struct sevc_trace_put put;
    uint32_t number;

    if (lost == 0) {
        return;
    }
    if (!sevc_trace_begin(&put, trace, &head, &number)) {
        __atomic_fetch_add(&trace->lost, lost - 1, __ATOMIC_RELAXED); /* LOST is no loss itself */
        return;
    }
    sevc_trace_put(&put, lost);
    sevc_trace_end(&put);
}

/* ---- INFO ---- */

static uint64_t policy_of(const struct sevc_cpu *cpu)
{
    const struct sevc_policy *policy = cpu->policy;

    return (uint64_t)policy->mmio << 24 | (uint64_t)policy->user_io << 32 |
           (uint64_t)policy->invd << 40 | (uint64_t)policy->monitor << 48 |
           (uint64_t)policy->unsupported << 56;
}

static uint64_t calls_of(const struct sevc_cpu *cpu)
{
    const struct sevc_hypercall_abi *abi = cpu->policy->hypercall;

    if (abi == NULL) {
        return 0;
    }
    return abi->inputs | (uint64_t)abi->outputs << 16 |
           (uint64_t)(SEVC_TRACE_CALL_SERVED | (abi->rip ? SEVC_TRACE_CALL_RIP : 0u) |
                      (abi->user ? SEVC_TRACE_CALL_USER : 0u))
               << 32;
}

/* Before the first exception: what a replay must know of the CPU. */
static void introduce(struct sevc_trace *trace, const struct sevc_cpu *cpu)
{
    static const char text[] = "recorder: the tap of libsevc";
    const struct sevc_trace_head head = {
        SEVC_TRACE_INFO_TEXT + QUADWORDS_OF(sizeof(text)), SEVC_TRACE_TYPE_INFO, 0,
        SEVC_TRACE_HAS_PLATFORM | SEVC_TRACE_HAS_POLICY |
            (cpu->cpuid_table != NULL ? SEVC_TRACE_CPUID_PINNED : 0u)
    };
    struct sevc_trace_put put;
    uint32_t number;

    if (trace->introduced != 0 || !sevc_trace_begin(&put, trace, &head, &number)) {
        return;
    }
    trace->introduced = 1;
    sevc_trace_put(&put, cpu->platform.sev_status);
    sevc_trace_put(&put, 0); /* reserved */
    sevc_trace_put(&put,
                   cpu->platform.version | (uint64_t)cpu->platform.c_bit << 16 | policy_of(cpu));
    sevc_trace_put(&put, calls_of(cpu));
    sevc_trace_put_bytes(&put, text, sizeof(text));
    sevc_trace_end(&put);
}

/* ---- EXCEPTION and RESULT ---- */

static void put_frame(struct sevc_trace_put *put, const struct sevc_trap *trap)
{
    sevc_trace_put(put, trap->rip);
    sevc_trace_put(put, trap->cs);
    sevc_trace_put(put, trap->rflags);
    sevc_trace_put(put, trap->rsp);
    sevc_trace_put(put, trap->ss);
    for (unsigned i = 0; i < 16; i++) {
        sevc_trace_put(put, i == SEVC_RSP ? 0 : trap->gpr[i]);
    }
}

void sevc_tap_exception(const struct sevc_cpu *cpu, const struct sevc_trap *trap)
{
    /* CR3 and the instruction have no place here: the hooks know the one, fetching tells the other. */
    static const struct sevc_trace_head head = {
        SEVC_TRACE_VC_END, SEVC_TRACE_TYPE_EXCEPTION, SEVC_TRACE_ITSELF,
        SEVC_TRACE_HAS_FRAME | SEVC_TRACE_HAS_CR4 | SEVC_TRACE_HAS_XCR0 | SEVC_TRACE_HAS_XSS |
            SEVC_TRACE_HAS_FS_BASE | SEVC_TRACE_HAS_GS_BASE | SEVC_TRACE_HAS_CODE_BITS
    };
    struct sevc_trace *trace = sevc_trace_current();
    struct sevc_trace_put put;
    uint32_t number;
    bool room;

    if (trace == NULL) {
        return;
    }
    put_lost(trace);
    introduce(trace, cpu);
    trace->open++; /* first: an NMI here takes the next place */
    room = sevc_trace_begin(&put, trace, &head, &number);
    if (trace->open <= SEVC_TRACE_NESTING) {
        trace->exceptions[trace->open - 1] = number;
    }
    if (!room) {
        return;
    }
    put_frame(&put, trap);
    sevc_trace_put(&put, trap->error_code);
    sevc_trace_put(&put, 0);
    for (unsigned i = SEVC_OS_CR4; i <= SEVC_OS_GS_BASE; i++) {
        sevc_trace_put(&put, sevc_os_register(trap, (enum sevc_os_register)i));
    }
    sevc_trace_put(&put, sevc_os_register(trap, SEVC_OS_CODE_BITS) & 0xFF);
    sevc_trace_put(&put, 0);
    sevc_trace_put(&put, 0);
    sevc_trace_end(&put);
}

_Static_assert(SEVC_OS_CR4 + 1 == SEVC_OS_XCR0 && SEVC_OS_XCR0 + 1 == SEVC_OS_XSS &&
                   SEVC_OS_XSS + 1 == SEVC_OS_FS_BASE && SEVC_OS_FS_BASE + 1 == SEVC_OS_GS_BASE,
               "the order of EXCEPTION's fields");

/* A name, cut or filled up with zeros to BYTES. */
static void put_name(struct sevc_trace_put *put, const char *name, unsigned bytes)
{
    char text[24] = { 0 };

    for (unsigned i = 0; i < bytes && name[i] != '\0'; i++) {
        text[i] = name[i];
    }
    sevc_trace_put_bytes(put, text, bytes);
}

static bool raises(const struct sevc_report *report)
{
    return report->result == SEVC_EXCEPTION || report->result == SEVC_OK_TRAP;
}

static void put_report(struct sevc_trace_put *put, const struct sevc_report *report)
{
    /* Valid with these results only; otherwise it may be anything. */
    const struct sevc_fault fault = raises(report) ? report->fault : (struct sevc_fault){ 0 };

    sevc_trace_put(put, report->nae_code);
    sevc_trace_put(put, report->info1);
    sevc_trace_put(put, report->info2);
    sevc_trace_put(put, fault.cr2);
    sevc_trace_put(put, fault.error_code | (uint64_t)fault.vector << 32 |
                            (uint64_t)fault.has_error_code << 40 | (uint64_t)report->result << 48 |
                            (uint64_t)report->insn_bytes << 56);
    sevc_trace_put(put, report->vmgexits);
    put_name(put, sevc_stage_name(report->stage), 16);
    put_name(put, sevc_reason_name(report->reason), 24);
    sevc_trace_put_bytes(put, report->insn, report->insn_bytes);
    if (report->insn_bytes <= 8) {
        sevc_trace_put(put, 0);
    }
    if (report->insn_bytes == 0) {
        sevc_trace_put(put, 0);
    }
}

static bool is_half_full(const struct sevc_trace *trace)
{
    return (trace->reserved - __atomic_load_n(&trace->drained, __ATOMIC_RELAXED)) * 2 >
           trace->quadwords;
}

void sevc_tap_result(const struct sevc_trap *trap, const struct sevc_report *report)
{
    struct sevc_trace *trace = sevc_trace_current();
    struct sevc_trace_head head = { SEVC_TRACE_RESULT_END, SEVC_TRACE_TYPE_RESULT, 0,
                                    SEVC_TRACE_HAS_FRAME | SEVC_TRACE_HAS_REPORT };
    struct sevc_trace_put put;
    uint32_t number;

    if (trace == NULL || trace->open == 0) {
        return;
    }
    head.exception = sevc_trace_exception(trace);
    if (sevc_trace_begin(&put, trace, &head, &number)) {
        put_frame(&put, trap);
        put_report(&put, report);
        sevc_trace_end(&put);
    }
    trace->open--;
    if (trace->open == 0 && is_half_full(trace)) {
        sevc_os_trace_ready(trace);
    }
}

/* ---- the hooks' answers ---- */

bool sevc_tap_copy(struct sevc_copy *copy)
{
    bool complete = sevc_os_copy(copy);
    struct sevc_trace *trace = sevc_trace_current();
    struct sevc_fault fault = complete ? (struct sevc_fault){ 0 } : copy->fault;
    struct sevc_trace_head head = { SEVC_TRACE_MEM_DATA, SEVC_TRACE_TYPE_MEMORY, 0,
                                    complete ? 0 : SEVC_TRACE_MEM_FAULTED };
    uint64_t done = complete ? copy->bytes : copy->done;
    uint64_t data = 0;
    struct sevc_trace_put put;
    uint32_t number;

    if (trace == NULL) {
        return complete;
    }
    if (copy->access == SEVC_ACCESS_FETCH ||
        (copy->access == SEVC_ACCESS_READ && (trace->flags & SEVC_TRACE_WITHOUT_MEMORY) == 0)) {
        data = done;
    }
    head.bytes += (uint32_t)QUADWORDS_OF(data);
    head.exception = sevc_trace_exception(trace);
    if (!sevc_trace_begin(&put, trace, &head, &number)) {
        return complete;
    }
    sevc_trace_put(&put, copy->va);
    sevc_trace_put(&put, fault.cr2);
    sevc_trace_put(&put, (uint32_t)copy->bytes | done << 32);
    sevc_trace_put(&put, (uint32_t)data | (uint64_t)fault.error_code << 32);
    sevc_trace_put(&put, (uint64_t)copy->access | (uint64_t)copy->user << 8 |
                             (uint64_t)fault.vector << 16 | (uint64_t)fault.has_error_code << 24);
    sevc_trace_put_bytes(&put, copy->buffer, data);
    sevc_trace_end(&put);
    return complete;
}

_Static_assert((int)SEVC_ACCESS_READ == SEVC_TRACE_ACCESS_READ &&
                   (int)SEVC_ACCESS_FETCH == SEVC_TRACE_ACCESS_FETCH &&
                   (int)SEVC_ACCESS_PROBE_WRITE == SEVC_TRACE_ACCESS_PROBE_WRITE,
               "docs/trace-format.md has these numbers");

bool sevc_tap_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    bool found = sevc_os_translate(trap, va, mapping);
    struct sevc_trace *trace = sevc_trace_current();
    struct sevc_trace_head head = { SEVC_TRACE_MAP_END, SEVC_TRACE_TYPE_TRANSLATION, 0, 0 };
    struct sevc_trace_put put;
    uint32_t number;

    if (trace == NULL) {
        return found;
    }
    if (found) {
        head.flags = SEVC_TRACE_MAP_FOUND | (mapping->encrypted ? SEVC_TRACE_MAP_ENCRYPTED : 0) |
                     (mapping->writable ? SEVC_TRACE_MAP_WRITABLE : 0) |
                     (mapping->user ? SEVC_TRACE_MAP_USER : 0) |
                     (mapping->executable ? SEVC_TRACE_MAP_EXECUTABLE : 0);
    }
    head.exception = sevc_trace_exception(trace);
    if (sevc_trace_begin(&put, trace, &head, &number)) {
        sevc_trace_put(&put, va);
        sevc_trace_put(&put, found ? mapping->gpa : 0);
        sevc_trace_put(&put, found ? mapping->page_bytes : 0);
        sevc_trace_end(&put);
    }
    return found;
}

#endif
