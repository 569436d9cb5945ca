/* SPDX-License-Identifier: MIT */
/*
 * Instructions without memory operands. CPUID, RDTSC and RDTSCP run on the processor first; the
 * hypervisor then gives the emulation what the processor gave, with garbage in the upper halves,
 * and both ends must be the same. IN and OUT cannot run here: the APM's rule takes the processor's
 * place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "groups.h"

#define CASES 20000u
#define SHOWN 10u

#define RFLAGS_ALWAYS 0x202u
#define RFLAGS_SHOWN  0x8D5u
#define RFLAGS_TF     0x100u
#define RFLAGS_RF     0x10000u

struct plain_insn {
    const char *name;
    uint8_t bytes[3];
    uint8_t count;
    uint64_t exit_code;
    bool repeats; /* may have F2 and F3: they are ignored */
};

static const struct plain_insn cpuid_insn = { "CPUID", { 0x0F, 0xA2 }, 2, SEVC_EXIT_CPUID, true };
static const struct plain_insn rdtsc_insn = { "RDTSC", { 0x0F, 0x31 }, 2, SEVC_EXIT_RDTSC, true };
/* Under 0F 01, prefixes make other instructions: none before RDTSCP. */
static const struct plain_insn rdtscp_insn = {
    "RDTSCP", { 0x0F, 0x01, 0xF9 }, 3, SEVC_EXIT_RDTSCP, false
};

/* IN and OUT (APM vol. 3, IN and OUT; vol. 1, 3.1.2 for what a register keeps). */
static const struct port_insn {
    struct plain_insn plain;
    uint8_t bytes;  /* without 66 */
    bool immediate; /* the port */
    bool in;
} port_insns[] = {
    { { "IN AL, imm8", { 0xE4 }, 1, SEVC_EXIT_IOIO, true }, 1, true, true },
    { { "IN eAX, imm8", { 0xE5 }, 1, SEVC_EXIT_IOIO, true }, 4, true, true },
    { { "OUT imm8, AL", { 0xE6 }, 1, SEVC_EXIT_IOIO, true }, 1, true, false },
    { { "OUT imm8, eAX", { 0xE7 }, 1, SEVC_EXIT_IOIO, true }, 4, true, false },
    { { "IN AL, DX", { 0xEC }, 1, SEVC_EXIT_IOIO, true }, 1, false, true },
    { { "IN eAX, DX", { 0xED }, 1, SEVC_EXIT_IOIO, true }, 4, false, true },
    { { "OUT DX, AL", { 0xEE }, 1, SEVC_EXIT_IOIO, true }, 1, false, false },
    { { "OUT DX, eAX", { 0xEF }, 1, SEVC_EXIT_IOIO, true }, 4, false, false },
};

static unsigned shown;

static unsigned differ(const struct oracle_case *c, const char *name, const char *what,
                       uint64_t expected, uint64_t got)
{
    if (shown++ < SHOWN) {
        printf("  %s:", name);
        for (unsigned i = 0; i < c->length; i++) {
            printf(" %02x", c->bytes[i]);
        }
        printf(": %s: expected %" PRIx64 ", emulation %" PRIx64 "\n", what, expected, got);
    }
    return 1;
}

/* ---- cases ---- */

static void emit(struct oracle_case *c, uint8_t byte)
{
    c->bytes[c->length++] = byte;
}

/*
 * Prefixes that change nothing but the length, then the instruction. Returns whether the operand
 * size is 16 bits: REX.W outranks 66 (APM vol. 3, 1.2.7).
 */
static bool make_insn(struct oracle_case *c, struct oracle_random *random,
                      const struct plain_insn *insn)
{
    static const uint8_t harmless[] = { 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0xF2, 0xF3 };
    unsigned choices = sizeof(harmless) - (insn->repeats ? 0 : 2);
    bool operand_66 = insn->repeats && oracle_percent(random, 25);
    uint8_t rex = oracle_percent(random, 30) ? (uint8_t)(0x40 | oracle_below(random, 16)) : 0;

    while (oracle_percent(random, 30) && c->length < 6) {
        emit(c, harmless[oracle_below(random, choices)]);
    }
    if (operand_66) {
        emit(c, 0x66);
    }
    if (rex != 0) {
        emit(c, rex);
    }
    for (unsigned i = 0; i < insn->count; i++) {
        emit(c, insn->bytes[i]);
    }
    return operand_66 && (rex & 8) == 0;
}

static void make_state(struct oracle_case *c, struct oracle_random *random)
{
    static const struct oracle_form no_form;

    memset(c, 0, sizeof(*c));
    c->form = &no_form;
    for (int i = 0; i < 16; i++) {
        c->start.gpr[i] = oracle_corner(random);
    }
    c->start.rip = oracle_code_va(ORACLE_HIGH) + oracle_below(random, ORACLE_PAGE_BYTES);
    c->start.rflags = RFLAGS_ALWAYS | (oracle_random(random) & RFLAGS_SHOWN);
    c->tf_rf =
        (oracle_percent(random, 10) ? RFLAGS_TF : 0) | (oracle_percent(random, 25) ? RFLAGS_RF : 0);
    oracle_answers.high = (uint32_t)oracle_random(random);
}

static unsigned compare_end(const struct oracle_case *c, const char *name,
                            const struct oracle_state *expected,
                            const struct oracle_emulation *emulation)
{
    enum sevc_result result = c->tf_rf & RFLAGS_TF ? SEVC_OK_TRAP : SEVC_OK;
    uint64_t rflags = expected->rflags | (c->tf_rf & RFLAGS_TF);

    if (emulation->result != result) {
        return differ(c, name, "result", result, emulation->result);
    }
    if (emulation->trace.violation != NULL) {
        return differ(c, name, emulation->trace.violation, 0, 0);
    }
    for (unsigned i = 0; i < 16; i++) {
        if (sevc_trap_gpr_value(&emulation->trap, i) != expected->gpr[i]) {
            return differ(c, name, oracle_register_names[i], expected->gpr[i],
                          sevc_trap_gpr_value(&emulation->trap, i));
        }
    }
    if (emulation->trap.rip != expected->rip) {
        return differ(c, name, "rip", expected->rip, emulation->trap.rip);
    }
    if (emulation->trap.rflags != rflags) {
        return differ(c, name, "rflags", rflags, emulation->trap.rflags);
    }
    return 0;
}

/* ---- on the processor ---- */

/* What the host answers is what the processor has answered. */
static void take_answers(const struct oracle_state *native, struct oracle_random *random)
{
    oracle_answers.cpuid.eax = (uint32_t)native->gpr[SEVC_RAX];
    oracle_answers.cpuid.ebx = (uint32_t)native->gpr[SEVC_RBX];
    oracle_answers.cpuid.ecx = (uint32_t)native->gpr[SEVC_RCX];
    oracle_answers.cpuid.edx = (uint32_t)native->gpr[SEVC_RDX];
    oracle_answers.tsc = native->gpr[SEVC_RDX] << 32 | (uint32_t)native->gpr[SEVC_RAX];
    oracle_answers.aux = oracle_random(random) << 32 | (uint32_t)native->gpr[SEVC_RCX];
}

static unsigned run_native(const struct plain_insn *insn, uint64_t seed)
{
    /* Not 8000_0000 and 8000_001F: there the answer of a machine without SEV is a lie. */
    static const uint32_t leaves[] = { 0,          1,          2,          4,          5,
                                       6,          7,          0xA,        0xB,        0xD,
                                       0x16,       0x1F,       0x40000000, 0x80000001, 0x80000002,
                                       0x80000006, 0x80000007, 0x80000008 };
    struct oracle_random random = { .state = seed };
    unsigned failures = 0;

    for (unsigned i = 0; i < CASES; i++) {
        struct oracle_emulation emulation;
        struct oracle_state native;
        struct oracle_wild wild;
        struct oracle_case c;

        make_state(&c, &random);
        make_insn(&c, &random, insn);
        if (insn->exit_code == SEVC_EXIT_CPUID) {
            unsigned leaf = oracle_below(&random, sizeof(leaves) / sizeof(leaves[0]));

            c.start.gpr[SEVC_RAX] = oracle_random(&random) << 32 | leaves[leaf];
            c.start.gpr[SEVC_RCX] = oracle_random(&random) << 32 | oracle_below(&random, 3);
        }
        if (!oracle_native_run_plain(c.bytes, c.length, &c.start, &native, &wild)) {
            failures += differ(&c, insn->name, "signal", 0, (uint64_t)wild.signal);
            continue;
        }
        take_answers(&native, &random);
        oracle_emulate_exit(&c, insn->exit_code, &emulation);
        failures += compare_end(&c, insn->name, &native, &emulation);
    }
    printf("  %-14s %6u cases against the processor  %u differences\n", insn->name, CASES,
           failures);
    return failures;
}

/*
 * CPUID before there is a GHCB: bare, leaves without sub-leaves, and no single step, which the early
 * handler leaves to the runtime one.
 */
static unsigned run_early(uint64_t seed)
{
    static const uint32_t leaves[] = { 0,          1,          2,          6,         0x16,
                                       0x80000001, 0x80000002, 0x80000006, 0x80000008 };
    struct oracle_random random = { .state = seed };
    unsigned failures = 0;

    for (unsigned i = 0; i < CASES; i++) {
        unsigned leaf = oracle_below(&random, sizeof(leaves) / sizeof(leaves[0]));
        struct oracle_emulation emulation;
        struct oracle_state native;
        struct oracle_wild wild;
        struct oracle_case c;

        make_state(&c, &random);
        c.tf_rf &= RFLAGS_RF;
        c.length = cpuid_insn.count;
        memcpy(c.bytes, cpuid_insn.bytes, c.length);
        c.start.gpr[SEVC_RAX] = oracle_random(&random) << 32 | leaves[leaf];
        if (!oracle_native_run_plain(c.bytes, c.length, &c.start, &native, &wild)) {
            failures += differ(&c, "CPUID (early)", "signal", 0, (uint64_t)wild.signal);
            continue;
        }
        take_answers(&native, &random);
        oracle_emulate_early(&c, &emulation);
        failures += compare_end(&c, "CPUID (early)", &native, &emulation);
    }
    printf("  %-14s %6u cases against the processor  %u differences\n", "CPUID (early)", CASES,
           failures);
    return failures;
}

/* ---- by the rule ---- */

static uint64_t low_mask(unsigned bytes)
{
    return ~0ull >> (64 - 8 * bytes);
}

static uint64_t after_in(uint64_t rax, uint64_t value, unsigned bytes)
{
    uint64_t kept = bytes == 4 ? 0 : ~low_mask(bytes);

    return (rax & kept) | (value & low_mask(bytes));
}

static unsigned check_out(const struct oracle_case *c, const struct port_insn *insn, uint64_t info1,
                          uint64_t value)
{
    unsigned failures = 0;

    if ((oracle_answers.info1 & ~(uint64_t)(7u << SEVC_IOIO_SEGMENT_SHIFT)) != info1) {
        failures += differ(c, insn->plain.name, "SW_EXITINFO1", info1, oracle_answers.info1);
    }
    if (!insn->in && oracle_answers.out != value) {
        failures += differ(c, insn->plain.name, "value sent", value, oracle_answers.out);
    }
    return failures;
}

static unsigned run_port(const struct port_insn *insn, uint64_t seed)
{
    struct oracle_random random = { .state = seed };
    unsigned failures = 0;

    for (unsigned i = 0; i < CASES; i++) {
        struct oracle_emulation emulation;
        struct oracle_state expected;
        struct oracle_case c;
        unsigned bytes = insn->bytes;
        uint64_t port, address_bytes = 8;
        size_t prefixes;

        make_state(&c, &random);
        if (make_insn(&c, &random, &insn->plain) && bytes == 4) {
            bytes = 2;
        }
        prefixes = c.length - (size_t)insn->plain.count;
        port = c.start.gpr[SEVC_RDX] & 0xFFFF;
        if (insn->immediate) {
            port = oracle_below(&random, 256);
            emit(&c, (uint8_t)port);
        }
        if (memchr(c.bytes, 0x67, prefixes) != NULL) {
            address_bytes = 4;
        }
        memcpy((void *)c.start.rip, c.bytes, c.length);
        oracle_answers.in = oracle_random(&random);
        expected = c.start;
        expected.rip += c.length;
        if (insn->in) {
            expected.gpr[SEVC_RAX] = after_in(expected.gpr[SEVC_RAX], oracle_answers.in, bytes);
        }
        oracle_emulate_exit(&c, SEVC_EXIT_IOIO, &emulation);
        failures += compare_end(&c, insn->plain.name, &expected, &emulation);
        failures += check_out(&c, insn,
                              port << SEVC_IOIO_PORT_SHIFT | bytes << SEVC_IOIO_SIZE_SHIFT |
                                  address_bytes << SEVC_IOIO_ADDRESS_SHIFT | insn->in,
                              c.start.gpr[SEVC_RAX] & low_mask(bytes));
    }
    printf("  %-14s %6u cases against the rule       %u differences\n", insn->plain.name, CASES,
           failures);
    return failures;
}

unsigned oracle_run_registers(const struct oracle_options *options)
{
    unsigned failures = 0;

    failures += run_native(&cpuid_insn, options->seed);
    failures += run_early(options->seed);
    failures += run_native(&rdtsc_insn, options->seed);
    failures += run_native(&rdtscp_insn, options->seed);
    for (size_t i = 0; i < sizeof(port_insns) / sizeof(port_insns[0]); i++) {
        failures += run_port(&port_insns[i], options->seed + i);
    }
    printf("registers: %u failures\n", failures);
    return failures;
}
