/* SPDX-License-Identifier: MIT */
/*
 * The library's arithmetic alone (src/vc/alu.h) against the processor: one instruction of each
 * operation and width on [rdi] with rCX, over operands and incoming flags. The generated cases reach it
 * through whole instructions; here it meets far more operands in the same time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "groups.h"
#include "memory.h"
#include "native.h"
#include "random.h"
#include "vc/alu.h"

#define CASES 20000
#define SHOWN 10

#define RDI_INDIRECT 7 /* ModRM.rm of [rdi] with mod 0 */

#define AF       0x010u
/* APM vol. 3: AF after logic; OF, SF, ZF, AF and PF after BT and its kin (forms.c says the same). */
#define LOGIC    AF
#define BIT_TEST 0x8D4u

#define RFLAGS_ARITHMETIC 0x8D5u
#define RFLAGS_ALWAYS     0x202u

struct operation {
    const char *name;
    uint8_t operation; /* enum sevc_alu_operation */
    uint8_t escape;    /* 0x0F, or 0 */
    uint8_t opcode;    /* of the wide form; the byte form is one lower */
    uint8_t reg;       /* ModRM.reg: 1 is rCX, or the group's number */
    bool bits;         /* no byte form; the source is a bit number */
    uint16_t undefined;
};

static const struct operation operations[] = {
    { "ADD", SEVC_ALU_ADD, 0, 0x01, 1, false, 0 },
    { "OR", SEVC_ALU_OR, 0, 0x09, 1, false, LOGIC },
    { "ADC", SEVC_ALU_ADC, 0, 0x11, 1, false, 0 },
    { "SBB", SEVC_ALU_SBB, 0, 0x19, 1, false, 0 },
    { "AND", SEVC_ALU_AND, 0, 0x21, 1, false, LOGIC },
    { "SUB", SEVC_ALU_SUB, 0, 0x29, 1, false, 0 },
    { "XOR", SEVC_ALU_XOR, 0, 0x31, 1, false, LOGIC },
    { "CMP", SEVC_ALU_CMP, 0, 0x39, 1, false, 0 },
    { "TEST", SEVC_ALU_TEST, 0, 0x85, 1, false, LOGIC },
    { "NOT", SEVC_ALU_NOT, 0, 0xF7, 2, false, 0 },
    { "NEG", SEVC_ALU_NEG, 0, 0xF7, 3, false, 0 },
    { "INC", SEVC_ALU_INC, 0, 0xFF, 0, false, 0 },
    { "DEC", SEVC_ALU_DEC, 0, 0xFF, 1, false, 0 },
    { "BT", SEVC_ALU_BT, 0x0F, 0xA3, 1, true, BIT_TEST },
    { "BTS", SEVC_ALU_BTS, 0x0F, 0xAB, 1, true, BIT_TEST },
    { "BTR", SEVC_ALU_BTR, 0x0F, 0xB3, 1, true, BIT_TEST },
    { "BTC", SEVC_ALU_BTC, 0x0F, 0xBB, 1, true, BIT_TEST },
};

static uint8_t encode(const struct operation *operation, unsigned bytes, uint8_t insn[15])
{
    uint8_t length = 0;

    if (bytes == 2) {
        insn[length++] = 0x66;
    } else if (bytes == 8) {
        insn[length++] = 0x48;
    }
    if (operation->escape != 0) {
        insn[length++] = operation->escape;
    }
    insn[length++] = (uint8_t)(operation->opcode - (bytes == 1));
    insn[length++] = (uint8_t)(operation->reg << 3 | RDI_INDIRECT);
    return length;
}

static bool is_equal(const struct operation *operation, unsigned bytes,
                     const struct oracle_state *start, const struct oracle_state *native,
                     uint64_t destination, uint64_t got)
{
    uint64_t mask = ~0ull >> (64 - 8 * bytes);
    struct sevc_alu_result result = sevc_alu((enum sevc_alu_operation)operation->operation, bytes,
                                             destination, start->gpr[SEVC_RCX], start->rflags);
    uint64_t defined = ~(uint64_t)operation->undefined;

    if (result.value == (got & mask) && ((result.rflags ^ native->rflags) & defined) == 0) {
        return true;
    }
    printf("  %s, %u bytes: %" PRIx64 ", %" PRIx64 ", rflags %" PRIx64 ": processor %" PRIx64
           " %" PRIx64 ", library %" PRIx64 " %" PRIx64 "\n",
           operation->name, bytes, destination & mask, start->gpr[SEVC_RCX] & mask, start->rflags,
           got & mask, native->rflags, result.value, result.rflags);
    return false;
}

static unsigned run_operation(const struct operation *operation, unsigned bytes,
                              struct oracle_random *random)
{
    uint64_t va = oracle_window_va(ORACLE_LOW) + 1024;
    uint8_t insn[15];
    uint8_t length = encode(operation, bytes, insn);
    unsigned failures = 0;

    for (unsigned i = 0; i < CASES && failures < SHOWN; i++) {
        struct oracle_state start = { .rip = oracle_code_va(ORACLE_LOW) };
        struct oracle_state native;
        struct oracle_wild wild;
        uint64_t destination = oracle_corner(random);
        uint64_t got;

        start.gpr[SEVC_RDI] = va;
        start.gpr[SEVC_RCX] = oracle_corner(random);
        if (operation->bits) { /* which element it is, is the caller's part */
            start.gpr[SEVC_RCX] &= 8 * bytes - 1;
        }
        start.rflags = RFLAGS_ALWAYS | (oracle_random(random) & RFLAGS_ARITHMETIC);
        oracle_fill(va, &destination, sizeof(destination));
        if (!oracle_native_run_plain(insn, length, &start, &native, &wild)) {
            printf("  %s: signal %d\n", operation->name, wild.signal);
            return 1;
        }
        memcpy(&got, (const void *)va, sizeof(got));
        failures += !is_equal(operation, bytes, &start, &native, destination, got);
    }
    return failures;
}

unsigned oracle_run_alu(const struct oracle_options *options)
{
    struct oracle_random random = { .state = options->seed };
    unsigned failures = 0;

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        unsigned widths = 0;

        for (unsigned bytes = operations[i].bits ? 2 : 1; bytes <= 8; bytes *= 2) {
            failures += run_operation(&operations[i], bytes, &random);
            widths++;
        }
        printf("  %-5s %7u cases in %u widths\n", operations[i].name, widths * CASES, widths);
    }
    printf("alu: %u failures\n", failures);
    return failures;
}
