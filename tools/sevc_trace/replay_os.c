/* SPDX-License-Identifier: MIT */
/* The kernel of a replay: the hooks of os.h, answered from the trace. */
#include <string.h>

#include "replay.h"

#define PAGE_BYTES 4096u

/* The Nth event of a type from *AT on; NULL: no more. */
static const struct trace_record *next_event(uint16_t type, unsigned *at)
{
    const struct collected *exception = replay_now->exception;

    while (*at < exception->count) {
        const struct trace_record *record = &exception->events[(*at)++];

        if (record->type == type) {
            return record;
        }
    }
    return NULL;
}

static bool fail(struct sevc_copy *copy, const struct trace_memory *memory)
{
    copy->done = (size_t)(memory->va + memory->done - copy->va);
    copy->fault = (struct sevc_fault){ memory->cr2, memory->error_code, memory->vector,
                                       memory->has_error_code != 0 };
    return false;
}

static bool is_write(unsigned access)
{
    return access == SEVC_TRACE_ACCESS_WRITE || access == SEVC_TRACE_ACCESS_PROBE_WRITE;
}

/* Did an access of this kind fail there, then? */
static const struct trace_memory *fault_at(const struct sevc_copy *copy)
{
    unsigned at = 0;
    const struct trace_record *record;

    while ((record = next_event(SEVC_TRACE_TYPE_MEMORY, &at)) != NULL) {
        const struct trace_memory *m = &record->memory;

        if ((record->flags & SEVC_TRACE_MEM_FAULTED) != 0 && m->va <= copy->va &&
            m->va + m->done >= copy->va && m->va + m->done < copy->va + copy->bytes &&
            m->access == (unsigned)copy->access) {
            return m;
        }
    }
    return NULL;
}

static bool fetch(struct sevc_copy *copy)
{
    const uint8_t *bytes;
    unsigned known = collected_insn(replay_now->exception, &bytes);
    const struct trace_memory *fault = fault_at(copy);

    memcpy(copy->buffer, bytes, known < copy->bytes ? known : copy->bytes);
    copy->done = known < copy->bytes ? known : copy->bytes;
    if (fault != NULL) {
        return fail(copy, fault);
    }
    if (known < copy->bytes) { /* the recorder saw no more: that is where the page ends */
        copy->fault = (struct sevc_fault){ copy->va + known, 0x10, SEVC_VECTOR_PF, true };
    }
    return known >= copy->bytes;
}

/* Guest memory: in the trace, or, if it was left out, of no matter. */
static bool read(struct sevc_copy *copy)
{
    unsigned at = 0;
    const struct trace_record *record;

    while ((record = next_event(SEVC_TRACE_TYPE_MEMORY, &at)) != NULL) {
        const struct trace_memory *m = &record->memory;

        if (m->access == SEVC_TRACE_ACCESS_READ && copy->va >= m->va &&
            copy->va + copy->bytes <= m->va + m->data_bytes) {
            memcpy(copy->buffer, m->data + (copy->va - m->va), copy->bytes);
            return true;
        }
    }
    memset(copy->buffer, 0, copy->bytes);
    replay_now->memory_unknown = true;
    return true;
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    const struct trace_memory *fault;

    if (copy->access == SEVC_ACCESS_FETCH) {
        return fetch(copy);
    }
    fault = fault_at(copy);
    if (fault != NULL) {
        if (copy->access == SEVC_ACCESS_READ && fault->data_bytes != 0) {
            memcpy(copy->buffer, fault->data + (copy->va - fault->va),
                   fault->data_bytes - (size_t)(copy->va - fault->va));
        }
        return fail(copy, fault);
    }
    copy->done = copy->bytes;
    return copy->access != SEVC_ACCESS_READ || read(copy);
}

/* Memory of its own, not a device: what a string instruction read there is in the trace. */
static bool is_memory(uint64_t va)
{
    unsigned at = 0;
    const struct trace_record *record;

    while ((record = next_event(SEVC_TRACE_TYPE_MEMORY, &at)) != NULL) {
        if (!is_write(record->memory.access) && record->memory.access != SEVC_TRACE_ACCESS_FETCH &&
            va >= record->memory.va && va < record->memory.va + record->memory.bytes) {
            return true;
        }
    }
    return false;
}

static void map(struct sevc_mapping *mapping, const struct trace_record *record, uint64_t gpa)
{
    *mapping = (struct sevc_mapping){
        .gpa = gpa,
        .page_bytes = record->map.page_bytes,
        .encrypted = (record->flags & SEVC_TRACE_MAP_ENCRYPTED) != 0,
        .writable = (record->flags & SEVC_TRACE_MAP_WRITABLE) != 0,
        .user = (record->flags & SEVC_TRACE_MAP_USER) != 0,
        .executable = (record->flags & SEVC_TRACE_MAP_EXECUTABLE) != 0,
    };
}

/*
 * Only the operand's guest-physical address is known: an address with the same place in its page is
 * the operand, the others are memory.
 */
static bool by_operand(const struct trace_record *record, uint64_t va, struct sevc_mapping *mapping)
{
    uint64_t place = va % PAGE_BYTES;
    uint64_t gpa = record->map.gpa;

    if (is_memory(va) || (place != gpa % PAGE_BYTES && place != 0)) {
        *mapping = (struct sevc_mapping){
            .gpa = PAGE_BYTES + place, .page_bytes = PAGE_BYTES, .encrypted = true, .writable = true
        };
        return true;
    }
    /* The start of a page, but not the operand's: the access runs into the next one. */
    map(mapping, record, place == gpa % PAGE_BYTES ? gpa : (gpa | (PAGE_BYTES - 1)) + 1);
    return true;
}

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    unsigned at = 0;
    const struct trace_record *record;

    (void)trap;
    while ((record = next_event(SEVC_TRACE_TYPE_TRANSLATION, &at)) != NULL) {
        if ((record->flags & SEVC_TRACE_MAP_NO_VA) != 0) {
            return by_operand(record, va, mapping);
        }
        if (record->map.va / PAGE_BYTES == va / PAGE_BYTES) {
            if ((record->flags & SEVC_TRACE_MAP_FOUND) == 0) {
                return false;
            }
            map(mapping, record, record->map.gpa / PAGE_BYTES * PAGE_BYTES + va % PAGE_BYTES);
            return true;
        }
    }
    return false;
}

/* XCR0 is not always known; what was sent tells it where it matters. */
static uint64_t sent_field(unsigned offset, uint64_t none)
{
    unsigned at = 0;
    const struct trace_record *record = next_event(SEVC_TRACE_TYPE_PAGE_SENT, &at);
    uint8_t page[TRACE_GHCB_BYTES];

    if (record == NULL) {
        return none;
    }
    trace_page_expand(&record->page, page);
    return (page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] >> (offset / 8 % 8) & 1) != 0
               ? ghcb_quadword(page, offset)
               : none;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    const struct trace_exception *vc = &replay_now->exception->vc.vc;
    uint32_t known = replay_now->exception->vc.flags;

    (void)trap;
    switch (which) {
    case SEVC_OS_CR4:
        return vc->cr4;
    case SEVC_OS_XCR0:
        return (known & SEVC_TRACE_HAS_XCR0) != 0 ? vc->xcr0 : sent_field(SEVC_GHCB_OFF_XCR0, 1);
    case SEVC_OS_XSS:
        return (known & SEVC_TRACE_HAS_XSS) != 0 ? vc->xss : sent_field(SEVC_GHCB_OFF_XSS, 0);
    case SEVC_OS_FS_BASE:
        return vc->fs_base;
    case SEVC_OS_GS_BASE:
        return vc->gs_base;
    default:
        return vc->code_bits;
    }
}

/* What the filters said is not recorded, but what came of it is. */
static bool ended_with(const char *reason)
{
    return replay_now->exception->has_result &&
           strcmp(replay_now->exception->result.result.reason, reason) == 0;
}

bool sevc_os_io_allowed(const struct sevc_trap *trap, uint16_t port, unsigned bytes)
{
    (void)trap;
    (void)port;
    (void)bytes;
    return !ended_with("USER_IO");
}

bool sevc_os_mmio_allowed(const struct sevc_trap *trap, uint64_t gpa, unsigned bytes, bool write)
{
    (void)trap;
    (void)gpa;
    (void)bytes;
    (void)write;
    return !ended_with("MMIO_RANGE");
}

bool sevc_os_page_not_validated(const struct sevc_trap *trap)
{
    (void)trap;
    return !ended_with("NOT_VALIDATED");
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
}
