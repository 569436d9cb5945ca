/* SPDX-License-Identifier: MIT */
/* Every exit, and every lie about it: exactly what an honest host gives, or nothing at all. */
#include "victim.h"

/* A register's value before the instruction: so many low bits, the rest remains secret. */
struct input {
    uint8_t reg, bits;
    bool memory; /* VALUE is an offset into the private memory */
    uint64_t value;
};

enum prepare { PREPARE_NOTHING, PREPARE_FW_CFG, PREPARE_PCI, PREPARE_TPR, PREPARE_TSC_AUX };

struct exit {
    const char *name;
    const char *code;
    uint16_t outputs;   /* registers that it writes */
    uint16_t volatile_; /* of them, those whose value changes from time to time */
    uint8_t bits;       /* how many of them it writes: 32 clears the upper half */
    uint16_t writes[2]; /* private memory: from, bytes */
    enum prepare prepare;
    struct input in[5];
};

#define EXTERN(name) extern const char insn_##name[]
EXTERN(cpuid);
EXTERN(rdmsr);
EXTERN(wrmsr);
EXTERN(rdtsc);
EXTERN(rdtscp);
EXTERN(rdpmc);
EXTERN(wbinvd);
EXTERN(invd);
EXTERN(monitor);
EXTERN(mwait);
EXTERN(vmmcall);
EXTERN(read_dr7);
EXTERN(write_dr7);
EXTERN(in8);
EXTERN(in16);
EXTERN(in32);
EXTERN(out8);
EXTERN(out16);
EXTERN(out32);
EXTERN(insb);
EXTERN(rep_insb);
EXTERN(rep_insw);
EXTERN(outsb);
EXTERN(rep_outsb);
EXTERN(rep_outsl);
EXTERN(load8);
EXTERN(load32);
EXTERN(load64);
EXTERN(movzx16);
EXTERN(movsx32);
EXTERN(store8);
EXTERN(store32);
EXTERN(store_imm);

#define A (1u << SEVC_RAX)
#define B (1u << SEVC_RBX)
#define C (1u << SEVC_RCX)
#define D (1u << SEVC_RDX)
#define S (1u << SEVC_RSI)
#define I (1u << SEVC_RDI)

#define IN(reg, bits, value)                                                                       \
    {                                                                                              \
        SEVC_##reg, bits, false, value                                                             \
    }
#define MEMORY(reg, offset)                                                                        \
    {                                                                                              \
        SEVC_##reg, 64, true, offset                                                               \
    }
#define CPUID(leaf, sub)                                                                           \
    {                                                                                              \
        .name = "CPUID " #leaf "/" #sub, .code = insn_cpuid, .outputs = A | B | C | D, .bits = 32, \
        .in = {                                                                                    \
            IN(RAX, 32, leaf),                                                                     \
            IN(RCX, 32, sub)                                                                       \
        }                                                                                          \
    }

#define UART_SCRATCH 0x3FF
#define APIC_TPR     (MMIO_MAP + 0xFEE00080)
#define HPET         (MMIO_MAP + 0xFED00000)
#define MSR_TSC_AUX  0xC0000103
#define MSR_NONE     0xC0FFEE00
#define CLEAR        512 /* from here to 1024 the private memory holds no secret: for OUTS */

static const struct exit exits[] = {
    CPUID(0, 0),
    CPUID(1, 0),
    CPUID(7, 0),
    CPUID(0xD, 0),
    CPUID(0xD, 1),
    CPUID(0x80000000, 0),
    CPUID(0x8000001F, 0),
    { .name = "RDMSR",
      .code = insn_rdmsr,
      .outputs = A | D,
      .bits = 32,
      .prepare = PREPARE_TSC_AUX,
      .in = { IN(RCX, 32, MSR_TSC_AUX) } },
    { .name = "RDMSR that faults",
      .code = insn_rdmsr,
      .outputs = A | D,
      .bits = 32,
      .in = { IN(RCX, 32, MSR_NONE) } },
    { .name = "WRMSR",
      .code = insn_wrmsr,
      .in = { IN(RCX, 32, MSR_TSC_AUX), IN(RAX, 32, 0x123), IN(RDX, 32, 0) } },
    { .name = "RDTSC", .code = insn_rdtsc, .outputs = A | D, .volatile_ = A | D, .bits = 32 },
    { .name = "RDTSCP",
      .code = insn_rdtscp,
      .outputs = A | C | D,
      .volatile_ = A | D,
      .bits = 32,
      .prepare = PREPARE_TSC_AUX },
    { .name = "RDPMC", .code = insn_rdpmc, .outputs = A | D, .bits = 32, .in = { IN(RCX, 32, 0) } },
    { .name = "WBINVD", .code = insn_wbinvd },
    { .name = "INVD", .code = insn_invd },
    { .name = "MONITOR",
      .code = insn_monitor,
      .in = { MEMORY(RAX, 0), IN(RCX, 64, 0), IN(RDX, 64, 0) } },
    { .name = "MWAIT", .code = insn_mwait, .in = { IN(RAX, 64, 0), IN(RCX, 64, 0) } },
    { .name = "VMMCALL",
      .code = insn_vmmcall,
      .outputs = A,
      .bits = 64,
      .in = { IN(RAX, 64, 0x999), IN(RBX, 64, 1), IN(RCX, 64, 2), IN(RDX, 64, 3),
              IN(RSI, 64, 4) } },
    { .name = "MOV from DR7", .code = insn_read_dr7, .outputs = B, .bits = 64 },
    { .name = "MOV to DR7", .code = insn_write_dr7, .in = { IN(RBX, 64, 0x400) } },
    { .name = "OUT 8", .code = insn_out8, .in = { IN(RAX, 8, 0x5A), IN(RDX, 16, UART_SCRATCH) } },
    { .name = "OUT 16", .code = insn_out16, .in = { IN(RAX, 16, 0), IN(RDX, 16, PORT_FW_CFG) } },
    { .name = "OUT 32", .code = insn_out32, .in = { IN(RAX, 32, 0x80000000), IN(RDX, 16, 0xCF8) } },
    { .name = "IN 8",
      .code = insn_in8,
      .outputs = A,
      .bits = 8,
      .in = { IN(RDX, 16, UART_SCRATCH) } },
    { .name = "IN 16",
      .code = insn_in16,
      .outputs = A,
      .bits = 16,
      .prepare = PREPARE_PCI,
      .in = { IN(RDX, 16, 0xCFC) } },
    { .name = "IN 32",
      .code = insn_in32,
      .outputs = A,
      .bits = 32,
      .prepare = PREPARE_PCI,
      .in = { IN(RDX, 16, 0xCFC) } },
    { .name = "INSB",
      .code = insn_insb,
      .outputs = I,
      .bits = 64,
      .writes = { 64, 1 },
      .prepare = PREPARE_FW_CFG,
      .in = { IN(RDX, 16, PORT_FW_CFG + 1), MEMORY(RDI, 64) } },
    { .name = "REP INSB",
      .code = insn_rep_insb,
      .outputs = C | I,
      .bits = 64,
      .writes = { 64, 5 },
      .prepare = PREPARE_FW_CFG,
      .in = { IN(RDX, 16, PORT_FW_CFG + 1), IN(RCX, 64, 5), MEMORY(RDI, 64) } },
    { .name = "REP INSW",
      .code = insn_rep_insw,
      .outputs = C | I,
      .bits = 64,
      .writes = { 0xFF8, 8 },
      .prepare = PREPARE_PCI,
      .in = { IN(RDX, 16, 0xCFC), IN(RCX, 64, 4), MEMORY(RDI, 0xFF8) } },
    { .name = "OUTSB",
      .code = insn_outsb,
      .outputs = S,
      .bits = 64,
      .in = { IN(RDX, 16, UART_SCRATCH), MEMORY(RSI, CLEAR) } },
    { .name = "REP OUTSB",
      .code = insn_rep_outsb,
      .outputs = C | S,
      .bits = 64,
      .in = { IN(RDX, 16, UART_SCRATCH), IN(RCX, 64, 100), MEMORY(RSI, CLEAR) } },
    { .name = "REP OUTSL",
      .code = insn_rep_outsl,
      .outputs = C | S,
      .bits = 64,
      .in = { IN(RDX, 16, 0xCF8), IN(RCX, 64, 3), MEMORY(RSI, CLEAR) } },
    { .name = "MOV from a device, 8",
      .code = insn_load8,
      .outputs = A,
      .bits = 8,
      .in = { IN(RDI, 64, HPET) } },
    { .name = "MOV from a device, 32",
      .code = insn_load32,
      .outputs = A,
      .bits = 32,
      .prepare = PREPARE_TPR,
      .in = { IN(RDI, 64, APIC_TPR) } },
    { .name = "MOV from a device, 64",
      .code = insn_load64,
      .outputs = A,
      .bits = 64,
      .in = { IN(RDI, 64, HPET) } },
    { .name = "MOVZX from a device",
      .code = insn_movzx16,
      .outputs = A,
      .bits = 32,
      .in = { IN(RDI, 64, HPET) } },
    { .name = "MOVSXD from a device",
      .code = insn_movsx32,
      .outputs = A,
      .bits = 64,
      .prepare = PREPARE_TPR,
      .in = { IN(RDI, 64, APIC_TPR) } },
    { .name = "MOV to a device, 32",
      .code = insn_store32,
      .prepare = PREPARE_TPR,
      .in = { IN(RAX, 32, 0x20), IN(RDI, 64, APIC_TPR) } },
    { .name = "MOV of an immediate to a device",
      .code = insn_store_imm,
      .in = { IN(RDI, 64, APIC_TPR) } },
};

static void prepare(const struct exit *e)
{
    uint64_t *word;

    attempt_start();
    memory_fill();
    memset(memory + CLEAR, 'A', CLEAR);
    for (unsigned i = 0; i < sizeof(e->in) / sizeof(e->in[0]) && e->in[i].bits != 0; i++) {
        const struct input *in = &e->in[i];
        uint64_t mask = ~0ull >> (64 - in->bits);
        word = &attempt.in[in->reg];
        *word = (*word & ~mask) | (in->memory ? (uint64_t)memory + in->value : in->value);
    }
    attempt.code = (uint64_t)e->code;
    switch (e->prepare) {
    case PREPARE_NOTHING:
        break;
    case PREPARE_FW_CFG:
        out16(PORT_FW_CFG, 0);
        break;
    case PREPARE_PCI:
        out32(0xCF8, 0x80000000);
        break;
    case PREPARE_TPR:
        mmio_write32((volatile void *)APIC_TPR, 0x20);
        break;
    case PREPARE_TSC_AUX:
        wrmsr(MSR_TSC_AUX, 0x123);
        break;
    }
}

/* ---- What has become of it ---- */

static struct attempt honest;
static uint8_t honest_memory[MEMORY_BYTES], filled_memory[MEMORY_BYTES];

static uint64_t arithmetic(uint64_t flags)
{
    return flags & 0xCD5; /* DF too; IF is off in any case */
}

static bool unchanged(void)
{
    bool good = attempt.frame_was_good &&
                arithmetic(attempt.flags_out) == arithmetic(attempt.flags_in) &&
                memcmp(memory, filled_memory, MEMORY_BYTES) == 0;

    for (unsigned r = 0; r < 16; r++)
        good = good && (attempt.out[r] == attempt.in[r] || r == SEVC_RSP);
    return good && attempt.out[SEVC_RSP] == attempt.rsp;
}

/* What the host may choose is left open: the bits that the instruction writes. */
static bool done_within(const struct exit *e, uint16_t open)
{
    bool good = attempt.out[SEVC_RSP] == attempt.rsp &&
                arithmetic(attempt.flags_out) == arithmetic(attempt.flags_in);

    for (unsigned r = 0; r < 16; r++) {
        uint64_t written = e->bits == 0 ? 0 : ~0ull >> (64 - e->bits);
        if (r == SEVC_RSP)
            continue;
        if ((open >> r & 1) == 0)
            good = good && attempt.out[r] == honest.out[r];
        else if (e->bits == 32)
            good = good && attempt.out[r] >> 32 == 0;
        else
            good = good && ((attempt.out[r] ^ attempt.in[r]) & ~written) == 0;
    }
    return good;
}

/* The upper half of the time-stamp counter hardly moves during a run. */
#define SOON 64

static bool time_is_plausible(const struct exit *e)
{
    return (e->volatile_ & D) == 0 || attempt.out[SEVC_RDX] - honest.out[SEVC_RDX] < SOON;
}

static bool is_right(const struct exit *e)
{
    if (attempt.outcome != honest.outcome)
        return false;
    if (attempt.outcome != OUTCOME_DONE)
        return unchanged();
    return done_within(e, e->volatile_) && time_is_plausible(e) &&
           memcmp(memory, honest_memory, MEMORY_BYTES) == 0;
}

static bool memory_is_good_around(uint16_t from, uint16_t bytes)
{
    return memcmp(memory, filled_memory, from) == 0 &&
           memcmp(memory + from + bytes, filled_memory + from + bytes,
                  MEMORY_BYTES - from - bytes) == 0;
}

static bool is_host_value(const struct exit *e)
{
    /* String instructions move their pointers by what they are, not by what the host says. */
    uint16_t open = e->bits == 64 && (e->outputs & (C | S | I)) != 0 ? 0 : e->outputs;

    return done_within(e, open) && memory_is_good_around(e->writes[0], e->writes[1]);
}

static bool as_expected(const struct exit *e, struct lie lie)
{
    bool error = attempt.outcome == OUTCOME_ERROR && unchanged();
    bool exception = attempt.outcome == OUTCOME_EXCEPTION && unchanged() &&
                     (attempt.vector == 6 || attempt.vector == VECTOR_GP);

    if (lie.told == 0)
        return is_right(e);
    switch (lie.expect) {
    case EXPECT_ERROR:
        return error && attempt.report.result == SEVC_HOST_ERROR;
    case EXPECT_SUCCESS:
        return is_right(e);
    case EXPECT_EXCEPTION:
        return exception;
    case EXPECT_EITHER:
        return error || exception || is_right(e);
    case EXPECT_VALUE:
        return error || exception || (attempt.outcome == OUTCOME_DONE && is_host_value(e));
    default:
        return false;
    }
}

/* Without a lie first; the result is what all others are compared with. */
static void learn(const struct exit *e)
{
    prepare(e);
    memcpy(filled_memory, memory, MEMORY_BYTES);
    attempt_run();
    honest = attempt;
    memcpy(honest_memory, memory, MEMORY_BYTES);
    if (honest.outcome == OUTCOME_DONE)
        check(memory_is_good_around(e->writes[0], e->writes[1]), "honest: memory", e->name, 0);
    else
        check(unchanged(), "honest: unchanged", e->name, 0);
}

/* Result: false if there was nothing to lie about after SKIP opportunities. */
static bool lie_about(const struct exit *e, unsigned skip)
{
    unsigned variants = 1;
    bool any = false;

    for (unsigned variant = 0; variant < variants; variant++) {
        prepare(e);
        host_arm(variant, skip);
        attempt_run();
        struct lie lie = host_disarm();
        check(as_expected(e, lie), "not as it must be", e->name, variant);
        any = any || lie.told != 0;
        if (lie.told != 0)
            variants = lie.variants;
    }
    return any;
}

void test_exits(void)
{
    (void)mmio_map(0xFEE00000, PAGE_BYTES);
    (void)mmio_map(0xFED00000, PAGE_BYTES);
    for (unsigned i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        unsigned skip = 0, before = lies_told;
        learn(&exits[i]);
        while (lie_about(&exits[i], skip))
            skip++;
        kprintf("%s: %s, %u lies\n", exits[i].name,
                honest.outcome == OUTCOME_DONE    ? "works"
                : honest.outcome == OUTCOME_ERROR ? sevc_reason_name(honest.report.reason)
                                                  : "raises an exception",
                lies_told - before);
    }
}
