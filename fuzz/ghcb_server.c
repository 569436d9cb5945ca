/* SPDX-License-Identifier: MIT */
/*
 * The emulated platform's GHCB server, from the guest's side: any MSR, any page, any order. It
 * reads each byte once, serves nothing that breaks a rule, and writes nothing but its answer.
 */
#include <stdbool.h>

#include <sevc/svm.h>

#include "device.h"
#include "env/finding.h"
#include "env/input.h"
#include "env/traced.h"
#include "ghcb_server.h"
#include "report.h"

#define GPA   0x1234000ull
#define STEPS 6

static uint8_t page[SEVC_GHCB_SIZE] __attribute__((aligned(4096)));
static uint8_t sent[SEVC_GHCB_SIZE];
static uint8_t reads[SEVC_GHCB_SIZE];
static bool busy;
static unsigned violations, services;

/* ---- devices: they note that they were asked, and check what they are asked ---- */

void device_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t xcr0, uint64_t xss,
                  struct cpuid_regs *out)
{
    (void)xss;
    FUZZ_CHECK((xcr0 & 1) != 0 || violations != 0, "device", "XCR0 0x%lx", xcr0);
    *out = (struct cpuid_regs){ leaf, subleaf, 3, 4 };
    services++;
}

bool device_rdmsr(uint32_t msr, uint64_t *value)
{
    *value = 0x1122334455667788;
    services++;
    return msr != 0xBAD;
}

bool device_wrmsr(uint32_t msr, uint64_t value)
{
    (void)value;
    services++;
    return msr != 0xBAD;
}

static void check_port(unsigned size)
{
    FUZZ_CHECK(size == 1 || size == 2 || size == 4, "device", "a port of %u bytes", size);
    services++;
}

uint32_t device_in(uint16_t port, unsigned size)
{
    check_port(size);
    return port * 0x01010101u;
}

void device_out(uint16_t port, unsigned size, uint32_t value)
{
    (void)port;
    check_port(size);
    FUZZ_CHECK(size == 4 || value >> (8 * size) == 0, "device", "0x%x in %u bytes", value, size);
}

bool device_is_guest_ram(uint64_t gpa)
{
    return gpa < 0x100000;
}

static void check_mmio(uint64_t gpa, unsigned size)
{
    FUZZ_CHECK(size == 1 || size == 2 || size == 4 || size == 8, "device", "MMIO of %u bytes",
               size);
    FUZZ_CHECK(violations != 0 || (gpa >= 0x100000 && gpa >> DEVICE_C_BIT == 0), "device",
               "MMIO at 0x%lx", gpa);
    services++;
}

bool device_mmio_read(uint64_t gpa, void *data, unsigned size)
{
    check_mmio(gpa, size);
    memset(data, 0x3C, size);
    return gpa % 16 != 0;
}

bool device_mmio_write(uint64_t gpa, const void *data, unsigned size)
{
    uint8_t copy[8];

    check_mmio(gpa, size);
    memcpy(copy, data, size);
    return copy[0] != 1;
}

uint64_t device_tsc(void)
{
    return 0x1234567890ABCDEF;
}

uint32_t device_tsc_aux(void)
{
    return 7;
}

bool device_pmc(uint32_t index, uint64_t *value)
{
    *value = index;
    return index < 6;
}

void report_violation(const struct vcpu_where *where, const char *rule, const char *format, ...)
{
    (void)where;
    FUZZ_CHECK(rule[0] != '\0' && format[0] != '\0', "report", "a violation without a name");
    violations++;
}

/* ---- each load of the server's (clang) ---- */

void fuzz_traced(const volatile void *address, size_t bytes, bool store)
{
    size_t offset = (uintptr_t)address - (uintptr_t)page;

    for (size_t i = offset; busy && !store && i < offset + bytes && i < SEVC_GHCB_SIZE; i++) {
        FUZZ_CHECK(reads[i]++ == 0, "double-fetch", "byte 0x%zx of the GHCB is read twice", i);
    }
}

/* ---- requests ---- */

static void put(unsigned offset, uint64_t value)
{
    memcpy(page + offset, &value, sizeof(value));
}

static void mark(unsigned offset)
{
    page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] |= (uint8_t)(1u << (offset / 8 % 8));
}

/* A request in order, and then whatever the input has against it. */
static void make_page(struct fuzz_input *input)
{
    static const uint32_t events[] = {
        SEVC_EXIT_CPUID,        SEVC_EXIT_MSR,          SEVC_EXIT_IOIO,      SEVC_EXIT_RDTSC,
        SEVC_EXIT_RDTSCP,       SEVC_EXIT_RDPMC,        SEVC_EXIT_WBINVD,    SEVC_EXIT_INVD,
        SEVC_EXIT_MONITOR,      SEVC_EXIT_MWAIT,        SEVC_EXIT_VMMCALL,   SEVC_EXIT_READ_DR7,
        SEVC_EXIT_WRITE_DR7,    SEVC_NAE_MMIO_READ,     SEVC_NAE_MMIO_WRITE, SEVC_NAE_NMI_COMPLETE,
        SEVC_NAE_AP_RESET_HOLD, SEVC_NAE_AP_JUMP_TABLE, SEVC_NAE_PSC,        SEVC_NAE_HV_FEATURES,
        SEVC_NAE_TERMINATE,     SEVC_NAE_UNSUPPORTED,
    };
    uint8_t event = fuzz_take_u8(input);
    uint8_t fields = fuzz_take_u8(input) % 8;
    uint8_t buffer = fuzz_take_u8(input);

    memset(page, 0, sizeof(page));
    put(SEVC_GHCB_OFF_SW_EXITCODE,
        event < 0xF0 ? events[event % (sizeof(events) / 4)] : fuzz_take_u32(input));
    put(SEVC_GHCB_OFF_SW_EXITINFO1, fuzz_take_u64(input));
    put(SEVC_GHCB_OFF_SW_EXITINFO2, fuzz_take_u64(input));
    mark(SEVC_GHCB_OFF_SW_EXITCODE);
    mark(SEVC_GHCB_OFF_SW_EXITINFO1);
    mark(SEVC_GHCB_OFF_SW_EXITINFO2);
    page[SEVC_GHCB_OFF_PROTOCOL_VERSION] = 2;
    if ((buffer & 1) != 0) {
        put(SEVC_GHCB_OFF_SW_SCRATCH,
            GPA + SEVC_GHCB_OFF_SHARED_BUFFER + (buffer >= 0xF0 ? fuzz_take_u64(input) : 0));
        mark(SEVC_GHCB_OFF_SW_SCRATCH);
        memset(page + SEVC_GHCB_OFF_SHARED_BUFFER, buffer, buffer);
    }
    for (unsigned i = 0; i < fields; i++) {
        unsigned at = fuzz_take_u8(input);

        put(8 * (at % 128), fuzz_take_u64(input));
        mark(8 * (at % 126));
    }
    if ((buffer & 2) != 0) {
        page[fuzz_take_u16(input) % SEVC_GHCB_SIZE] ^= fuzz_take_u8(input);
    }
}

/* ---- answers ---- */

/* The registers, both infos, the bitmap; the buffer of what reads into it. */
static void check_answer(void)
{
    uint64_t code;

    memcpy(&code, sent + SEVC_GHCB_OFF_SW_EXITCODE, sizeof(code));
    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        bool field = (i >= SEVC_GHCB_OFF_RAX && i < SEVC_GHCB_OFF_RAX + 8) ||
                     (i >= SEVC_GHCB_OFF_RCX && i < SEVC_GHCB_OFF_RBX + 8) ||
                     (i >= SEVC_GHCB_OFF_DR7 && i < SEVC_GHCB_OFF_DR7 + 8) ||
                     (i >= SEVC_GHCB_OFF_SW_EXITINFO1 && i < SEVC_GHCB_OFF_SW_SCRATCH) ||
                     (i >= SEVC_GHCB_OFF_VALID_BITMAP && i < SEVC_GHCB_OFF_X87_STATE_GPA);
        bool buffer = i >= SEVC_GHCB_OFF_SHARED_BUFFER &&
                      i < SEVC_GHCB_OFF_SHARED_BUFFER + SEVC_GHCB_SHARED_BUFFER_BYTES &&
                      (code == SEVC_EXIT_IOIO || code == SEVC_NAE_MMIO_READ);

        FUZZ_CHECK(page[i] == sent[i] || field || buffer, "answer",
                   "byte 0x%x of the page is written", i);
    }
}

static void step(struct ghcb_server *server, struct fuzz_input *input)
{
    struct vcpu_where where = { 0 };
    uint8_t how = fuzz_take_u8(input);
    enum ghcb_outcome outcome;
    uint64_t gpa;
    bool wants;

    violations = 0;
    services = 0;
    if ((how & 1) != 0) {
        ghcb_server_write_msr(server, fuzz_take_u64(input));
    } else {
        ghcb_server_write_msr(server, GPA);
        make_page(input);
    }
    memcpy(sent, page, sizeof(sent));
    memset(reads, 0, sizeof(reads));
    wants = ghcb_server_wants_page(server, &gpa);
    busy = true;
    outcome = ghcb_server_vmgexit(server, wants && gpa == GPA ? page : NULL, &where);
    busy = false;
    FUZZ_CHECK(outcome <= GHCB_NMI_COMPLETE, "outcome", "%d", (int)outcome);
    if (violations != 0 && !server->platform->keep_going) {
        FUZZ_CHECK(outcome == GHCB_VIOLATION, "outcome", "%u rules broken, outcome %d", violations,
                   (int)outcome);
        FUZZ_CHECK(services == 0, "strict", "a request that breaks a rule is served");
    }
    FUZZ_CHECK(outcome != GHCB_VIOLATION || violations != 0, "outcome", "a violation of no rule");
    check_answer();
    FUZZ_CHECK(!wants || gpa != GPA || memcmp(server->copy, sent, sizeof(sent)) == 0, "copy",
               "the server's copy is not what was sent");
    FUZZ_CHECK(server->request.name != NULL, "request", "without a name");
    if (outcome == GHCB_RESET_HOLD) {
        ghcb_server_wake(server, wants ? page : NULL);
    }
    (void)ghcb_server_read_msr(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ghcb_server server;
    struct ghcb_platform platform;
    struct fuzz_input input = { data, size };
    uint8_t how = fuzz_take_u8(&input);

    ghcb_platform_init(&platform, DEVICE_C_BIT);
    platform.keep_going = (how & 1) != 0;
    platform.allow = (how & 2) != 0 ? fuzz_take_u8(&input) : 0;
    memset(page, 0, sizeof(page));
    ghcb_server_init(&server, &platform);
    platform.negotiated = (how & 4) == 0;
    for (unsigned i = 0; i < STEPS && input.left != 0; i++) {
        step(&server, &input);
    }
    return 0;
}
