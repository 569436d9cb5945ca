/* SPDX-License-Identifier: MIT */
#include <stdint.h>

#include "world.h"

struct world world;

static struct sevc_trap trap_before;
static uint8_t memory_before[WORLD_PAGES][WORLD_PAGE_BYTES];

#define CR4_LA57_OFF   0
#define PF_PRESENT     1u
#define PF_WRITE       2u
#define PF_USER        4u
#define PF_INSTRUCTION 16u
#define KERNEL_CS      0x10
#define USER_CS        0x33
#define NOP            0x90
#define UNDEFINED      0x06 /* in 64-bit mode */

/* ---- hooks ---- */

static struct world_page *find_page(uint64_t va)
{
    for (unsigned i = 0; i < WORLD_PAGES; i++) {
        struct world_page *page = &world.pages[i];

        if ((page->va != 0 || page->at_zero) && !page->absent &&
            page->va == (va & ~(uint64_t)(WORLD_PAGE_BYTES - 1))) {
            return page;
        }
    }
    return NULL;
}

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    const struct world_page *page = find_page(va);

    assert_ptr_equal(trap, &world.trap);
    world.translations++;
    if (page == NULL) {
        return false;
    }
    *mapping = (struct sevc_mapping){
        .gpa = page->gpa + va % WORLD_PAGE_BYTES,
        .page_bytes = WORLD_PAGE_BYTES,
        .encrypted = page->encrypted,
        .writable = !page->read_only,
        .user = page->user,
        .executable = !page->no_execute,
    };
    return true;
}

/* Would the processor fault at this byte? 0 if not, else the error code with bit 31 set. */
static uint32_t fault_at(const struct sevc_copy *copy, uint64_t va)
{
    const struct world_page *page = find_page(va);
    bool write = copy->access == SEVC_ACCESS_WRITE || copy->access == SEVC_ACCESS_PROBE_WRITE;
    bool fetch = copy->access == SEVC_ACCESS_FETCH;
    uint32_t code = 1u << 31 | (write ? PF_WRITE : 0) | (copy->user ? PF_USER : 0) |
                    (fetch ? PF_INSTRUCTION : 0);

    if (page == NULL) {
        return code;
    }
    if ((write && page->read_only) || (fetch && page->no_execute) || (copy->user && !page->user)) {
        return code | PF_PRESENT;
    }
    return 0;
}

static bool fault(struct sevc_copy *copy, uint64_t va, uint32_t code)
{
    copy->done = (size_t)(va - copy->va);
    if (sevc_is_canonical(va, 1, false)) {
        copy->fault = (struct sevc_fault){ va, code & ~(1u << 31), SEVC_VECTOR_PF, true };
    } else {
        copy->fault = (struct sevc_fault){ 0, 0, SEVC_VECTOR_GP, true };
    }
    return false;
}

/* Another thread overwrites the code as soon as it has been fetched (CVE-2023-46813). */
static void scramble_code(const struct sevc_copy *copy)
{
    for (size_t i = 0; i < copy->bytes && find_page(copy->va + i) != NULL; i++) {
        *world_byte(copy->va + i) = UNDEFINED;
    }
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    uint8_t *buffer = copy->buffer;
    bool complete = true;

    assert_ptr_equal(copy->trap, &world.trap);
    assert_in_range(copy->bytes, 1, 4096);
    world.copies++;
    world.fetches += copy->access == SEVC_ACCESS_FETCH;
    world.probes += copy->access == SEVC_ACCESS_PROBE_WRITE;
    for (size_t i = 0; i < copy->bytes; i++) {
        uint32_t code = fault_at(copy, copy->va + i);

        if (code != 0) {
            complete = fault(copy, copy->va + i, code);
            break;
        }
        if (copy->access == SEVC_ACCESS_READ || copy->access == SEVC_ACCESS_FETCH) {
            buffer[i] = *world_byte(copy->va + i);
        } else if (copy->access == SEVC_ACCESS_WRITE) {
            *world_byte(copy->va + i) = *(volatile uint8_t *)&buffer[i];
        }
    }
    if (copy->access == SEVC_ACCESS_FETCH) {
        scramble_code(copy);
    }
    if (copy->access == SEVC_ACCESS_PROBE_WRITE && world.race) {
        world_page(copy->va + copy->bytes - 1)->read_only = true;
    }
    if (copy->access == SEVC_ACCESS_PROBE_READ && complete && world.unmap_after_probe) {
        world_page(copy->va)->absent = true;
    }
    if (complete) {
        copy->done = copy->bytes;
    }
    return complete;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    const uint64_t values[] = {
        [SEVC_OS_CR4] = world.cr4,
        [SEVC_OS_XCR0] = (world.cr4 & CR4_OSXSAVE) != 0 ? world.xcr0 : 1,
        [SEVC_OS_XSS] = world.xss,
        [SEVC_OS_FS_BASE] = world.fs_base,
        [SEVC_OS_GS_BASE] = world.gs_base,
        [SEVC_OS_CODE_BITS] = world.code_bits,
    };

    assert_ptr_equal(trap, &world.trap);
    return values[which];
}

bool sevc_os_io_allowed(const struct sevc_trap *trap, uint16_t port, unsigned bytes)
{
    (void)trap;
    for (unsigned i = 0; i < bytes; i++) {
        if (port + i > 0xFFFF || !world.io_allowed[port + i]) {
            return false;
        }
    }
    return true;
}

bool sevc_os_mmio_allowed(const struct sevc_trap *trap, uint64_t gpa, unsigned bytes, bool write)
{
    (void)trap;
    (void)bytes;
    (void)write;
    return gpa != world.mmio_denied;
}

bool sevc_os_page_not_validated(const struct sevc_trap *trap)
{
    assert_ptr_equal(trap, &world.trap);
    if (world.validates == 0) {
        return false;
    }
    world.validates--;
    return true;
}

void sevc_os_fix_shadow_stack(const struct sevc_trap *trap, uint64_t old_rip)
{
    assert_int_not_equal(trap->rip, old_rip);
    world.shadow_stack_fixes++;
    world.shadow_stack_rip = old_rip;
}

/* ---- the world ---- */

struct world_page *world_page(uint64_t va)
{
    struct world_page *page = find_page(va);

    assert_non_null(page);
    return page;
}

uint8_t *world_byte(uint64_t va)
{
    return &world_page(va)->bytes[va % WORLD_PAGE_BYTES];
}

static void add_page(unsigned slot, uint64_t va, uint64_t gpa, bool user)
{
    struct world_page *page = &world.pages[slot];

    page->va = va & ~(uint64_t)(WORLD_PAGE_BYTES - 1);
    page->gpa = gpa;
    page->user = user;
    page->encrypted = true;
    for (unsigned i = 0; i < WORLD_PAGE_BYTES; i++) {
        page->bytes[i] = (uint8_t)(i * 7 + i / 256 + slot * 31 + 1);
    }
}

void world_start(void)
{
    memset(&world, 0, sizeof(world));
    host_start(&world.host);
    host_make_cpu(&world.host, &world.cpu, 2);
    world.cpu.policy = &world.policy;
    world.code_bits = 64;

    add_page(0, KERNEL_CODE, 0x1000, false);
    add_page(1, USER_CODE, 0x2000, true);
    add_page(2, KERNEL_DATA, 0x10000, false);
    add_page(3, KERNEL_DATA + 4096, 0x77000, false); /* does not follow in physical memory */
    add_page(4, USER_DATA, 0x20000, true);
    add_page(5, USER_DATA + 4096, 0x88000, true);
    add_page(6, DEVICE, DEVICE_GPA, false);
    add_page(7, DEVICE + 4096, DEVICE_GPA + 4096, false);
    world.pages[6].encrypted = false;
    world.pages[7].encrypted = false;

    /* Dirt in every bit that an exit does not need. */
    for (unsigned i = 0; i < 16; i++) {
        world.trap.gpr[i] = 0xD1D2D3D4C0C1C2C3ull + i * 0x1111111111111111ull;
    }
    world.trap.rip = KERNEL_CODE;
    world.trap.cs = KERNEL_CS;
    world.trap.rflags = SEVC_RFLAGS_RF | SEVC_RFLAGS_CF | 2;
    world.trap.rsp = KERNEL_DATA + 0x800;
    world.trap.ss = 0x18;
}

void world_finish(void)
{
    assert_int_equal(world.cpu.depth, 0);
    host_finish(&world.host);
}

void world_user(void)
{
    world.trap.cs = USER_CS;
    world.trap.ss = 0x2B;
    world.trap.rip = USER_CODE;
}

void world_code(const void *bytes, size_t count)
{
    memset(world_byte(world.trap.rip), NOP,
           WORLD_PAGE_BYTES - (size_t)(world.trap.rip % WORLD_PAGE_BYTES));
    memcpy(world_byte(world.trap.rip), bytes, count);
}

void world_code_at_end(const void *bytes, size_t count)
{
    world.trap.rip = (world.trap.rip | (WORLD_PAGE_BYTES - 1)) + 1 - count;
    world_code(bytes, count);
}

/* ---- running ---- */

static bool is_code(unsigned page)
{
    return world.pages[page].va == (world.trap.rip & ~(uint64_t)(WORLD_PAGE_BYTES - 1));
}

static bool memory_changed(void)
{
    for (unsigned i = 0; i < WORLD_PAGES; i++) {
        if (!is_code(i) && memcmp(memory_before[i], world.pages[i].bytes, WORLD_PAGE_BYTES) != 0) {
            return true;
        }
    }
    return false;
}

void world_assert_unchanged(void)
{
    assert_memory_equal(&world.trap, &trap_before, sizeof(world.trap));
    assert_false(memory_changed());
}

void world_assert_fault(unsigned vector, unsigned error_code, uint64_t cr2)
{
    assert_int_equal(world.report.result, SEVC_EXCEPTION);
    assert_int_equal(world.report.fault.vector, vector);
    assert_int_equal(world.report.fault.error_code, error_code);
    assert_int_equal(world.report.fault.cr2, cr2);
    assert_int_equal(world.report.fault.has_error_code,
                     vector != SEVC_VECTOR_DB && vector != SEVC_VECTOR_UD);
}

static void assert_report(enum sevc_result result, uint64_t exit_code)
{
    const struct sevc_report *report = &world.report;

    assert_int_equal(report->result, result);
    assert_int_equal(report->exit_code, exit_code);
    assert_int_equal(report->rip, trap_before.rip);
    assert_int_not_equal(report->stage, SEVC_STAGE_NONE);
    switch (result) {
    case SEVC_OK:
    case SEVC_OK_TRAP:
    case SEVC_RETRY:
        assert_int_equal(report->reason, SEVC_REASON_NONE);
        break;
    default:
        assert_int_not_equal(report->reason, SEVC_REASON_NONE);
    }
}

enum sevc_result world_run(uint64_t exit_code)
{
    unsigned vmgexits = world.host.vmgexits;
    enum sevc_result result;

    world.trap.error_code = exit_code;
    world.fetches = 0;
    trap_before = world.trap;
    for (unsigned i = 0; i < WORLD_PAGES; i++) {
        memcpy(memory_before[i], world.pages[i].bytes, WORLD_PAGE_BYTES);
    }
    memset(&world.report, 0xA5, sizeof(world.report));

    result = sevc_handle_vc(&world.cpu, &world.trap, &world.report);

    assert_in_range(world.fetches, 0, 1);
    assert_report(result, exit_code);
    assert_int_equal(world.report.vmgexits, world.host.vmgexits - vmgexits);
    if (result >= SEVC_UNSUPPORTED && !world.moved_some) {
        world_assert_unchanged();
    }
    if (result == SEVC_EXCEPTION || result == SEVC_RETRY) {
        assert_int_equal(world.trap.rip, trap_before.rip);
        assert_int_equal(world.trap.rflags, trap_before.rflags);
    }
    return result;
}
