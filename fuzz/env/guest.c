/* SPDX-License-Identifier: MIT */
/* The guest's memory, and the hooks of os.h over it, which see to it that nobody goes astray. */
#include <string.h>

#include "vm.h"

#define NOP            0x90
#define UNDEFINED      0x06 /* in 64-bit mode */
#define MOST_HOOKS     8300 /* INS with DF set asks for each byte twice: 2 * 4096 */
#define PF_PRESENT     1u
#define PF_WRITE       2u
#define PF_USER        4u
#define PF_INSTRUCTION 16u

static const struct {
    uint64_t va, gpa;
    uint8_t bits;
} layout[FUZZ_PAGES] = {
    { FUZZ_KERNEL_CODE, 0x1000, 0 },
    { FUZZ_LOW_CODE, 0x2000, FUZZ_PAGE_USER },
    { FUZZ_KERNEL_DATA, 0x10000, 0 },
    { FUZZ_KERNEL_DATA + 4096, 0x77000, 0 }, /* does not follow in physical memory */
    { FUZZ_LOW_DATA, 0x20000, FUZZ_PAGE_USER },
    { FUZZ_LOW_DATA + 4096, 0x88000, FUZZ_PAGE_USER },
    { FUZZ_DEVICE, 0xFED00000, FUZZ_PAGE_SHARED },
    { FUZZ_DEVICE + 4096, 0xFED01000, FUZZ_PAGE_SHARED },
    { FUZZ_LOW_DEVICE, 0xFED20000, FUZZ_PAGE_SHARED },
    { FUZZ_LOW_DEVICE + 4096, 0xFED21000, FUZZ_PAGE_SHARED },
};

void fuzz_guest_start(void)
{
    static uint8_t pattern[FUZZ_PAGES][FUZZ_PAGE_BYTES];

    for (unsigned i = 0; pattern[0][0] == 0 && i < FUZZ_PAGES * FUZZ_PAGE_BYTES; i++) {
        unsigned at = FUZZ_PAGES * FUZZ_PAGE_BYTES - 1 - i; /* the first last */

        pattern[at / FUZZ_PAGE_BYTES][at % FUZZ_PAGE_BYTES] = (uint8_t)(at * 7 + at / 256 + 1);
    }
    for (unsigned i = 0; i < FUZZ_PAGES; i++) {
        struct fuzz_page *page = &fuzz_vm.page[i];

        page->va = layout[i].va;
        page->gpa = layout[i].gpa;
        page->bits = layout[i].bits ^ fuzz_vm.scenario->page[i];
        memcpy(page->bytes, pattern[i], FUZZ_PAGE_BYTES);
        memcpy(page->expected, page->bytes, FUZZ_PAGE_BYTES);
    }
}

struct fuzz_page *fuzz_page_at(uint64_t va)
{
    for (unsigned i = 0; i < FUZZ_PAGES; i++) {
        struct fuzz_page *page = &fuzz_vm.page[i];

        if (page->va == (va & ~(uint64_t)(FUZZ_PAGE_BYTES - 1)) &&
            (page->bits & FUZZ_PAGE_ABSENT) == 0) {
            return page;
        }
    }
    return NULL;
}

struct fuzz_page *fuzz_page_at_gpa(uint64_t gpa)
{
    for (unsigned i = 0; i < FUZZ_PAGES; i++) {
        if (fuzz_vm.page[i].gpa == (gpa & ~(uint64_t)(FUZZ_PAGE_BYTES - 1))) {
            return &fuzz_vm.page[i];
        }
    }
    return NULL;
}

void fuzz_guest_place(struct fuzz_call *call)
{
    uint64_t rip = call->trap.rip;
    struct fuzz_page *page = fuzz_page_at(rip);
    size_t room = FUZZ_PAGE_BYTES - (size_t)(rip % FUZZ_PAGE_BYTES);
    bool may_fetch = page != NULL && (page->bits & FUZZ_PAGE_NO_EXECUTE) == 0 &&
                     (sevc_trap_cpl(&call->trap) != 3 || (page->bits & FUZZ_PAGE_USER) != 0);

    call->code_bytes = 0;
    if (page == NULL) {
        return;
    }
    memset(&page->bytes[rip % FUZZ_PAGE_BYTES], NOP, room);
    memcpy(&page->bytes[rip % FUZZ_PAGE_BYTES], call->what->insn, room < 15 ? room : 15);
    memcpy(page->expected, page->bytes, FUZZ_PAGE_BYTES);
    if (may_fetch) {
        call->code_bytes = (unsigned)(room < 15 ? room : 15);
        memcpy(call->code, &page->bytes[rip % FUZZ_PAGE_BYTES], call->code_bytes);
    }
}

void fuzz_guest_check(void)
{
    for (unsigned i = 0; i < FUZZ_PAGES; i++) {
        const struct fuzz_page *page = &fuzz_vm.page[i];

        FUZZ_CHECK(memcmp(page->bytes, page->expected, FUZZ_PAGE_BYTES) == 0, "memory",
                   "page 0x%lx was changed behind the hooks", page->va);
    }
}

/* ---- hooks ---- */

static void count_hook(const struct sevc_trap *trap)
{
    struct fuzz_call *call = fuzz_call();

    FUZZ_CHECK(trap == &call->trap, "hooks", "called with a trap that is not this exception's");
    call->hooks++;
    FUZZ_CHECK(call->hooks <= MOST_HOOKS, "bounded", "more than %u calls of hooks", MOST_HOOKS);
}

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    const struct fuzz_page *page = fuzz_page_at(va);

    count_hook(trap);
    if (page == NULL) {
        return false;
    }
    *mapping = (struct sevc_mapping){
        .gpa = page->gpa + va % FUZZ_PAGE_BYTES,
        .page_bytes = FUZZ_PAGE_BYTES,
        .encrypted = (page->bits & FUZZ_PAGE_SHARED) == 0,
        .writable = (page->bits & FUZZ_PAGE_READ_ONLY) == 0,
        .user = (page->bits & FUZZ_PAGE_USER) != 0,
        .executable = (page->bits & FUZZ_PAGE_NO_EXECUTE) == 0,
    };
    return true;
}

/* Would the processor fault at this byte? */
static bool fault_at(struct sevc_copy *copy, uint64_t va)
{
    const struct fuzz_page *page = fuzz_page_at(va);
    bool write = copy->access == SEVC_ACCESS_WRITE || copy->access == SEVC_ACCESS_PROBE_WRITE;
    bool fetch = copy->access == SEVC_ACCESS_FETCH;
    uint8_t denied = 0;

    if (page != NULL) {
        denied =
            page->bits & ((write ? FUZZ_PAGE_READ_ONLY : 0) | (fetch ? FUZZ_PAGE_NO_EXECUTE : 0));
        if (denied == 0 && (!copy->user || (page->bits & FUZZ_PAGE_USER) != 0)) {
            return false;
        }
    }
    copy->done = (size_t)(va - copy->va);
    copy->fault = (struct sevc_fault){ .vector = SEVC_VECTOR_GP, .has_error_code = true };
    if (sevc_is_canonical(va, 1, false)) {
        copy->fault.vector = SEVC_VECTOR_PF;
        copy->fault.cr2 = va;
        copy->fault.error_code = (page != NULL ? PF_PRESENT : 0) | (write ? PF_WRITE : 0) |
                                 (copy->user ? PF_USER : 0) | (fetch ? PF_INSTRUCTION : 0);
    }
    return true;
}

/* A byte that INS writes is the one that the host returned for it. */
static void check_written(const struct fuzz_call *call, uint64_t va, uint8_t value)
{
    uint64_t element = fuzz_string_element(call, SEVC_RDI, va);
    uint64_t start = sevc_string_address(&call->insn, &call->before, SEVC_RDI);
    uint64_t bytes = call->insn.data_bytes;
    uint64_t first = (call->before.rflags & SEVC_RFLAGS_DF) != 0 ? start - element * bytes
                                                                 : start + element * bytes;

    FUZZ_CHECK(element != ~0ull, "destination", "a write to 0x%lx, which is no destination", va);
    if (call->insn.kind == SEVC_INSN_INS && !call->raced && !call->interrupted) {
        uint64_t in_exit = element % (SEVC_GHCB_SHARED_BUFFER_BYTES / bytes); /* the last one's */
        size_t offset = SEVC_GHCB_OFF_SHARED_BUFFER + (size_t)(in_exit * bytes + (va - first));

        FUZZ_CHECK(offset < SEVC_GHCB_SIZE && value == call->returned[offset], "destination",
                   "INS writes 0x%02x to 0x%lx, which is not what the device gave", value, va);
    }
}

/* Which memory an instruction may touch, and how. */
static void check_access(const struct fuzz_call *call, const struct sevc_copy *copy, uint64_t va)
{
    uint8_t kind = call->insn.kind;
    bool known = call->decoded == SEVC_OK;

    switch (copy->access) {
    case SEVC_ACCESS_FETCH:
        return;
    case SEVC_ACCESS_WRITE:
    case SEVC_ACCESS_PROBE_WRITE:
        FUZZ_CHECK(known &&
                       (kind == SEVC_INSN_INS || kind == SEVC_INSN_MOVS || kind == SEVC_INSN_STOS),
                   "destination", "a write to 0x%lx by an instruction that writes no memory", va);
        FUZZ_CHECK(fuzz_string_element(call, SEVC_RDI, va) != ~0ull, "destination",
                   "a write to 0x%lx, which is no destination", va);
        return;
    case SEVC_ACCESS_PROBE_READ:
        FUZZ_CHECK(known && (kind == SEVC_INSN_MONITOR || kind == SEVC_INSN_MONITORX),
                   "destination", "a probe of 0x%lx by an instruction that reads no memory", va);
        return;
    case SEVC_ACCESS_READ:
        FUZZ_CHECK(known && fuzz_is_string(&call->insn) &&
                       (fuzz_string_element(call, SEVC_RSI, va) != ~0ull ||
                        fuzz_string_element(call, SEVC_RDI, va) != ~0ull),
                   "destination", "a read of 0x%lx, which is no source", va);
        return;
    }
}

static void move(struct fuzz_call *call, struct sevc_copy *copy, size_t i)
{
    struct fuzz_page *page = fuzz_page_at(copy->va + i);
    size_t offset = (size_t)((copy->va + i) % FUZZ_PAGE_BYTES);
    uint8_t *buffer = copy->buffer;

    if (copy->access == SEVC_ACCESS_WRITE) {
        check_written(call, copy->va + i, buffer[i]);
        fuzz_digest(&buffer[i], 1);
        page->bytes[offset] = buffer[i];
        page->expected[offset] = buffer[i];
    } else if (copy->access == SEVC_ACCESS_READ || copy->access == SEVC_ACCESS_FETCH) {
        buffer[i] = page->bytes[offset];
    }
}

/* Another thread overwrites the code as soon as it has been fetched (CVE-2023-46813). */
static void scramble_code(const struct sevc_copy *copy)
{
    for (size_t i = 0; i < copy->bytes; i++) {
        struct fuzz_page *page = fuzz_page_at(copy->va + i);

        if (page != NULL) {
            page->bytes[(copy->va + i) % FUZZ_PAGE_BYTES] = UNDEFINED;
            page->expected[(copy->va + i) % FUZZ_PAGE_BYTES] = UNDEFINED;
        }
    }
}

static void after_copy(struct fuzz_call *call, const struct sevc_copy *copy)
{
    struct fuzz_page *page = fuzz_page_at(copy->va);

    if (copy->access == SEVC_ACCESS_FETCH) {
        call->fetches++;
        scramble_code(copy);
    }
    if (copy->access >= SEVC_ACCESS_PROBE_READ && (fuzz_vm.scenario->unmaps & 1) != 0 &&
        page != NULL) {
        page->bits |= FUZZ_PAGE_ABSENT;
    }
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    struct fuzz_call *call = fuzz_call();
    bool moves = copy->access < SEVC_ACCESS_PROBE_READ;
    bool complete = true;

    count_hook(copy->trap);
    FUZZ_CHECK(copy->bytes >= 1 && copy->bytes <= 4096, "hooks", "a copy of %zu bytes",
               copy->bytes);
    FUZZ_CHECK((copy->buffer != NULL) == moves, "hooks", "a copy without buffer, or a probe with");
    FUZZ_CHECK(copy->user == (sevc_trap_cpl(&call->before) == 3), "hooks",
               "a copy with the rights of another privilege level");
    if (moves) {
        fuzz_traced(copy->buffer, copy->bytes, copy->access != SEVC_ACCESS_WRITE);
    }
    for (size_t i = 0; i < copy->bytes; i++) {
        check_access(call, copy, copy->va + i);
        if (fault_at(copy, copy->va + i)) {
            complete = false;
            break;
        }
        if (moves) {
            move(call, copy, i);
        }
    }
    after_copy(call, copy);
    if (complete) {
        copy->done = copy->bytes;
    }
    return complete;
}

/* Bit 0 is set in every XCR0, and nothing else is in force without CR4.OSXSAVE. */
uint64_t fuzz_xcr0(void)
{
    bool osxsave = (fuzz_vm.scenario->cr4 >> 18 & 1) != 0;

    return osxsave ? fuzz_vm.scenario->xcr0 | 1 : 1;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    const struct fuzz_scenario *s = fuzz_vm.scenario;

    if (fuzz_vm.depth != 0) {
        FUZZ_CHECK(trap == &fuzz_call()->trap || trap == &fuzz_call()->before, "hooks",
                   "called with a trap that is not this exception's");
    }
    switch (which) {
    case SEVC_OS_CR4:
        return s->cr4;
    case SEVC_OS_XCR0:
        return fuzz_xcr0();
    case SEVC_OS_XSS:
        return s->xss;
    case SEVC_OS_FS_BASE:
        return s->fs_base;
    case SEVC_OS_GS_BASE:
        return s->gs_base;
    case SEVC_OS_CODE_BITS:
        break;
    }
    return fuzz_vm.depth != 0 ? fuzz_call()->code_bits : 64;
}

bool sevc_os_io_allowed(const struct sevc_trap *trap, uint16_t port, unsigned bytes)
{
    (void)port;
    count_hook(trap);
    FUZZ_CHECK(bytes == 1 || bytes == 2 || bytes == 4, "hooks", "%u ports at once", bytes);
    return (fuzz_vm.scenario->io_denied & 1) == 0;
}

bool sevc_os_mmio_allowed(const struct sevc_trap *trap, uint64_t gpa, unsigned bytes, bool write)
{
    (void)gpa;
    (void)write;
    count_hook(trap);
    FUZZ_CHECK(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8, "hooks", "MMIO of %u bytes",
               bytes);
    return (fuzz_vm.scenario->io_denied & 2) == 0;
}

bool sevc_os_page_not_validated(const struct sevc_trap *trap)
{
    count_hook(trap);
    if (fuzz_vm.validates == 0) {
        return false;
    }
    fuzz_vm.validates--;
    return true;
}

void sevc_os_fix_shadow_stack(const struct sevc_trap *trap, uint64_t old_rip)
{
    count_hook(trap);
    FUZZ_CHECK(old_rip == fuzz_call()->before.rip, "rip", "the old RIP is said to be 0x%lx",
               old_rip);
}
