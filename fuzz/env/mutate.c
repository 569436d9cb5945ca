/* SPDX-License-Identifier: MIT */
/*
 * The mutator of scenarios: instructions with the exit that they raise, registers that point
 * somewhere, replies that are almost right, other CPUs, other exceptions. A third of its work is
 * left to the engine's own, which knows nothing of all that.
 */
#include <string.h>

#include <sevc/ghcb_abi.h>
#include <sevc/insn.h>
#include <sevc/svm.h>

#include "scenario.h"

/* libFuzzer's; other engines have none. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

struct row {
    uint8_t kinds; /* enum fuzz_kinds */
    uint16_t exit_code;
    uint8_t length;
    const char *bytes;
};

#define ROW(kinds, exit, text)                                                                     \
    {                                                                                              \
        FUZZ_##kinds, SEVC_EXIT_##exit, sizeof(text) - 1, text                                     \
    }

static const struct row rows[] = {
    ROW(ANY, CPUID, "\x0f\xa2"),
    ROW(ANY, MSR, "\x0f\x32"),
    ROW(ANY, MSR, "\x0f\x30"),
    ROW(ANY, RDTSC, "\x0f\x31"),
    ROW(ANY, RDTSCP, "\x0f\x01\xf9"),
    ROW(ANY, RDPMC, "\x0f\x33"),
    ROW(ANY, INVD, "\x0f\x08"),
    ROW(ANY, WBINVD, "\x0f\x09"),
    ROW(ANY, WBINVD, "\xf3\x0f\x09"),
    ROW(ANY, MONITOR, "\x0f\x01\xc8"),
    ROW(ANY, MONITOR, "\x0f\x01\xfa"),
    ROW(ANY, MWAIT, "\x0f\x01\xc9"),
    ROW(ANY, MWAIT, "\x0f\x01\xfb"),
    ROW(ANY, VMMCALL, "\x0f\x01\xd9"),
    ROW(ANY, VMGEXIT, "\xf3\x0f\x01\xd9"),
    ROW(ANY, READ_DR7, "\x0f\x21\xfb"),
    ROW(ANY, READ_DR7, "\x41\x0f\x21\xfc"),
    ROW(ANY, WRITE_DR7, "\x0f\x23\xf8"),
    ROW(ANY, WRITE_DR7, "\x0f\x23\xfc"),
    ROW(ANY, IOIO, "\xe4\x60"),
    ROW(ANY, IOIO, "\x66\xe5\x71"),
    ROW(ANY, IOIO, "\xe5\x80"),
    ROW(ANY, IOIO, "\xec"),
    ROW(ANY, IOIO, "\x66\xed"),
    ROW(ANY, IOIO, "\xed"),
    ROW(ANY, IOIO, "\xe6\x20"),
    ROW(ANY, IOIO, "\xee"),
    ROW(ANY, IOIO, "\x66\xef"),
    ROW(ANY, IOIO, "\xef"),
    ROW(ANY, DB, "\x90"),
    ROW(ANY, AC, "\x90"),
    ROW(ANY, NOT_VALIDATED, "\x8b\x00"),
    ROW(ANY, HLT, "\xf4"),
    ROW(STRING_IO, IOIO, "\x6c"),
    ROW(STRING_IO, IOIO, "\xf3\x6c"),
    ROW(STRING_IO, IOIO, "\x66\x6d"),
    ROW(STRING_IO, IOIO, "\xf3\x66\x6d"),
    ROW(STRING_IO, IOIO, "\xf3\x6d"),
    ROW(STRING_IO, IOIO, "\xf3\x67\x6d"),
    ROW(STRING_IO, IOIO, "\x6e"),
    ROW(STRING_IO, IOIO, "\xf3\x6e"),
    ROW(STRING_IO, IOIO, "\xf2\x6e"),
    ROW(STRING_IO, IOIO, "\xf3\x66\x6f"),
    ROW(STRING_IO, IOIO, "\xf3\x6f"),
    ROW(STRING_IO, IOIO, "\xf3\x67\x6f"),
    ROW(STRING_IO, IOIO, "\x64\xf3\x6e"),
    ROW(MMIO, NPF, "\x8b\x06"),                 /* mov eax, [rsi] */
    ROW(MMIO, NPF, "\x48\x8b\x1e"),             /* mov rbx, [rsi] */
    ROW(MMIO, NPF, "\x8a\x26"),                 /* mov ah, [rsi] */
    ROW(MMIO, NPF, "\x66\x8b\x46\xfe"),         /* mov ax, [rsi - 2] */
    ROW(MMIO, NPF, "\x0f\xb6\x06"),             /* movzx eax, byte [rsi] */
    ROW(MMIO, NPF, "\x48\x0f\xbf\x06"),         /* movsx rax, word [rsi] */
    ROW(MMIO, NPF, "\x48\x63\x06"),             /* movsxd rax, [rsi] */
    ROW(MMIO, NPF, "\x0f\x38\xf0\x06"),         /* movbe eax, [rsi] */
    ROW(MMIO, NPF, "\x89\x07"),                 /* mov [rdi], eax */
    ROW(MMIO, NPF, "\x48\x89\x1f"),             /* mov [rdi], rbx */
    ROW(MMIO, NPF, "\x88\x3f"),                 /* mov [rdi], bh */
    ROW(MMIO, NPF, "\xc7\x07\x12\x34\x56\x78"), /* mov dword [rdi], imm */
    ROW(MMIO, NPF, "\xc6\x07\x42"),             /* mov byte [rdi], imm */
    ROW(MMIO, NPF, "\x0f\xc3\x07"),             /* movnti [rdi], eax */
    ROW(MMIO, NPF, "\x0f\x38\xf1\x07"),         /* movbe [rdi], eax */
    ROW(MMIO, NPF, "\x01\x07"),                 /* add [rdi], eax */
    ROW(MMIO, NPF, "\x0b\x06"),                 /* or eax, [rsi] */
    ROW(MMIO, NPF, "\x83\x27\xfe"),             /* and dword [rdi], imm */
    ROW(MMIO, NPF, "\xf6\x07\x80"),             /* test byte [rdi], imm */
    ROW(MMIO, NPF, "\xff\x07"),                 /* inc dword [rdi] */
    ROW(MMIO, NPF, "\x0f\xab\x07"),             /* bts [rdi], eax */
    ROW(MMIO, NPF, "\x0f\xba\x37\x05"),         /* btr dword [rdi], 5 */
    ROW(MMIO, NPF, "\xa4"),                     /* movsb */
    ROW(MMIO, NPF, "\xf3\xa5"),                 /* rep movsd */
    ROW(MMIO, NPF, "\xf3\x48\xab"),             /* rep stosq */
    ROW(MMIO, NPF, "\xf3\xaa"),                 /* rep stosb */
    ROW(MMIO, NPF, "\xf3\xad"),                 /* rep lodsd */
    ROW(MMIO, NPF, "\xf3\xa6"),                 /* repe cmpsb */
    ROW(MMIO, NPF, "\xf2\xae"),                 /* repne scasb */
    ROW(MMIO, NPF, "\x0f\xae\x3f"),             /* clflush [rdi] */
    ROW(MMIO, NPF, "\xf0\x01\x07"),             /* lock add [rdi], eax */
    ROW(MMIO, NPF, "\x87\x07"),                 /* xchg [rdi], eax */
    ROW(MMIO, NPF, "\x0f\x10\x06"),             /* movups xmm0, [rsi] */
};

static const uint8_t prefixes[] = { 0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x2E, 0x36, 0x3E,
                                    0x26, 0x64, 0x65, 0x48, 0x41, 0x44, 0x4F };

static const uint64_t places[] = {
    FUZZ_KERNEL_DATA,
    FUZZ_KERNEL_DATA + 0x1000,
    FUZZ_KERNEL_DATA + 0x2000,
    FUZZ_LOW_DATA,
    FUZZ_LOW_DATA + 0x1000,
    FUZZ_LOW_DATA + 0x2000,
    FUZZ_DEVICE,
    FUZZ_DEVICE + 0x1000,
    FUZZ_DEVICE + 0x2000,
    FUZZ_LOW_DEVICE,
    FUZZ_LOW_DEVICE + 0x1000,
    FUZZ_LOW_DEVICE + 0x2000,
    FUZZ_KERNEL_CODE,
    0,
    0xFFFFFFFF,
    0x800000000000,
};

static const uint64_t numbers[] = {
    0,          1,          2,          3,           7,
    8,          0xD,        63,         64,          65,
    508,        509,        1016,       2031,        2032,
    2033,       0xFFFF,     0x7FFFFFFF, 0x80000000,  0x8000001F,
    0xC0010130, 0xC0010131, 0xC0000080, 0x100000000, 0xFFFFFFFFFFFFFFFF,
};

static const uint64_t injections[] = {
    0x80000306, 0x80000B0D, 0x80000B0E, 0x80000B1D, 0x80000080,  0x80000202,
    0x306,      0x8000030D, 0x80000B06, 0x80001B0D, 0x100000306, 0x580000B0D,
};

/* Where a byte of the GHCB matters. */
static const uint16_t fields[] = {
    SEVC_GHCB_OFF_RAX,
    SEVC_GHCB_OFF_RCX,
    SEVC_GHCB_OFF_RDX,
    SEVC_GHCB_OFF_RBX,
    SEVC_GHCB_OFF_SW_EXITCODE,
    SEVC_GHCB_OFF_SW_EXITINFO1,
    SEVC_GHCB_OFF_SW_EXITINFO2,
    SEVC_GHCB_OFF_SW_SCRATCH,
    SEVC_GHCB_OFF_VALID_BITMAP + 7,
    SEVC_GHCB_OFF_VALID_BITMAP + 12,
    SEVC_GHCB_OFF_SHARED_BUFFER,
    SEVC_GHCB_OFF_PROTOCOL_VERSION,
    SEVC_GHCB_OFF_USAGE,
};

#define COUNT(array)      (sizeof(array) / sizeof((array)[0]))
#define PICK(dice, array) ((array)[below(dice, COUNT(array))])

/* ---- chance ---- */

struct dice {
    uint64_t state;
};

static uint64_t roll(struct dice *dice)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return dice->state * 0x2545F4914F6CDD1Dull;
}

static size_t below(struct dice *dice, size_t limit)
{
    return (size_t)((roll(dice) >> 16) % limit);
}

/* ---- one change ---- */

static const struct row *pick_row(struct dice *dice, enum fuzz_kinds kinds)
{
    const struct row *row;

    do {
        row = &PICK(dice, rows);
    } while (kinds != FUZZ_ANY && row->kinds != kinds);
    return row;
}

static void put_row(struct fuzz_exception *exception, const struct row *row, size_t at)
{
    size_t room = sizeof(exception->insn) - at;

    memcpy(exception->insn + at, row->bytes, row->length < room ? row->length : room);
    exception->exit_code = row->exit_code;
}

static void change_instruction(struct dice *dice, struct fuzz_exception *exception,
                               enum fuzz_kinds kinds)
{
    size_t prefix_count = below(dice, 3) == 0 ? 1 + below(dice, 3) : 0;

    for (size_t i = 0; i < prefix_count; i++) {
        exception->insn[i] = PICK(dice, prefixes);
    }
    put_row(exception, pick_row(dice, kinds), prefix_count);
    if (below(dice, 16) == 0) {
        exception->exit_code = PICK(dice, rows).exit_code; /* WeSee */
    }
}

static void change_register(struct dice *dice, struct fuzz_exception *exception)
{
    static const uint8_t usual[] = { 0, 1, 2, 3, 6, 7 };
    size_t gpr = below(dice, 4) == 0 ? below(dice, 16) : PICK(dice, usual);

    if (below(dice, 2) == 0) {
        exception->gpr[gpr] = PICK(dice, numbers);
    } else {
        exception->gpr[gpr] = PICK(dice, places) + below(dice, 64) - 32;
    }
}

static void change_reply(struct dice *dice, struct fuzz_reply *reply)
{
    size_t at = below(dice, 128);

    switch (below(dice, 6)) {
    case 0:
        reply->lie ^= (uint8_t)(1u << below(dice, 6));
        break;
    case 1:
        reply->lie |= FUZZ_LIE_INFO1;
        reply->info1 = below(dice, 4) + (below(dice, 8) == 0 ? roll(dice) << 32 : 0);
        break;
    case 2:
        reply->lie |= FUZZ_LIE_INFO1 | FUZZ_LIE_INFO2;
        reply->info1 = 1;
        reply->info2 = PICK(dice, injections);
        break;
    case 3:
        if ((reply->lie & FUZZ_LIE_BITMAP) == 0) {
            memset(reply->bitmap, 0xFF, sizeof(reply->bitmap));
            reply->lie |= FUZZ_LIE_BITMAP;
        }
        reply->bitmap[at / 64] ^= 1ull << (at % 64);
        break;
    case 4:
        reply->gpr[below(dice, 4)] = below(dice, 2) == 0 ? roll(dice) : PICK(dice, numbers);
        break;
    default:
        reply->fill = (uint8_t)roll(dice);
        break;
    }
}

static void change_race(struct dice *dice, struct fuzz_race *race)
{
    race->at = (uint16_t)below(dice, below(dice, 4) == 0 ? 600 : 40);
    race->offset = (uint16_t)(PICK(dice, fields) + below(dice, 8));
    race->flip = (uint8_t)(below(dice, 2) == 0 ? 1u << below(dice, 8) : roll(dice));
}

static void change_world(struct dice *dice, struct fuzz_scenario *s)
{
    uint8_t *policy = &s->mmio;
    uint64_t *registers = &s->cr4;

    switch (below(dice, 3)) {
    case 0:
        s->page[below(dice, FUZZ_PAGES)] ^= (uint8_t)(1u << below(dice, 5));
        break;
    case 1:
        policy[below(dice, (size_t)(&s->unmaps - policy) + 1)] = (uint8_t)below(dice, 6);
        break;
    default:
        registers[below(dice, 5)] =
            below(dice, 2) == 0 ? 1ull << below(dice, 64) : PICK(dice, places);
        break;
    }
}

static void change(struct dice *dice, struct fuzz_scenario *s, enum fuzz_kinds kinds)
{
    size_t which = below(dice, 3) != 0 ? 0 : below(dice, FUZZ_EXCEPTIONS);
    struct fuzz_exception *exception = &s->exception[which];

    switch (below(dice, 9)) {
    case 0:
        change_instruction(dice, exception, which == 0 ? kinds : FUZZ_ANY);
        break;
    case 1:
    case 2:
        change_register(dice, exception);
        break;
    case 3:
        change_reply(dice, &s->reply[below(dice, 4) != 0 ? 0 : below(dice, FUZZ_REPLIES)]);
        break;
    case 4:
        change_race(dice, &s->race[below(dice, FUZZ_RACES)]);
        break;
    case 5:
        s->nest_at[below(dice, 2)] = (uint16_t)below(dice, 40);
        break;
    case 6:
        exception->how ^= (uint8_t)(1u << below(dice, 8));
        break;
    case 7:
        exception->room = (uint8_t)below(dice, 16);
        exception->times = (uint8_t)below(dice, 4);
        break;
    default:
        change_world(dice, s);
        break;
    }
}

/* ---- for the targets ---- */

static size_t without_zeros(const uint8_t *data, size_t size)
{
    while (size > 1 && data[size - 1] == 0) {
        size--;
    }
    return size;
}

size_t fuzz_scenario_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed,
                            enum fuzz_kinds kinds)
{
    struct dice dice = { seed * 0x9E3779B97F4A7C15ull + 1 };
    struct fuzz_scenario scenario;
    size_t changes = 1 + below(&dice, 4);

    if (max_size < sizeof(scenario) || (LLVMFuzzerMutate != NULL && below(&dice, 3) == 0)) {
        return LLVMFuzzerMutate != NULL ? LLVMFuzzerMutate(data, size, max_size) : size;
    }
    fuzz_scenario_load(&scenario, data, size);
    for (size_t i = 0; i < changes; i++) {
        change(&dice, &scenario, kinds);
    }
    memcpy(data, &scenario, sizeof(scenario));
    return without_zeros(data, sizeof(scenario));
}

static bool is_one_of(const struct fuzz_exception *exception, enum fuzz_kinds kinds)
{
    struct sevc_insn insn;
    unsigned bits = (exception->how & FUZZ_CODE_32) != 0 ? 32 : 64;

    if (sevc_decode(exception->insn, sizeof(exception->insn), bits, &insn) != SEVC_OK) {
        return false;
    }
    if (kinds == FUZZ_STRING_IO) {
        return insn.kind == SEVC_INSN_INS || insn.kind == SEVC_INSN_OUTS;
    }
    return insn.kind >= SEVC_INSN_LOAD && insn.kind < SEVC_INSN_KIND_COUNT;
}

void fuzz_scenario_focus(struct fuzz_scenario *scenario, enum fuzz_kinds kinds)
{
    struct fuzz_exception *exception = &scenario->exception[0];
    struct dice dice = { exception->insn[0] + 1u };

    if (!is_one_of(exception, kinds)) {
        put_row(exception, pick_row(&dice, kinds), 0);
    }
    exception->exit_code = kinds == FUZZ_MMIO ? SEVC_EXIT_NPF : SEVC_EXIT_IOIO;
}
