/* SPDX-License-Identifier: MIT */
/*
 * The MSR protocol: every parser with any response, against the formats written out anew (GHCB
 * spec 2.03, 2.3.1); then negotiation and the early handler with a host that answers anything.
 */
#include "env/plain.h"

#define UNTOUCHED 0x5555555555555555ull

static struct fuzz_input input;
static uint64_t last_response;

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
    return value << (63 - high) >> (63 - high + low);
}

/* ---- the parsers ---- */

static void check(const char *name, enum sevc_result result, bool good, uint64_t value,
                  uint64_t expected)
{
    FUZZ_CHECK((result == SEVC_OK) == good, "parser", "%s: result %d", name, (int)result);
    FUZZ_CHECK(value == (good ? expected : UNTOUCHED), "parser", "%s: value 0x%lx", name, value);
}

static void parse(uint64_t r)
{
    struct sevc_sev_info info = { 0 };
    uint64_t value = UNTOUCHED;
    uint32_t narrow = (uint32_t)UNTOUCHED;
    unsigned code = (unsigned)(r & 0xFFF);
    unsigned reg = fuzz_take_u8(&input);
    uint64_t gpa = fuzz_take_u64(&input);
    enum sevc_result result = sevc_msr_sev_info_response(r, &info);
    bool good = code == 1 && bits(r, 23, 12) == 0 && bits(r, 31, 24) >= 32 &&
                bits(r, 31, 24) <= 63 && bits(r, 47, 32) <= bits(r, 63, 48);

    FUZZ_CHECK((result == SEVC_OK) == good, "parser", "SEV information: result %d", (int)result);
    FUZZ_CHECK(!good || ((uint64_t)info.version_max << 48 | (uint64_t)info.version_min << 32 |
                         (uint64_t)info.c_bit << 24 | 1) == r,
               "parser", "SEV information: not what 0x%lx says", r);

    result = sevc_msr_cpuid_response(r, reg, &narrow);
    good = code == 5 && bits(r, 29, 12) == 0 && bits(r, 31, 30) == (reg & 3);
    check("CPUID", result, good, good ? narrow : UNTOUCHED, r >> 32);
    FUZZ_CHECK(good || narrow == (uint32_t)UNTOUCHED, "parser", "CPUID: written though refused");

    result = sevc_msr_ap_reset_hold_response(r, &value);
    check("AP reset hold", result, code == 7, value, r >> 12);

    value = UNTOUCHED;
    result = sevc_msr_preferred_gpa_response(r, &value);
    check("preferred GPA", result, code == 0x11 && r >> 52 == 0, value, r & ~0xFFFull);
    FUZZ_CHECK((result == SEVC_UNSUPPORTED) == (code == 0x11 && r >> 12 == ~0ull >> 12), "parser",
               "preferred GPA: none");

    result = sevc_msr_register_gpa_response(r, gpa);
    FUZZ_CHECK((result == SEVC_OK) == (code == 0x13 && r >> 12 == bits(gpa, 51, 12)), "parser",
               "register GPA: result %d", (int)result);
    result = sevc_msr_page_state_response(r);
    FUZZ_CHECK((result == SEVC_OK) == (r == 0x15), "parser", "page state: result %d", (int)result);
    result = sevc_msr_run_vmpl_response(r);
    FUZZ_CHECK((result == SEVC_OK) == (r == 0x17), "parser", "run VMPL: result %d", (int)result);

    value = UNTOUCHED;
    result = sevc_msr_hv_features_response(r, &value);
    check("features", result, code == 0x81, value, r >> 12);
}

/* ---- a host that answers ---- */

/* What an honest host would say. */
static uint64_t honest(uint64_t request)
{
    switch (request & 0xFFF) {
    case 2:
        return 0x0002000133000001;
    case 4:
        return (request & 0xC0000000) | 0x0000001F00000005 |
               (request >> 32 == 0x8000001F ? 0xAull << 32 : 0);
    default:
        return request;
    }
}

/* The same, or something near it, or anything. */
static uint64_t answer_to(uint64_t request)
{
    uint64_t response = honest(request);
    uint8_t how = fuzz_take_u8(&input);

    if (how % 4 == 1) {
        response ^= 1ull << (how / 4);
    } else if (how % 4 == 2) {
        response = fuzz_take_u64(&input);
    } else if (how % 4 == 3) {
        response = (response & 0xFFFFFFFF) | (uint64_t)fuzz_take_u32(&input) << 32;
    }
    return response;
}

static void answer(void)
{
    FUZZ_CHECK((fuzz_plain.ghcb_msr & 0xFFF) != 0, "msr", "a page is sent before there is one");
    last_response = answer_to(fuzz_plain.ghcb_msr);
    fuzz_plain.ghcb_msr = last_response;
}

static void negotiate(void)
{
    struct sevc_platform platform, before;
    struct sevc_report report;
    enum sevc_result result;
    uint8_t start = fuzz_take_u8(&input);
    uint64_t msr = FUZZ_PLAIN_GPA;

    memset(&platform, 0xA5, sizeof(platform));
    before = platform;
    fuzz_plain_start(answer);
    fuzz_plain.sev_status = 3 ^ (start & 0x7F);
    if ((start & 0x80) != 0) { /* no firmware: as after reset */
        msr = answer_to(2);
        fuzz_plain.ghcb_msr = msr;
    }
    fuzz_plain.most_vmgexits = (msr & 0xFFF) != 1;
    result = sevc_platform_init(&platform, &report);
    FUZZ_CHECK(fuzz_plain.ghcb_msr == msr, "msr", "the GHCB MSR is not put back");
    if (result == SEVC_OK) {
        FUZZ_CHECK((fuzz_plain.sev_status & 7) == 3, "negotiation", "SEV_STATUS is 0x%lx",
                   fuzz_plain.sev_status);
        FUZZ_CHECK(platform.version >= 1 && platform.version <= 2 && platform.c_bit >= 32 &&
                       platform.c_bit <= 63,
                   "negotiation", "version %u, C-bit %u", platform.version, platform.c_bit);
    } else {
        FUZZ_CHECK(platform.version == before.version && platform.c_bit == before.c_bit &&
                       platform.sev_status == before.sev_status,
                   "negotiation", "changed though refused");
        FUZZ_CHECK(report.result == result && report.reason != SEVC_REASON_NONE, "report",
                   "result %d", (int)result);
    }
}

static void early(void)
{
    uint8_t code[2];
    struct sevc_trap trap, before;
    struct sevc_report report;
    enum sevc_result result;
    uint64_t changed = 0;

    fuzz_take(&input, &trap, sizeof(trap));
    fuzz_take(&input, code, sizeof(code));
    code[0] ^= 0x0F; /* zero means CPUID */
    code[1] ^= 0xA2;
    trap.error_code ^= SEVC_EXIT_CPUID;
    trap.rip = (uint64_t)(uintptr_t)code;
    before = trap;
    fuzz_plain_start(answer);
    fuzz_plain.most_vmgexits = 4;
    fuzz_plain.sev_status = 3 | (fuzz_take_u8(&input) & 4);
    result = sevc_early_handle_vc(&trap, &report);
    FUZZ_CHECK(report.result == result && report.vmgexits == fuzz_plain.vmgexits, "report",
               "result %d, %u VMGEXITs", (int)result, report.vmgexits);
    if (result == SEVC_OK) {
        FUZZ_CHECK(code[0] == 0x0F && code[1] == 0xA2 && (trap.cs & 3) == 0 &&
                       before.error_code == SEVC_EXIT_CPUID && (fuzz_plain.sev_status & 4) == 0,
                   "agreement", "this is no CPUID for the early handler");
        FUZZ_CHECK(trap.rip == before.rip + 2, "rip", "RIP moved by %lu", trap.rip - before.rip);
        FUZZ_CHECK(trap.gpr[SEVC_RDX] == last_response >> 32, "outputs", "EDX is 0x%lx",
                   trap.gpr[SEVC_RDX]);
        FUZZ_CHECK((trap.gpr[0] | trap.gpr[1] | trap.gpr[2] | trap.gpr[3]) >> 32 == 0, "outputs",
                   "more than 32 bits");
        memcpy(before.gpr, trap.gpr, 4 * sizeof(uint64_t)); /* the outputs */
        before.rip = trap.rip;
        before.rflags &= ~SEVC_RFLAGS_RF;
        trap.rflags &= ~SEVC_RFLAGS_RF;
    }
    for (size_t i = 0; i < sizeof(trap) / 8; i++) {
        changed |= ((uint64_t *)&trap)[i] ^ ((uint64_t *)&before)[i];
    }
    FUZZ_CHECK(changed == 0, "registers", "more than the outputs is changed, result %d",
               (int)result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t codes[] = { 1, 5, 7, 0x11, 0x13, 0x15, 0x17, 0x81 };
    uint64_t response;

    input = (struct fuzz_input){ data, size };
    response = fuzz_take_u64(&input);
    parse(response);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        parse((response & ~0xFFFull) | codes[i]);
    }
    negotiate();
    early();
    return 0;
}
