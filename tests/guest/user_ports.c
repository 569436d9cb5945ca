/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS in user mode, with an I/O permission bitmap, as Linux's ioperm() makes one: a granted
 * port works, a refused one is #GP with nothing done. The processor looks into the bitmap before it
 * raises #VC, and the library looks again (CVE-2023-46813): its refusal must be the same.
 */
#include "guest.h"
#include "user_ports.h"

#define PROGRAM(name) extern const char ports_##name##_code[], ports_##name##_end[]

PROGRAM(granted);
PROGRAM(refused);
PROGRAM(border);
PROGRAM(last);
PROGRAM(pair);

struct program {
    const char *code, *end;
    struct sevc_trap state;
};

#define BITMAP_PORTS 0x500

/* The TSS is seen at another address, too, and there a page of ours lies behind it. */
#define WINDOW        0x20000000ull
#define WINDOW_BITMAP (WINDOW + 2 * PAGE_BYTES)

#define TSS_AVAILABLE 0x0000890000000000ull /* present, 64-bit */

static uint8_t *bitmap;
static unsigned asked; /* calls of the hook since the last program has started */
static unsigned taken; /* a port that has been taken away since the processor has looked */

bool sevc_os_io_allowed(const struct sevc_trap *trap, uint16_t port, unsigned bytes)
{
    (void)trap;
    asked++;
    for (unsigned at = port; at < port + bytes; at++) {
        if (at >= BITMAP_PORTS || (bitmap[at / 8] >> at % 8 & 1) != 0 || at == taken)
            return false;
    }
    return true;
}

static void load_bitmap(void)
{
    static uint64_t gdt[GDT_WORDS];
    uint64_t task = (uint64_t)&tss.reserved_0, page = task & ~(uint64_t)(PAGE_BYTES - 1);
    uint64_t base = WINDOW + (task - page);
    uint64_t offset = WINDOW_BITMAP - base, limit = offset + BITMAP_PORTS / 8;

    bitmap = page_alloc();
    memset(bitmap, 0xFF, PAGE_BYTES); /* also the byte behind it (APM vol. 2, 12.2.4) */
    for (unsigned port = PORTS_FIRST; port <= PORTS_LAST; port++)
        bitmap[port / 8] &= (uint8_t) ~(1u << port % 8);
    for (unsigned i = 0; i < 2; i++)
        page_map(WINDOW + i * PAGE_BYTES, page - KERNEL_OFFSET + i * PAGE_BYTES,
                 PTE_WRITABLE | PTE_NX, true);
    page_map(WINDOW_BITMAP, gpa_of(bitmap), PTE_WRITABLE | PTE_NX, true);

    segments_load(gdt, &tss);
    tss.iomap = (uint16_t)offset;
    gdt[TSS / 8] = TSS_AVAILABLE | limit | (base & 0xFFFFFF) << 16 | (base >> 24 & 0xFF) << 56;
    gdt[TSS / 8 + 1] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(TSS) : "memory");
}

static void start(void *argument)
{
    struct program *p = argument;

    asked = 0;
    user_run(p->code, p->end, &p->state);
}

static void granted(void)
{
    struct program p = { .code = ports_granted_code, .end = ports_granted_end };
    struct guest_fault fault;
    const uint64_t *gpr = p.state.gpr;
    uint64_t before = account_vc(SEVC_EXIT_IOIO);

    CHECK(!guest_try(start, &p, &fault));
    CHECK(asked > 0 && account_vc(SEVC_EXIT_IOIO) - before >= 9);
    CHECK_EQUAL(gpr[SEVC_R12], (uint64_t)-5);
    CHECK_EQUAL(gpr[SEVC_R13], 0);
    CHECK_EQUAL(gpr[SEVC_R14], (uint64_t)-5);
    CHECK_EQUAL(gpr[SEVC_R15], 0);
    CHECK(memcmp(&gpr[SEVC_R8], "Hello", 5) == 0);
    CHECK_EQUAL(gpr[SEVC_R9], 'Y' | 'e' << 8);
}

/* #GP(0) at the instruction, and nothing done. by_hook: by sevc_os_io_allowed(), not before. */
static void refused(const char *code, const char *end, bool by_hook)
{
    struct program p = { .code = code, .end = end };
    struct guest_fault fault;

    CHECK(guest_try(start, &p, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_GP);
    CHECK_EQUAL(fault.trap.error_code, 0);
    CHECK_EQUAL(fault.trap.cs, USER_CS);
    CHECK(fault.trap.rip > USER_CODE && fault.trap.rip < USER_CODE + (uint64_t)(end - code));
    CHECK_EQUAL(fault.trap.gpr[SEVC_RCX], 3);
    CHECK_EQUAL(asked != 0, by_hook);
}

/* A kernel that gives ports to user mode says so. Without it every one is refused. */
static void allow_bitmap(void)
{
    static struct sevc_policy policy;

    policy = *cpu.policy;
    policy.user_io = SEVC_USER_IO_BITMAP;
    cpu.policy = &policy;
}

void guest_main(void)
{
    struct program last = { .code = ports_last_code, .end = ports_last_end };
    struct guest_fault fault;

    load_bitmap();
    refused(ports_last_code, ports_last_end, false);
    allow_bitmap();
    granted();
    refused(ports_refused_code, ports_refused_end, false);
    refused(ports_border_code, ports_border_end, false);
    CHECK(!guest_try(start, &last, &fault));
    taken = PORTS_LAST;
    refused(ports_last_code, ports_last_end, true);
    refused(ports_pair_code, ports_pair_end, true);
}
