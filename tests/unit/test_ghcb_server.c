/* SPDX-License-Identifier: MIT */
/*
 * The emulated host's GHCB server, against a fake device. The images are written by hand from the
 * GHCB specification: offsets, bits and values are plain numbers here and not those of
 * sevc/ghcb_abi.h, so that a wrong constant there fails.
 *
 * Each request is an image over a zeroed page, and so is the answer over the request: the whole
 * page is compared, so that an answer too many fails too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"
#include "ghcb_server.h"
#include "report.h"

#define GPA        UINT64_C(0x123000)
#define BUFFER     (GPA + 0x800)
#define C_BIT      47
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define MAX_POKES  16
#define LOG_BYTES  4096
#define RULE_BYTES 64

/* ---- Fake device and report: what they were asked, as text ---- */

static char device_log[LOG_BYTES];
static char broken_rules[LOG_BYTES];
static uint8_t *page;
static bool spoil_page; /* device_out() changes the page, as another processor could */
static unsigned vmgexits_counted;

static void append(char *log, const char *format, ...)
{
    size_t used = strlen(log);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(log + used, LOG_BYTES - used, format, arguments);
    va_end(arguments);
}

void device_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t xcr0, uint64_t xss,
                  struct cpuid_regs *out)
{
    append(device_log, "cpuid %x %x %lx %lx;", leaf, subleaf, xcr0, xss);
    *out = (struct cpuid_regs){ 0x11111111, 0xB2222222, 0xC3333333, 0xD4444444 };
}

bool device_rdmsr(uint32_t msr, uint64_t *value)
{
    append(device_log, "rdmsr %x;", msr);
    *value = UINT64_C(0xFEDCBA9876543210);
    return msr != 0xBAD;
}

bool device_wrmsr(uint32_t msr, uint64_t value)
{
    append(device_log, "wrmsr %x %lx;", msr, value);
    return msr != 0xBAD;
}

uint32_t device_in(uint16_t port, unsigned size)
{
    append(device_log, "in %x %u;", port, size);
    return 0xA5B6C7D8;
}

void device_out(uint16_t port, unsigned size, uint32_t value)
{
    append(device_log, "out %x %u %x;", port, size, value);
    if (spoil_page)
        memset(page, 0xEE, 4096);
}

bool device_mmio_read(uint64_t gpa, void *data, unsigned size)
{
    append(device_log, "read %lx %u;", gpa, size);
    memcpy(data, "\x01\x02\x03\x04\x05\x06\x07\x08", size);
    return gpa != 0xBAD000;
}

bool device_mmio_write(uint64_t gpa, const void *data, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, data, size);
    append(device_log, "write %lx %u %lx;", gpa, size, value);
    return true;
}

uint64_t device_tsc(void)
{
    return UINT64_C(0x1122334455667788);
}

uint32_t device_tsc_aux(void)
{
    return 0x99AABBCC;
}

bool device_pmc(uint32_t index, uint64_t *value)
{
    append(device_log, "pmc %x;", index);
    *value = UINT64_C(0xAAAABBBBCCCCDDDD);
    return index != 0xBAD;
}

void report_violation(const struct vcpu_where *where, const char *rule, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_in_range(length, 1, sizeof(text) - 1);
    assert_int_equal(where->rip, 0x401000);
    append(broken_rules, "%s ", rule);
}

void report_vmgexit_page(const struct vcpu_where *where, uint64_t code, uint64_t info1,
                         uint64_t info2)
{
    (void)where, (void)code, (void)info1, (void)info2;
    vmgexits_counted++;
}

void report_vmgexit_msr(const struct vcpu_where *where, uint64_t msr)
{
    (void)where, (void)msr;
    vmgexits_counted++;
}

/* ---- A guest that has negotiated version 2 ---- */

static struct ghcb_platform platform;
static struct ghcb_server server;
static const struct vcpu_where where = { .rip = 0x401000, .exit_code = 0x81, .cpu = 0 };

static enum ghcb_outcome exit_msr(uint64_t request)
{
    ghcb_server_write_msr(&server, request);
    return ghcb_server_vmgexit(&server, NULL, &where);
}

static enum ghcb_outcome exit_page(void)
{
    uint64_t gpa = 0;

    ghcb_server_write_msr(&server, GPA);
    assert_true(ghcb_server_wants_page(&server, &gpa));
    assert_int_equal(gpa, GPA);
    return ghcb_server_vmgexit(&server, page, &where);
}

static void clear_logs(void)
{
    device_log[0] = '\0';
    broken_rules[0] = '\0';
    vmgexits_counted = 0;
    spoil_page = false;
}

static void negotiate(void)
{
    assert_int_equal(exit_msr(0x002), GHCB_RESUME);
    assert_int_equal(ghcb_server_read_msr(&server), UINT64_C(0x000200012F000001));
    clear_logs();
}

static int setup(void **state)
{
    (void)state;
    page = aligned_alloc(4096, 4096);
    assert_non_null(page);
    memset(page, 0, 4096);
    ghcb_platform_init(&platform, C_BIT);
    ghcb_server_init(&server, &platform);
    negotiate();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(page);
    return 0;
}

/* ---- Images ---- */

struct poke {
    uint16_t offset;
    uint8_t size; /* 0 ends the list */
    uint64_t value;
};

static void poke(uint8_t *at, const struct poke *pokes)
{
    for (unsigned i = 0; i < MAX_POKES && pokes[i].size != 0; i++)
        memcpy(at + pokes[i].offset, &pokes[i].value, pokes[i].size);
}

#define VERSION2                                                                                   \
    {                                                                                              \
        0xFFA, 2, 2                                                                                \
    }
#define CODE(code)                                                                                 \
    {                                                                                              \
        0x390, 8, code                                                                             \
    }
#define INFO1(v)                                                                                   \
    {                                                                                              \
        0x398, 8, v                                                                                \
    }
#define INFO2(v)                                                                                   \
    {                                                                                              \
        0x3A0, 8, v                                                                                \
    }
#define RAX(v)                                                                                     \
    {                                                                                              \
        0x1F8, 8, v                                                                                \
    }
#define RCX(v)                                                                                     \
    {                                                                                              \
        0x308, 8, v                                                                                \
    }
#define RDX(v)                                                                                     \
    {                                                                                              \
        0x310, 8, v                                                                                \
    }
#define RBX(v)                                                                                     \
    {                                                                                              \
        0x318, 8, v                                                                                \
    }
#define SCRATCH(v)                                                                                 \
    {                                                                                              \
        0x3A8, 8, v                                                                                \
    }

/* Bytes of the bitmap. Code, info1 and info2 are bits 114 to 116: byte 14, 0x1C. */
#define MARK_ALWAYS                                                                                \
    {                                                                                              \
        0x3FE, 1, 0x1C                                                                             \
    }
#define MARK_SCRATCH                                                                               \
    {                                                                                              \
        0x3FE, 1, 0x3C                                                                             \
    } /* and bit 117 */
#define MARK_RAX                                                                                   \
    {                                                                                              \
        0x3F7, 1, 0x80                                                                             \
    } /* bit 63 */
#define MARK_RCX                                                                                   \
    {                                                                                              \
        0x3FC, 1, 0x02                                                                             \
    } /* bit 97 */
#define MARK_RCX_RDX                                                                               \
    {                                                                                              \
        0x3FC, 1, 0x06                                                                             \
    } /* bits 97, 98 */
#define MARK_RDX                                                                                   \
    {                                                                                              \
        0x3FC, 1, 0x04                                                                             \
    }
#define MARK_RBX_RCX_RDX                                                                           \
    {                                                                                              \
        0x3FC, 1, 0x0E                                                                             \
    } /* bits 97 to 99 */
#define MARK_REPLY                                                                                 \
    {                                                                                              \
        0x3FE, 1, 0x18                                                                             \
    } /* info1 and info2 */
#define MARK_NONE_BUT_REPLY                                                                        \
    { 0x3F0, 8, 0 },                                                                               \
    {                                                                                              \
        0x3F8, 8, UINT64_C(0x0018000000000000)                                                     \
    }

struct golden {
    const char *name;
    struct poke request[MAX_POKES];
    struct poke reply[MAX_POKES]; /* over the request, after the bitmap was cleared to info1/2 */
    const char *device;           /* what the device was asked */
    enum ghcb_outcome outcome;
};

static const struct golden goldens[] = {
    { "CPUID",
      { CODE(0x72), RAX(0x80000002), RCX(0), MARK_RAX, MARK_RCX, MARK_ALWAYS, VERSION2 },
      { RAX(0x11111111), RBX(0xB2222222), RCX(0xC3333333), RDX(0xD4444444), MARK_RAX,
        MARK_RBX_RCX_RDX },
      "cpuid 80000002 0 1 0;",
      GHCB_RESUME },
    { "CPUID leaf D",
      { CODE(0x72),
        RAX(0xD),
        RCX(2),
        { 0x3E8, 8, 7 },
        MARK_RAX,
        MARK_RCX,
        MARK_ALWAYS,
        { 0x3FF, 1, 0x20 },
        VERSION2 },
      { RAX(0x11111111), RBX(0xB2222222), RCX(0xC3333333), RDX(0xD4444444), MARK_RAX,
        MARK_RBX_RCX_RDX },
      "cpuid d 2 7 0;",
      GHCB_RESUME },
    { "CPUID leaf D, sub-leaf 1",
      { CODE(0x72),
        RAX(0xD),
        RCX(1),
        { 0x3E8, 8, 3 },
        { 0x140, 8, 0x1800 },
        { 0x3F5, 1, 1 },
        MARK_RAX,
        MARK_RCX,
        MARK_ALWAYS,
        { 0x3FF, 1, 0x20 },
        VERSION2 },
      { RAX(0x11111111), RBX(0xB2222222), RCX(0xC3333333), RDX(0xD4444444), MARK_RAX,
        MARK_RBX_RCX_RDX },
      "cpuid d 1 3 1800;",
      GHCB_RESUME },
    { "RDMSR",
      { CODE(0x7C), RCX(0xC0000080), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { RAX(0x76543210), RDX(0xFEDCBA98), MARK_RAX, MARK_RDX },
      "rdmsr c0000080;",
      GHCB_RESUME },
    { "RDMSR refused",
      { CODE(0x7C), RCX(0xBAD), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { INFO1(1), INFO2(0x80000B0D) },
      "rdmsr bad;",
      GHCB_RESUME },
    { "WRMSR",
      { CODE(0x7C), INFO1(1), RCX(0x1B), RAX(0xFEE00900), RDX(0x12), MARK_RAX, MARK_RCX_RDX,
        MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "wrmsr 1b 12fee00900;",
      GHCB_RESUME },
    { "WRMSR refused",
      { CODE(0x7C), INFO1(1), RCX(0xBAD), MARK_RAX, MARK_RCX_RDX, MARK_ALWAYS, VERSION2 },
      { INFO1(1), INFO2(0x80000B0D) },
      "wrmsr bad 0;",
      GHCB_RESUME },
    { "OUT DX, AL",
      { CODE(0x7B), INFO1(0x03F80210), RAX(0x41), MARK_RAX, MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "out 3f8 1 41;",
      GHCB_RESUME },
    { "OUT DX, EAX",
      { CODE(0x7B), INFO1(0x0CF80240), RAX(0x80000000), MARK_RAX, MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "out cf8 4 80000000;",
      GHCB_RESUME },
    { "IN AL, DX",
      { CODE(0x7B), INFO1(0x03FD0211), MARK_ALWAYS, VERSION2 },
      { INFO1(0), RAX(0xD8), MARK_RAX },
      "in 3fd 1;",
      GHCB_RESUME },
    { "IN AX, DX",
      { CODE(0x7B), INFO1(0x01F00221), MARK_ALWAYS, VERSION2 },
      { INFO1(0), RAX(0xC7D8), MARK_RAX },
      "in 1f0 2;",
      GHCB_RESUME },
    { "IN EAX, DX",
      { CODE(0x7B), INFO1(0x0CFC0241), MARK_ALWAYS, VERSION2 },
      { INFO1(0), RAX(0xA5B6C7D8), MARK_RAX },
      "in cfc 4;",
      GHCB_RESUME },
    { "OUTSB",
      { CODE(0x7B),
        INFO1(0x00E90E14),
        INFO2(1),
        SCRATCH(BUFFER),
        { 0x800, 1, 'A' },
        MARK_SCRATCH,
        VERSION2 },
      { INFO1(0), INFO2(0) },
      "out e9 1 41;",
      GHCB_RESUME },
    { "REP OUTSW, FS",
      { CODE(0x7B),
        INFO1(0x00E0122C),
        INFO2(3),
        SCRATCH(BUFFER),
        { 0x800, 4, 0x34127856 },
        { 0x804, 2, 0x9ABC },
        MARK_SCRATCH,
        VERSION2 },
      { INFO1(0), INFO2(0) },
      "out e0 2 7856;out e0 2 3412;out e0 2 9abc;",
      GHCB_RESUME },
    { "REP INSD",
      { CODE(0x7B), INFO1(0x01F0024D), INFO2(2), SCRATCH(BUFFER), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0x800, 8, UINT64_C(0xA5B6C7D8A5B6C7D8) } },
      "in 1f0 4;in 1f0 4;",
      GHCB_RESUME },
    { "INSB at the end of the buffer",
      { CODE(0x7B), INFO1(0x00E90215), INFO2(1), SCRATCH(GPA + 0xFEF), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0xFEF, 1, 0xD8 } },
      "in e9 1;",
      GHCB_RESUME },
    { "RDTSC",
      { CODE(0x6E), MARK_ALWAYS, VERSION2 },
      { RAX(0x55667788), RDX(0x11223344), MARK_RAX, MARK_RDX },
      "",
      GHCB_RESUME },
    { "RDTSCP",
      { CODE(0x87), MARK_ALWAYS, VERSION2 },
      { RAX(0x55667788), RDX(0x11223344), RCX(0x99AABBCC), MARK_RAX, MARK_RCX_RDX },
      "",
      GHCB_RESUME },
    { "RDPMC",
      { CODE(0x6F), RCX(1), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { RAX(0xCCCCDDDD), RDX(0xAAAABBBB), MARK_RAX, MARK_RDX },
      "pmc 1;",
      GHCB_RESUME },
    { "RDPMC refused",
      { CODE(0x6F), RCX(0xBAD), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { INFO1(1), INFO2(0x80000B0D) },
      "pmc bad;",
      GHCB_RESUME },
    { "INVD", { CODE(0x76), MARK_ALWAYS, VERSION2 }, { { 0 } }, "", GHCB_RESUME },
    { "WBINVD", { CODE(0x89), MARK_ALWAYS, VERSION2 }, { { 0 } }, "", GHCB_RESUME },
    { "MONITOR",
      { CODE(0x8A), RAX(0x1234567000), RCX(0), RDX(0), MARK_RAX, MARK_RCX_RDX, MARK_ALWAYS,
        VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "MWAIT",
      { CODE(0x8B), RAX(0x20), RCX(1), MARK_RAX, MARK_RCX, MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "VMMCALL from the kernel",
      { CODE(0x81),
        RAX(5),
        RBX(1),
        RCX(2),
        RDX(3),
        { 0x330, 8, 4 },
        MARK_RAX,
        { 0x3F3, 1, 0x02 },
        { 0x3FC, 1, 0x4E },
        MARK_ALWAYS,
        VERSION2 },
      { RAX(UINT64_C(0xFFFFFFFFFFFFFC18)), MARK_RAX },
      "",
      GHCB_RESUME },
    { "VMMCALL from user mode",
      { CODE(0x81), RAX(5), { 0x0CB, 1, 3 }, MARK_RAX, { 0x3F3, 1, 0x02 }, MARK_ALWAYS, VERSION2 },
      { RAX(UINT64_C(0xFFFFFFFFFFFFFFFF)), MARK_RAX },
      "",
      GHCB_RESUME },
    { "DR7 read",
      { CODE(0x27), MARK_ALWAYS, VERSION2 },
      { RAX(0x400), { 0x160, 8, 0x400 }, MARK_RAX, { 0x3F5, 1, 0x10 } },
      "",
      GHCB_RESUME },
    { "DR7 write",
      { CODE(0x37), RAX(0x10401), MARK_RAX, MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "MMIO read",
      { CODE(0x80000001), INFO1(0xFEE00020), INFO2(4), SCRATCH(BUFFER), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0x800, 4, 0x04030201 } },
      "read fee00020 4;",
      GHCB_RESUME },
    { "MMIO read where no device is",
      { CODE(0x80000001), INFO1(0xBAD000), INFO2(8), SCRATCH(BUFFER), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0x800, 8, UINT64_MAX } },
      "read bad000 8;",
      GHCB_RESUME },
    { "MMIO write",
      { CODE(0x80000002),
        INFO1(0xFED00010),
        INFO2(8),
        SCRATCH(BUFFER + 0x10),
        { 0x810, 8, UINT64_C(0x1020304050607080) },
        MARK_SCRATCH,
        VERSION2 },
      { INFO1(0), INFO2(0) },
      "write fed00010 8 1020304050607080;",
      GHCB_RESUME },
    { "NMI complete",
      { CODE(0x80000003), MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_NMI_COMPLETE },
    { "AP reset hold",
      { CODE(0x80000004), MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESET_HOLD },
    { "AP jump table set",
      { CODE(0x80000005), INFO2(0x9F000), MARK_ALWAYS, VERSION2 },
      { INFO2(0) },
      "",
      GHCB_RESUME },
    { "AP jump table get: none",
      { CODE(0x80000005), INFO1(1), MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "",
      GHCB_RESUME },
    { "hypervisor features",
      { CODE(0x8000FFFD), MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "terminate",
      { CODE(0x8000FFFE), INFO1(0x5A7), MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "",
      GHCB_TERMINATED },
    { "unsupported event",
      { CODE(0x8000FFFF), INFO1(0x8D), MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "",
      GHCB_RESUME },
};

static const struct golden *golden(const char *name)
{
    for (size_t i = 0; i < COUNT(goldens); i++) {
        if (strcmp(goldens[i].name, name) == 0)
            return &goldens[i];
    }
    fail_msg("no image is called \"%s\"", name);
    return NULL;
}

static void expect_page(const char *name, const uint8_t *expected)
{
    for (unsigned offset = 0; offset < 4096; offset++) {
        if (page[offset] != expected[offset])
            fail_msg("%s: byte 0x%x is 0x%02x, expected 0x%02x", name, offset, page[offset],
                     expected[offset]);
    }
}

static void every_correct_request_is_answered_exactly(void **state)
{
    static const struct poke cleared[MAX_POKES] = { MARK_NONE_BUT_REPLY };
    uint8_t expected[4096];

    (void)state;
    for (size_t i = 0; i < COUNT(goldens); i++) {
        const struct golden *g = &goldens[i];
        ghcb_server_init(&server, &platform);
        ghcb_platform_init(&platform, C_BIT);
        negotiate();
        memset(page, 0, 4096);
        poke(page, g->request);
        memcpy(expected, page, sizeof(expected));
        poke(expected, cleared);
        poke(expected, g->reply);

        print_message("    %s\n", g->name);
        assert_int_equal(exit_page(), g->outcome);
        assert_string_equal(broken_rules, "");
        assert_string_equal(device_log, g->device);
        assert_int_equal(vmgexits_counted, 1);
        assert_int_equal(server.violations, 0);
        assert_false(server.request.msr_protocol);
        assert_string_not_equal(server.request.name, "unknown");
        expect_page(g->name, expected);
    }
}

/* ---- Each rule, broken once ---- */

struct broken {
    const char *rules; /* exactly these are reported, each followed by a blank */
    const char *base;  /* a correct request */
    struct poke change[MAX_POKES];
    uint8_t reject; /* what a lenient host, as KVM is, answers; 0 = it serves the request */
};

static const struct broken page_faults[] = {
    { "missing-valid ", "CPUID", { { 0x3FC, 1, 0 } }, 4 },
    { "missing-valid ", "CPUID", { { 0x3F7, 1, 0 } }, 4 },
    { "missing-valid ", "CPUID leaf D", { { 0x3FF, 1, 0 } }, 4 },
    { "missing-valid ", "WRMSR", { MARK_RCX }, 4 },
    { "missing-valid ", "OUT DX, AL", { { 0x3F7, 1, 0 } }, 4 },
    { "missing-valid ", "OUTSB", { MARK_ALWAYS }, 4 },
    { "missing-valid ", "VMMCALL from user mode", { { 0x3F3, 1, 0 } }, 4 },
    { "missing-valid ", "RDTSC", { { 0x3FE, 1, 0x18 } }, 4 },
    { "missing-valid ", "RDTSC", { { 0x3FE, 1, 0x14 } }, 4 },
    { "missing-valid ", "RDTSC", { { 0x3FE, 1, 0x0C } }, 4 },
    { "extra-valid ", "CPUID", { { 0x3FC, 1, 0x0A } }, 0 },
    { "extra-valid ", "CPUID", { { 0x3E8, 8, 7 }, { 0x3FF, 1, 0x20 } }, 0 },
    { "extra-valid ", "CPUID leaf D", { { 0x3F5, 1, 1 } }, 0 },
    { "extra-valid ", "RDMSR", { MARK_RAX }, 0 },
    { "extra-valid ", "IN AL, DX", { MARK_RAX }, 0 },
    { "extra-valid ", "RDTSC", { { 0x3FE, 1, 0x3C } }, 0 },
    { "extra-valid ", "RDTSC", { { 0x3F0, 1, 0x01 } }, 0 }, /* reserved, offset 0 */
    { "extra-valid ", "RDTSC", { { 0x3FF, 1, 0x40 } }, 0 }, /* the bitmap itself */
    { "extra-valid ", "VMMCALL from the kernel", { { 0x3FC, 1, 0xCE } }, 0 }, /* RDI */
    { "leak ", "RDTSC", { { 0x000, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0x178, 8, 0x401000 } }, 0 }, /* RIP */
    { "leak ", "RDTSC", { { 0x318, 8, 0x55 } }, 0 },
    { "leak ", "RDTSC", { { 0x3B0, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0x400, 8, 0x1000 } }, 0 },
    { "leak ", "RDTSC", { { 0x7FF, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0x800, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0xFF0, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0xFF9, 1, 1 } }, 0 },
    { "leak ", "OUTSB", { { 0x801, 1, 1 } }, 0 },
    { "leak ", "MMIO write", { { 0x80F, 1, 1 } }, 0 },
    { "leak ", "MMIO write", { { 0x818, 1, 1 } }, 0 },
    { "leak ", "REP INSD", { { 0x800, 1, 1 } }, 0 }, /* data of an earlier exit */
    { "leak ", "VMMCALL from user mode", { { 0x0CA, 1, 1 } }, 0 },
    { "leak ", "VMMCALL from user mode", { { 0x0CC, 1, 1 } }, 0 },
    { "leak ", "VMMCALL from user mode", { RBX(1) }, 0 }, /* optional, filled but not marked */
    { "leak-width ", "OUT DX, AL", { RAX(0x141) }, 0 },
    { "leak-width ", "OUT DX, EAX", { RAX(UINT64_C(0x180000000)) }, 0 },
    { "leak-width ", "RDMSR", { RCX(UINT64_C(0x1C0000080)) }, 0 },
    { "leak-width ", "WRMSR", { RAX(UINT64_C(0x1FEE00900)) }, 0 },
    { "leak-width ", "WRMSR", { RDX(UINT64_C(0x8000000000000012)) }, 0 },
    { "leak-width ", "CPUID", { RAX(UINT64_C(0xFFFF000080000002)) }, 0 },
    { "leak-width ", "CPUID", { RCX(UINT64_C(0x100000000)) }, 0 },
    { "leak-width ", "RDPMC", { RCX(UINT64_C(0x100000001)) }, 0 },
    { "leak-width ", "DR7 write", { RAX(UINT64_C(0x100000400)) }, 0 },
    { "version ", "RDTSC", { { 0xFFA, 2, 0 } }, 0 },
    { "version ", "RDTSC", { { 0xFFA, 2, 3 } }, 0 },
    { "version ", "RDTSC", { { 0xFFA, 2, 0x0200 } }, 0 },
    { "usage ", "RDTSC", { { 0xFFC, 4, 1 } }, 2 },
    { "usage ", "RDTSC", { { 0xFFC, 4, 0x80000000 } }, 2 },
    { "scratch ", "OUTSB", { SCRATCH(GPA + 0x7FF) }, 3 },
    { "scratch ", "OUTSB", { SCRATCH(GPA + 0xFF0) }, 3 },
    { "scratch ", "OUTSB", { SCRATCH(GPA + 0x10800) }, 3 },
    { "scratch ", "OUTSB", { SCRATCH(UINT64_MAX) }, 3 },
    { "scratch ", "MMIO read", { SCRATCH(GPA + 0xFED) }, 3 },
    { "scratch ", "REP INSD", { SCRATCH(GPA + 0xFEC) }, 3 },
    { "scratch ", "REP INSD", { SCRATCH(BUFFER + 1), INFO2(508) }, 3 },
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0213) }, 5 },            /* bit 1 */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD8211) }, 5 },            /* bit 15 */
    { "ioio-info ", "IN AL, DX", { INFO1(UINT64_C(0x103FD0211)) }, 5 }, /* bit 32 */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0201) }, 5 },            /* no size */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0231) }, 5 },            /* two sizes */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0311) }, 5 },            /* two address sizes */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0219) }, 5 },            /* REP */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0E11) }, 5 },            /* a segment */
    { "ioio-info ", "OUTSB", { INFO1(0x00E90C14) }, 5 },                /* no address size */
    { "ioio-info ", "OUTSB", { INFO1(0x00E91A14) }, 5 },                /* segment 6 */
    { "ioio-info ", "REP INSD", { INFO1(0x01F00E4D) }, 5 },             /* INS to DS */
    { "ioio-info ", "REP INSD", { INFO2(0) }, 5 },
    { "ioio-info ", "REP INSD", { INFO2(509) }, 5 }, /* 2036 bytes */
    { "ioio-info ", "REP INSD", { INFO2(UINT64_C(0x4000000000000001)) }, 5 },
    { "ioio-info ", "INSB at the end of the buffer", { SCRATCH(BUFFER), INFO2(2) }, 5 },
    { "exit-info ", "RDTSC", { INFO1(1) }, 5 },
    { "exit-info ", "RDTSC", { INFO2(1) }, 5 },
    { "exit-info ", "IN AL, DX", { INFO2(1) }, 5 },
    { "exit-info ", "RDMSR", { INFO1(2) }, 5 },
    { "exit-info ", "AP jump table get: none", { INFO1(2) }, 5 },
    { "exit-info ", "AP jump table get: none", { INFO2(0x1000) }, 5 },
    { "exit-info ", "terminate", { INFO1(0x1000) }, 5 },
    { "exit-code ", "RDTSC", { CODE(0x78) }, 6 },  /* HLT exits by itself */
    { "exit-code ", "RDTSC", { CODE(0x400) }, 6 }, /* NPF is sent as MMIO */
    { "exit-code ", "RDTSC", { CODE(UINT64_C(0x10000006E)) }, 6 },
    { "exit-code ", "RDTSC", { CODE(0x80000006) }, 6 },
    { "snp-only ", "RDTSC", { CODE(0x80000010) }, 6 },
    { "snp-only ", "RDTSC", { CODE(0x80000013) }, 6 },
    { "snp-only ", "RDTSC", { CODE(0x80000018) }, 6 },
    { "mmio ", "MMIO read", { INFO2(3) }, 5 },
    { "mmio ", "MMIO read", { INFO2(0) }, 5 },
    { "mmio ", "MMIO read", { INFO2(16) }, 5 },
    { "mmio ", "MMIO read", { INFO1(UINT64_C(0x8000FEE00020)) }, 5 }, /* the C-bit */
    { "mmio ", "MMIO read", { INFO1(0xFEE00FFD) }, 5 },
    { "xcr0 ", "CPUID leaf D", { { 0x3E8, 8, 6 } }, 5 },
    { "cpl ", "VMMCALL from user mode", { { 0x0CB, 1, 4 } }, 5 },
    { "dr7 ", "DR7 write", { RAX(0x1) }, 5 },
    { "dr7 ", "DR7 write", { RAX(0x8400) }, 5 },
    { "gpa ", "AP jump table set", { INFO2(0x9F010) }, 5 },
    { "gpa ", "AP jump table set", { INFO2(UINT64_C(0x80000009F000)) }, 5 },
    { "gpa ", "MONITOR", { RAX(UINT64_C(0xFFFF888000000000)) }, 5 }, /* a virtual address */
    { "never-intercepted ", "RDMSR", { RCX(0xC0010130) }, 0 },
    { "never-intercepted ", "RDMSR", { RCX(0xC0010131) }, 0 },
    { "never-intercepted ", "WRMSR", { RCX(0xC0010130) }, 0 },
    /* Two faults are two reports. */
    { "extra-valid leak ", "RDTSC", { { 0x3F0, 1, 0x01 }, { 0x208, 1, 1 } }, 0 },
    { "missing-valid leak-width ", "WRMSR", { MARK_RCX, RCX(UINT64_C(0x10000001B)) }, 4 },
};

static void build(const struct broken *b)
{
    clear_logs();
    memset(page, 0, 4096);
    poke(page, golden(b->base)->request);
    poke(page, b->change);
}

static void every_broken_rule_is_named_and_nothing_is_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(page_faults); i++) {
        const struct broken *b = &page_faults[i];
        build(b);
        if (exit_page() != GHCB_VIOLATION || strcmp(broken_rules, b->rules) != 0 ||
            device_log[0] != '\0')
            fail_msg("case %zu (%s): expected %s, reported %s, device saw %s", i, b->base, b->rules,
                     broken_rules, device_log);
        assert_int_equal(page[0x398], 2);
    }
}

static uint64_t reply_reason(void)
{
    uint64_t info1, info2;

    memcpy(&info1, page + 0x398, 8);
    memcpy(&info2, page + 0x3A0, 8);
    return info1 == 2 ? info2 : 0;
}

static void a_lenient_host_answers_as_kvm_would(void **state)
{
    (void)state;
    platform.keep_going = true;
    for (size_t i = 0; i < COUNT(page_faults); i++) {
        const struct broken *b = &page_faults[i];
        enum ghcb_outcome expected = golden(b->base)->outcome;
        build(b);
        if (b->reject != 0)
            expected = GHCB_RESUME;
        assert_int_equal(exit_page(), expected);
        assert_string_equal(broken_rules, b->rules);
        if (reply_reason() != b->reject)
            fail_msg("case %zu (%s, %s): reason %lu, expected %u", i, b->base, b->rules,
                     reply_reason(), b->reject);
    }
}

/* ---- The MSR protocol ---- */

static void msr_requests_get_their_responses(void **state)
{
    static const struct {
        uint64_t request, response;
        enum ghcb_outcome outcome;
    } cases[] = {
        { 0x002, UINT64_C(0x000200012F000001), GHCB_RESUME },
        { UINT64_C(0x8000000100000004), UINT64_C(0x1111111100000005), GHCB_RESUME },
        { UINT64_C(0x8000000140000004), UINT64_C(0xB222222240000005), GHCB_RESUME },
        { UINT64_C(0x8000000180000004), UINT64_C(0xC333333380000005), GHCB_RESUME },
        { UINT64_C(0x80000001C0000004), UINT64_C(0xD4444444C0000005), GHCB_RESUME },
        { 0x080, UINT64_C(0x081), GHCB_RESUME },
        { 0x006, 0x006, GHCB_RESET_HOLD },
        { 0x5A1100, 0x5A1100, GHCB_TERMINATED },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        clear_logs();
        assert_int_equal(exit_msr(cases[i].request), cases[i].outcome);
        assert_int_equal(ghcb_server_read_msr(&server), cases[i].response);
        assert_string_equal(broken_rules, "");
        assert_int_equal(vmgexits_counted, 1);
        assert_true(server.request.msr_protocol);
        assert_int_equal(server.request.code, cases[i].request & 0xFFF);
        assert_string_not_equal(server.request.name, "unknown");
    }
    assert_int_equal(server.request.term_set, 1);
    assert_int_equal(server.request.term_code, 0x5A);
}

static void hypervisor_features_are_shifted_by_twelve(void **state)
{
    (void)state;
    platform.hv_features = 0x3;
    assert_int_equal(exit_msr(0x080), GHCB_RESUME);
    assert_int_equal(ghcb_server_read_msr(&server), 0x3081);
    poke(page, golden("hypervisor features")->request);
    assert_int_equal(exit_page(), GHCB_RESUME);
    assert_int_equal(page[0x3A0], 3);
}

static const struct {
    const char *rules;
    uint64_t request;
} msr_faults[] = {
    { "msr-request ", 0x001 }, /* a response */
    { "msr-request ", 0x005 },
    { "msr-request ", 0x003 },
    { "msr-request ", 0x101 },
    { "msr-request ", 0xF00 },
    { "msr-request ", GPA + 0x800 }, /* the address of a GHCB is a multiple of 4096 */
    { "msr-reserved ", 0x1002 },
    { "msr-reserved ", UINT64_C(0x8000000100001004) },
    { "msr-reserved ", UINT64_C(0x8000000120000004) },
    { "msr-reserved ", 0x1006 },
    { "msr-reserved ", 0x1080 },
    { "msr-reserved ", 0x1000100 },
    { "msr-snp-only ", 0x010 },
    { "msr-snp-only ", GPA | 0x012 },
    { "msr-snp-only ", GPA | 0x014 },
    { "msr-snp-only ", 0x016 },
    { "msr-cpuid-leaf ", UINT64_C(0xD00000004) },
};

static void every_broken_rule_of_the_msr_protocol_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(msr_faults); i++) {
        clear_logs();
        assert_int_equal(exit_msr(msr_faults[i].request), GHCB_VIOLATION);
        assert_string_equal(broken_rules, msr_faults[i].rules);
        assert_string_equal(device_log, "");
        assert_int_equal(server.msr, msr_faults[i].request);
    }
}

static void a_page_that_is_not_shared_memory_is_refused(void **state)
{
    (void)state;
    poke(page, golden("RDTSC")->request);
    ghcb_server_write_msr(&server, GPA);
    assert_int_equal(ghcb_server_vmgexit(&server, NULL, &where), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "ghcb-gpa ");

    clear_logs();
    platform.keep_going = true; /* there is still no place for an answer */
    ghcb_server_write_msr(&server, GPA | UINT64_C(1) << C_BIT);
    assert_int_equal(ghcb_server_vmgexit(&server, page, &where), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "ghcb-gpa ");
}

/* ---- Negotiation and versions ---- */

static void the_page_protocol_needs_negotiation(void **state)
{
    (void)state;
    ghcb_platform_init(&platform, C_BIT);
    ghcb_server_init(&server, &platform);
    poke(page, golden("RDTSC")->request);
    assert_int_equal(exit_page(), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "not-negotiated ");

    clear_logs();
    memset(page, 0, 4096);
    poke(page, golden("RDTSC")->request);
    assert_int_equal(exit_msr(0x002), GHCB_RESUME); /* asked, but never read */
    assert_int_equal(exit_page(), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "not-negotiated ");
}

static void the_msr_holds_the_sev_information_after_reset(void **state)
{
    (void)state;
    ghcb_server_init(&server, &platform);
    platform.negotiated = false;
    assert_int_equal(ghcb_server_read_msr(&server), UINT64_C(0x000200012F000001));
    assert_true(platform.negotiated);
}

static enum ghcb_outcome exit_with_version(const char *name, uint16_t version)
{
    clear_logs();
    memset(page, 0, 4096);
    poke(page, golden(name)->request);
    memcpy(page + 0xFFA, &version, 2);
    return exit_page();
}

static void a_guest_keeps_its_version(void **state)
{
    (void)state;
    assert_int_equal(exit_with_version("RDTSC", 1), GHCB_RESUME);
    assert_int_equal(exit_with_version("RDTSC", 2), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "version ");

    negotiate(); /* an operating system after its firmware */
    assert_int_equal(exit_with_version("RDTSC", 2), GHCB_RESUME);
    assert_int_equal(exit_with_version("RDTSC", 1), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "version ");
}

static void version_1_lacks_what_version_2_added(void **state)
{
    (void)state;
    assert_int_equal(exit_with_version("hypervisor features", 1), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "event-version ");
    assert_int_equal(exit_with_version("CPUID leaf D, sub-leaf 1", 1), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "extra-valid ");
    clear_logs();
    assert_int_equal(exit_msr(0x080), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "msr-version ");
    clear_logs();
    assert_int_equal(exit_msr(0x006), GHCB_VIOLATION);
    assert_string_equal(broken_rules, "msr-version ");
}

/* ---- Allowances ---- */

static void each_allowance_forgives_its_rule_and_no_other(void **state)
{
    static const struct {
        const char *name;
        const struct broken fault;
    } cases[] = {
        { "version-zero", { "version ", "RDTSC", { { 0xFFA, 2, 0 } }, 0 } },
        { "unscrubbed", { "leak ", "RDTSC", { RBX(0x55), { 0x800, 1, 1 } }, 0 } },
        { "wide-registers", { "leak-width ", "CPUID", { RAX(UINT64_C(0xF80000002)) }, 0 } },
        { "xcr0-always", { "extra-valid ", "CPUID", { { 0x3E8, 8, 7 }, { 0x3FF, 1, 0x20 } }, 0 } },
        { "rax-with-in", { "extra-valid ", "IN AL, DX", { MARK_RAX }, 0 } },
        { "hypercall-registers",
          { "extra-valid ", "VMMCALL from the kernel", { { 0x3FD, 1, 0xFF } }, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t bit = ghcb_allowance_by_name(cases[i].name, strlen(cases[i].name));
        assert_int_not_equal(bit, 0);
        platform.allow = bit;
        build(&cases[i].fault);
        assert_int_equal(exit_page(), GHCB_RESUME);
        assert_string_equal(broken_rules, "");
        platform.allow = ~bit & 0x7F;
        build(&cases[i].fault);
        assert_int_equal(exit_page(), GHCB_VIOLATION);
        assert_string_equal(broken_rules, cases[i].fault.rules);
    }
}

static void no_negotiation_can_be_allowed(void **state)
{
    (void)state;
    platform.negotiated = false;
    platform.allow = GHCB_ALLOW_NO_NEGOTIATION;
    poke(page, golden("RDTSC")->request);
    assert_int_equal(exit_page(), GHCB_RESUME);
}

static void allowances_are_found_by_their_whole_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ghcb_allowance_count; i++)
        assert_int_equal(
            ghcb_allowance_by_name(ghcb_allowances[i].name, strlen(ghcb_allowances[i].name)),
            ghcb_allowances[i].bit);
    assert_int_equal(ghcb_allowance_by_name("version-zero,", 12), GHCB_ALLOW_VERSION_ZERO);
    assert_int_equal(ghcb_allowance_by_name("version-zer", 11), 0);
    assert_int_equal(ghcb_allowance_by_name("version-zero,", 13), 0);
    assert_int_equal(ghcb_allowance_by_name("", 0), 0);
}

/* ---- State ---- */

static void dr7_is_kept(void **state)
{
    (void)state;
    poke(page, golden("DR7 write")->request);
    assert_int_equal(exit_page(), GHCB_RESUME);
    memset(page, 0, 4096);
    poke(page, golden("DR7 read")->request);
    assert_int_equal(exit_page(), GHCB_RESUME);
    assert_memory_equal(page + 0x1F8, "\x01\x04\x01\0\0\0\0\0", 8);
    assert_memory_equal(page + 0x160, "\x01\x04\x01\0\0\0\0\0", 8);
}

static void the_jump_table_is_the_guests_not_a_processors(void **state)
{
    (void)state;
    poke(page, golden("AP jump table set")->request);
    assert_int_equal(exit_page(), GHCB_RESUME);
    ghcb_server_init(&server, &platform); /* another processor */
    memset(page, 0, 4096);
    poke(page, golden("AP jump table get: none")->request);
    assert_int_equal(exit_page(), GHCB_RESUME);
    assert_memory_equal(page + 0x3A0, "\0\xF0\x09\0\0\0\0\0", 8);
}

static void waking_answers_in_the_protocol_that_asked(void **state)
{
    (void)state;
    assert_int_equal(exit_msr(0x006), GHCB_RESET_HOLD);
    ghcb_server_wake(&server, NULL);
    assert_int_equal(ghcb_server_read_msr(&server), 0x1007);

    poke(page, golden("AP reset hold")->request);
    assert_int_equal(exit_page(), GHCB_RESET_HOLD);
    assert_int_equal(page[0x3A0], 0);
    ghcb_server_wake(&server, page);
    assert_int_equal(page[0x3A0], 1);
    assert_int_equal(page[0x3FE], 0x18);
}

static void termination_by_page_names_set_and_code(void **state)
{
    (void)state;
    poke(page, golden("terminate")->request);
    assert_int_equal(exit_page(), GHCB_TERMINATED);
    assert_int_equal(server.request.term_set, 7);
    assert_int_equal(server.request.term_code, 0x5A);
}

static void a_page_that_changes_meanwhile_is_served_as_it_was(void **state)
{
    (void)state;
    poke(page, golden("REP OUTSW, FS")->request);
    spoil_page = true;
    assert_int_equal(exit_page(), GHCB_RESUME);
    assert_string_equal(device_log, golden("REP OUTSW, FS")->device);
}

static void a_full_buffer_is_served(void **state)
{
    static const struct poke full[MAX_POKES] = { INFO2(508) };

    (void)state;
    poke(page, golden("REP INSD")->request);
    poke(page, full);
    assert_int_equal(exit_page(), GHCB_RESUME);
    assert_int_equal(page[0x800], 0xD8);
    assert_int_equal(page[0xFEF], 0xA5);
    assert_int_equal(page[0xFF0], 0);
}

/* ---- The tables themselves ---- */

static bool is_broken_somewhere(const char *id)
{
    static const char *elsewhere[] = { "ghcb-gpa", "not-negotiated", "event-version",
                                       "msr-version" };
    char rules[RULE_BYTES];

    snprintf(rules, sizeof(rules), "%s ", id);
    for (size_t i = 0; i < COUNT(elsewhere); i++) {
        if (strcmp(elsewhere[i], id) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(page_faults); i++) {
        if (strcmp(page_faults[i].rules, rules) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(msr_faults); i++) {
        if (strcmp(msr_faults[i].rules, rules) == 0)
            return true;
    }
    return false;
}

static void every_rule_has_a_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < ghcb_rule_count; i++) {
        if (!is_broken_somewhere(ghcb_rules[i].id))
            fail_msg("no test breaks the rule %s", ghcb_rules[i].id);
    }
}

static void every_rule_and_allowance_is_documented(void **state)
{
    static char text[65536];
    char wanted[RULE_BYTES];
    FILE *file = fopen(SEVC_SOURCE_DIR "/docs/emulator-rules.md", "r");

    (void)state;
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < ghcb_rule_count + ghcb_allowance_count; i++) {
        const char *name =
            i < ghcb_rule_count ? ghcb_rules[i].id : ghcb_allowances[i - ghcb_rule_count].name;
        snprintf(wanted, sizeof(wanted), "| `%s` |", name);
        if (strstr(text, wanted) == NULL)
            fail_msg("docs/emulator-rules.md has no row for %s", name);
    }
}

static void requests_have_names(void **state)
{
    (void)state;
    assert_string_equal(ghcb_request_name(false, 0x7B), "IOIO");
    assert_string_equal(ghcb_request_name(false, 0x7C), "MSR");
    assert_string_equal(ghcb_request_name(false, 0x72), "CPUID");
    assert_string_equal(ghcb_request_name(false, 0x78), "unknown");
    assert_string_equal(ghcb_request_name(true, 0x100), "terminate");
    assert_string_equal(ghcb_request_name(true, 0x101), "unknown");
}

/* ---- Anything at all: the sanitizers watch ---- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void any_damaged_request_is_survived(void **state)
{
    uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        unsigned changes = (unsigned)next_random(&seed) % 4;
        platform.keep_going = (next_random(&seed) & 1) != 0;
        platform.allow = (uint32_t)next_random(&seed) & 0x7F;
        clear_logs();
        memset(page, 0, 4096);
        poke(page, goldens[next_random(&seed) % COUNT(goldens)].request);
        for (unsigned i = 0; i < changes; i++) {
            /* Mostly where the fields are. */
            unsigned offset = 0x390 + (unsigned)next_random(&seed) % 0x70;
            page[offset] = (uint8_t)next_random(&seed);
        }
        enum ghcb_outcome outcome = exit_page();
        if (!platform.keep_going)
            assert_int_equal(outcome == GHCB_VIOLATION, broken_rules[0] != '\0');
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_correct_request_is_answered_exactly),
        TEST(every_broken_rule_is_named_and_nothing_is_served),
        TEST(a_lenient_host_answers_as_kvm_would),
        TEST(msr_requests_get_their_responses),
        TEST(hypervisor_features_are_shifted_by_twelve),
        TEST(every_broken_rule_of_the_msr_protocol_is_named),
        TEST(a_page_that_is_not_shared_memory_is_refused),
        TEST(the_page_protocol_needs_negotiation),
        TEST(the_msr_holds_the_sev_information_after_reset),
        TEST(a_guest_keeps_its_version),
        TEST(version_1_lacks_what_version_2_added),
        TEST(each_allowance_forgives_its_rule_and_no_other),
        TEST(no_negotiation_can_be_allowed),
        TEST(allowances_are_found_by_their_whole_name),
        TEST(dr7_is_kept),
        TEST(the_jump_table_is_the_guests_not_a_processors),
        TEST(waking_answers_in_the_protocol_that_asked),
        TEST(termination_by_page_names_set_and_code),
        TEST(a_page_that_changes_meanwhile_is_served_as_it_was),
        TEST(a_full_buffer_is_served),
        TEST(every_rule_has_a_test),
        TEST(every_rule_and_allowance_is_documented),
        TEST(requests_have_names),
        TEST(any_damaged_request_is_survived),
    };

    return cmocka_run_group_tests_name("ghcb_server", tests, NULL, NULL);
}
