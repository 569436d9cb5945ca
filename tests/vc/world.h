/* SPDX-License-Identifier: MIT */
/*
 * The integrator of the handler's tests: guest memory with page rights, the hooks of os.h over it,
 * one CPU, one #VC frame, and the scripted hypervisor. One world at a time.
 *
 *     world_start();
 *     world_code("\x0f\xa2", 2);
 *     host_expect(&world.host, ...);
 *     assert_int_equal(world_run(SEVC_EXIT_CPUID), SEVC_OK);
 *     assert ... world.trap ...
 *     world_finish();
 *
 * world_run() itself asserts what always holds: the instruction was fetched in one go (it is
 * overwritten right after, so that reading it again would show); the report is filled in; RIP,
 * flags, registers and memory are unchanged unless the result lets them change.
 */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scripted_host.h"

#define CR4_OSXSAVE (1ull << 18)

#define WORLD_PAGES      8
#define WORLD_PAGE_BYTES 4096

/* Where things are. User and kernel halves, each with room to cross a page. */
#define KERNEL_CODE 0xFFFFFFFF80100F00ull /* 256 bytes up to the end of its page */
#define USER_CODE   0x0000000000400F00ull
#define KERNEL_DATA 0xFFFF888000200000ull /* two pages, then nothing */
#define USER_DATA   0x0000000000600000ull /* two pages, then nothing */
#define DEVICE      0xFFFFC90000000000ull /* two pages of a device, then nothing */
#define DEVICE_GPA  0x00000000FED00000ull

struct world_page {
    uint64_t va;
    uint64_t gpa;
    bool user, read_only, no_execute, encrypted, absent;
    bool at_zero; /* it lies at 0, which else means nowhere */
    uint8_t bytes[WORLD_PAGE_BYTES];
};

struct world {
    struct scripted_host host;
    struct sevc_cpu cpu;
    struct sevc_policy policy;
    struct sevc_trap trap;
    struct sevc_report report;
    struct world_page pages[WORLD_PAGES];

    /* What sevc_os_register() gives. */
    uint64_t cr4, xcr0, xss, fs_base, gs_base, code_bits;

    /* What the filters give. */
    bool io_allowed[0x10000];
    uint64_t mmio_denied; /* GPA; 0: none */

    /* A write that fails though its probe did not: pages go read-only at the first exit. */
    bool race;
    bool moved_some; /* an error may leave the elements before it complete */

    /* A page that another CPU unmaps as soon as a probe for reading has been answered. */
    bool unmap_after_probe;

    /* sevc_os_page_not_validated() sees to it, so often. */
    unsigned validates;

    /* What the hooks have seen. */
    unsigned fetches, translations, probes, copies, shadow_stack_fixes;
    uint64_t shadow_stack_rip;
};
extern struct world world;

void world_start(void);
void world_finish(void);

/* Puts an instruction at trap.rip; the rest of the page is NOP. */
void world_code(const void *bytes, size_t count);

/* The same, where it ends exactly at the end of its page, behind which nothing is mapped. */
void world_code_at_end(const void *bytes, size_t count);

/* Continues at CPL 3. */
void world_user(void);

/* The page that holds VA, which must exist. */
struct world_page *world_page(uint64_t va);
uint8_t *world_byte(uint64_t va);

/* Delivers #VC with this error code. */
enum sevc_result world_run(uint64_t exit_code);

/* The last run changed neither frame nor memory, and took this many VMGEXITs. */
void world_assert_unchanged(void);
void world_assert_fault(unsigned vector, unsigned error_code, uint64_t cr2);

#endif
