/* SPDX-License-Identifier: MIT */
/*
 * The CPUID table: two CPUs, a host whose answers change as it likes, exceptions, explicit fills,
 * seals and verifications in any order. What has been pinned stays; what is sealed is not written.
 */
#include "env/plain.h"

#define CPUS  2
#define STEPS 24

enum { EAX, EBX, ECX, EDX };

static struct fuzz_input input;
static struct sevc_cpu cpus[CPUS];
static struct sevc_cpuid_table table, sealed_table;
static struct sevc_trap trap;
static uint64_t cr4, xcr0, xss;
static unsigned current; /* CPU */

/* ---- the host ---- */

static uint32_t scramble(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    uint32_t x = leaf * 2654435761u + subleaf * 40503u + reg * 977u + 12345u;

    x ^= x >> 15;
    return x * 2246822519u;
}

/* The same each time; except that the input may have another opinion. */
static void honest(uint32_t leaf, uint32_t subleaf, uint32_t answer[4])
{
    for (unsigned reg = 0; reg < 4; reg++) {
        answer[reg] = scramble(leaf, subleaf, reg);
    }
    if ((leaf & 0x3FFFFFFF) == 0) {
        answer[EAX] = leaf | 0x21;
    } else if (leaf == 0x8000001F) {
        answer[EAX] = 0xA;
        answer[EBX] = 51;
    } else if (leaf == 0xD && subleaf == 0) {
        answer[EAX] = 0xE7;
        answer[EDX] = 0;
    } else if (leaf == 0xD && subleaf == 1) {
        answer[EAX] = 0xF;
        answer[ECX] = 0x1900;
        answer[EDX] = 0;
    } else if (leaf == 0xD) {
        answer[EAX] = 0x100;
        answer[EBX] = 0x240 + subleaf * 0x100;
        answer[ECX] = subleaf & 3;
    }
}

static void answer(void)
{
    static const unsigned offsets[] = { SEVC_GHCB_OFF_RAX, SEVC_GHCB_OFF_RBX, SEVC_GHCB_OFF_RCX,
                                        SEVC_GHCB_OFF_RDX };
    uint8_t how = fuzz_take_u8(&input);
    uint32_t value[4];

    FUZZ_CHECK(fuzz_plain_field(fuzz_plain_page, SEVC_GHCB_OFF_SW_EXITCODE) == SEVC_EXIT_CPUID,
               "agreement", "an event that is not CPUID's");
    honest((uint32_t)fuzz_plain_field(fuzz_plain_page, SEVC_GHCB_OFF_RAX),
           (uint32_t)fuzz_plain_field(fuzz_plain_page, SEVC_GHCB_OFF_RCX), value);
    if (how >= 0xF8) {
        value[how % 4] ^= 1u << (fuzz_take_u8(&input) % 32);
    } else if (how >= 0xF0) {
        fuzz_take(&input, value, sizeof(value));
    }
    memset(fuzz_plain_page + SEVC_GHCB_OFF_VALID_BITMAP, 0, 16);
    for (unsigned reg = 0; reg < 4; reg++) {
        fuzz_plain_put(offsets[reg], value[reg]);
        if (how != 0xE0 + reg) {
            fuzz_plain_mark(offsets[reg]);
        }
    }
    fuzz_plain_put(SEVC_GHCB_OFF_SW_EXITINFO1, how == 0xE4 ? 2 : 0);
    fuzz_plain_put(SEVC_GHCB_OFF_SW_EXITINFO2, 0);
}

/* ---- the guest ---- */

bool sevc_os_translate(const struct sevc_trap *t, uint64_t va, struct sevc_mapping *mapping)
{
    (void)t;
    (void)va;
    (void)mapping;
    return false;
}

bool sevc_os_copy(struct sevc_copy *copy)
{
    static const uint8_t code[15] = { 0x0F, 0xA2 };

    FUZZ_CHECK(copy->access == SEVC_ACCESS_FETCH && copy->bytes <= sizeof(code), "hooks",
               "a copy that is no fetch");
    memcpy(copy->buffer, code, copy->bytes);
    copy->done = copy->bytes;
    return true;
}

uint64_t sevc_os_register(const struct sevc_trap *t, enum sevc_os_register which)
{
    (void)t;
    switch (which) {
    case SEVC_OS_CR4:
        return cr4;
    case SEVC_OS_XCR0:
        return (cr4 >> 18 & 1) != 0 ? xcr0 | 1 : 1;
    case SEVC_OS_XSS:
        return xss;
    case SEVC_OS_CODE_BITS:
        return 64;
    default:
        return 0;
    }
}

/* ---- what has been pinned ---- */

#define PINS 64

struct pin {
    uint32_t leaf, subleaf;
    uint32_t value[4];
    bool used;
};
static struct pin pins[PINS];

/* Bits that may differ: each CPU's own, or computed from its state (APM vol. 3, appendix E). */
static void static_bits(uint32_t leaf, uint32_t subleaf, uint32_t value[4])
{
    switch (leaf) {
    case 1:
        value[EBX] &= 0x00FFFFFF;
        value[ECX] &= ~(1u << 27);
        value[EDX] &= ~(1u << 9);
        break;
    case 7:
        value[ECX] &= subleaf == 0 ? ~(1u << 4) : ~0u;
        break;
    case 0xB:
    case 0x1F:
    case 0x80000026:
        value[EDX] = 0;
        break;
    case 0xD:
        value[EBX] = subleaf < 2 ? 0 : value[EBX];
        break;
    case 0x80000001:
        value[EDX] &= ~(1u << 9);
        break;
    case 0x8000001E:
        value[EAX] = 0;
        value[EBX] &= ~0xFFu;
        value[ECX] &= ~0xFFu;
        break;
    default:
        break;
    }
}

static bool is_pinned(uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
        const struct sevc_cpuid_entry *entry = &table.entries[i];

        if (entry->used != 0 && entry->leaf == leaf && entry->subleaf == subleaf) {
            return true;
        }
    }
    return false;
}

/* An answer that the table has is the one that it gave before, on whichever CPU. */
static void check_pinned(uint32_t leaf, uint32_t subleaf, const uint32_t answered[4])
{
    struct pin pin = { leaf, subleaf, { 0 }, true };
    struct pin *known = &pins[(leaf + subleaf * 5) % PINS];

    if (!is_pinned(leaf, subleaf) || (table.sealed == 0 && current != 0)) {
        return;
    }
    memcpy(pin.value, answered, sizeof(pin.value));
    static_bits(leaf, subleaf, pin.value);
    if (known->used && known->leaf == leaf && known->subleaf == subleaf) {
        FUZZ_CHECK(memcmp(known->value, pin.value, sizeof(pin.value)) == 0, "pinned",
                   "leaf 0x%x, sub-leaf %u changes its answer", leaf, subleaf);
    }
    *known = pin;
}

static void check_cr4_bits(uint32_t leaf, uint32_t subleaf, const uint32_t answered[4])
{
    if (!is_pinned(leaf, subleaf) || (table.sealed == 0 && current != 0)) {
        return;
    }
    if (leaf == 1) {
        FUZZ_CHECK((answered[ECX] >> 27 & 1) == (cr4 >> 18 & 1), "computed", "OSXSAVE");
    } else if (leaf == 7 && subleaf == 0) {
        FUZZ_CHECK((answered[ECX] >> 4 & 1) == (cr4 >> 22 & 1), "computed", "OSPKE");
    }
}

/* ---- steps ---- */

static void execute(uint32_t leaf, uint32_t subleaf)
{
    struct sevc_report report;
    enum sevc_result result;
    uint32_t answered[4];

    memset(&trap, 0, sizeof(trap));
    trap.gpr[SEVC_RAX] = leaf | 0xA5ull << 32;
    trap.gpr[SEVC_RCX] = subleaf | 0x5Aull << 32;
    trap.gpr[SEVC_RSI] = 0x123456789ABCDEF0;
    trap.error_code = SEVC_EXIT_CPUID;
    trap.rip = 0x1000;
    trap.cs = 0x10;
    result = sevc_handle_vc(&cpus[current], &trap, &report);
    FUZZ_CHECK(trap.gpr[SEVC_RSI] == 0x123456789ABCDEF0, "registers", "RSI");
    if (result != SEVC_OK) {
        FUZZ_CHECK(result == SEVC_HOST_ERROR || result == SEVC_FORBIDDEN, "result", "result %d",
                   (int)result);
        FUZZ_CHECK(trap.rip == 0x1000 && trap.gpr[SEVC_RAX] == (leaf | 0xA5ull << 32), "registers",
                   "changed, though the result is %d", (int)result);
        return;
    }
    FUZZ_CHECK(trap.rip == 0x1002, "rip", "0x%lx", trap.rip);
    FUZZ_CHECK((trap.gpr[0] | trap.gpr[1] | trap.gpr[2] | trap.gpr[3]) >> 32 == 0, "outputs",
               "more than 32 bits");
    answered[EAX] = (uint32_t)trap.gpr[SEVC_RAX];
    answered[EBX] = (uint32_t)trap.gpr[SEVC_RBX];
    answered[ECX] = (uint32_t)trap.gpr[SEVC_RCX];
    answered[EDX] = (uint32_t)trap.gpr[SEVC_RDX];
    check_pinned(leaf, subleaf, answered);
    check_cr4_bits(leaf, subleaf, answered);
    if (leaf == 0x8000001F) {
        FUZZ_CHECK((answered[EAX] & 0xA) == 0xA && (answered[EBX] & 0x3F) == 51, "lie",
                   "SEV is hidden, or the C-bit moved");
    }
}

static void step(void)
{
    static const uint32_t leaves[] = { 0,          1,          7,          0xD,
                                       0xB,        4,          2,          0xD,
                                       0x80000000, 0x80000001, 0x8000001E, 0x8000001F,
                                       0x1F,       0x40000000, 0x80000026, 0xD };
    uint8_t what = fuzz_take_u8(&input);
    uint8_t arguments = fuzz_take_u8(&input);

    current = arguments >> 7;
    fuzz_plain.vmgexits = 0;
    fuzz_plain.most_vmgexits = 1000; /* a fill asks for each leaf and sub-leaf that there may be */
    switch (what % 32) {
    case 0:
        (void)sevc_cpuid_fill(&cpus[current]);
        break;
    case 1:
        sevc_cpuid_seal(&table);
        break;
    case 2:
        (void)sevc_cpuid_verify(&cpus[current]);
        break;
    case 3:
        cr4 = fuzz_take_u32(&input);
        break;
    case 4:
        xcr0 = fuzz_take_u64(&input);
        xss = fuzz_take_u64(&input);
        break;
    case 5:
        fuzz_plain.most_vmgexits = 70;
        execute(fuzz_take_u32(&input), fuzz_take_u32(&input));
        break;
    default:
        fuzz_plain.most_vmgexits = 70; /* all sub-leaves of leaf 0xD */
        execute(leaves[what / 2 % 16], arguments % 8);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t how;

    input = (struct fuzz_input){ data, size };
    how = fuzz_take_u8(&input);
    memset(pins, 0, sizeof(pins));
    cr4 = 1ull << 18;
    xcr0 = 7;
    xss = 0;
    fuzz_plain_start(answer);
    sevc_cpuid_table_init(&table, &cpus[0],
                          (how & 1) != 0 ? SEVC_CPUID_MISS_REFUSE : SEVC_CPUID_MISS_ASK);
    for (unsigned i = 0; i < CPUS; i++) {
        fuzz_plain_cpu(&cpus[i], 2);
        cpus[i].cpuid_table = &table;
    }
    for (unsigned i = 0; i < STEPS && input.left != 0; i++) {
        bool was_sealed = table.sealed != 0;

        memcpy(&sealed_table, &table, sizeof(table));
        fuzz_plain.busy = true;
        step();
        fuzz_plain.busy = false;
        FUZZ_CHECK(!was_sealed || memcmp(&sealed_table, &table, sizeof(table)) == 0, "sealed",
                   "a sealed table is written");
        fuzz_plain_check_at_rest();
    }
    return 0;
}
