/* SPDX-License-Identifier: MIT */
/*
 * The emulated host's GHCB server, against a fake device and hand-written images (ghcb_images.h).
 * After each exit the whole page is compared, so that an answer too many fails too.
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
#include "ghcb_images.h"
#include "ghcb_server.h"
#include "report.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define LOG_BYTES  4096
#define RULE_BYTES 64

/* ---- Fake device and report: what they were asked, as text ---- */

static char device_log[LOG_BYTES];
static char broken_rules[LOG_BYTES];
static uint8_t *page;
static bool spoil_page; /* device_out() changes the page, as another processor could */

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

bool device_is_guest_ram(uint64_t gpa)
{
    return gpa >= FAKE_RAM && gpa < FAKE_RAM_END;
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

static void poke(uint8_t *at, const struct poke *pokes)
{
    for (unsigned i = 0; i < MAX_POKES && pokes[i].size != 0; i++)
        memcpy(at + pokes[i].offset, &pokes[i].value, pokes[i].size);
}

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
    static const struct poke cleared[MAX_POKES] = {
        POKE(0x3F0, 8, 0), POKE(0x3F8, 8, UINT64_C(0x0018000000000000)), /* info1, info2 */
    };
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
        assert_int_equal(server.violations, 0);
        assert_false(server.request.msr_protocol);
        assert_string_not_equal(server.request.name, "unknown");
        expect_page(g->name, expected);
    }
}

/* ---- Each rule, broken once ---- */

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

static void a_lenient_host_serves_msr_requests_as_kvm_would(void **state)
{
    (void)state;
    platform.keep_going = true;
    assert_int_equal(exit_msr(0x1080), GHCB_RESUME); /* a reserved bit */
    assert_int_equal(server.msr, 0x081);
    assert_int_equal(exit_msr(0x003), GHCB_RESUME); /* no request */
    assert_int_equal(server.msr, 0x003);
    assert_int_equal(exit_msr(0x010), GHCB_VIOLATION); /* ends a guest that is not SNP */
    assert_string_equal(broken_rules, "msr-reserved msr-request msr-snp-only ");
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
        { "hypercall-registers", /* RIP: VMware's */
          { "extra-valid ",
            "VMMCALL from the kernel",
            { { 0x178, 8, 0xFFFFFFFF81000000 }, { 0x3F5, 1, 0x80 } },
            0 } },
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
        TEST(a_lenient_host_serves_msr_requests_as_kvm_would),
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
