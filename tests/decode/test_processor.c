/* SPDX-License-Identifier: MIT */
/*
 * The processor that runs the tests as the oracle: how many bytes an instruction has, which
 * prefixes it takes, which address its operand means. processor.h says how.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "processor.h"

/* ---- lengths ---- */

static const uint8_t prefixes[][4] = {
    /* count first */
    { 0 },
    { 1, 0x66 },
    { 1, 0x67 },
    { 1, 0xF2 },
    { 1, 0xF3 },
    { 1, 0x2E },
    { 1, 0x64 },
    { 1, 0x65 },
    { 1, 0x40 },
    { 1, 0x48 },
    { 1, 0x4F },
    { 2, 0x66, 0x67 },
    { 2, 0x66, 0x48 },
    { 2, 0x48, 0x66 },
    { 2, 0x67, 0x41 },
    { 2, 0xF3, 0x48 },
    { 2, 0x48, 0x40 },
    { 2, 0x65, 0x2E },
};

static size_t compose(uint8_t *bytes, size_t prefix, unsigned map, unsigned opcode, unsigned modrm)
{
    size_t count = prefixes[prefix][0];

    memset(bytes, 0x9C, SEVC_INSN_MAX_BYTES); /* displacements that lead nowhere */
    memcpy(bytes, &prefixes[prefix][1], count);
    if (map)
        bytes[count++] = 0x0F;
    if (map == 2) /* MOVBE and its neighbours */
        bytes[count++] = 0x38;
    bytes[count++] = (uint8_t)opcode;
    bytes[count] = (uint8_t)modrm;
    return count;
}

/* Those with a meaning: one byte less is too few, and all of them are enough. */
static void check_exact(const uint8_t *bytes, const struct sevc_insn *insn)
{
    if (insn->kind == SEVC_INSN_VMMCALL || insn->kind == SEVC_INSN_VMGEXIT) {
        test_exclude("VMMCALL, VMGEXIT: undefined on Intel, emulated or patched by hypervisors");
        return;
    }
    if (insn->length > 1 && processor_execute(bytes, insn->length - 1u) != WANTS_MORE)
        test_fail(bytes, insn->length, "shorter than %u bytes", insn->length);
    else if (processor_execute(bytes, insn->length) == WANTS_MORE)
        test_fail(bytes, insn->length, "longer than %u bytes", insn->length);
    else
        test_count();
}

/* Any other: it is never executed, since its last byte is missing. */
static void check_not_shorter(const uint8_t *bytes, const struct sevc_insn *insn)
{
    if (insn->length == 1)
        return;
    switch (processor_execute(bytes, insn->length - 1u)) {
    case WANTS_MORE:
        test_count();
        break;
    case UNDEFINED:
        test_exclude("not an instruction of this processor (3DNow!, XOP, SSE4A, ...)");
        break;
    case COMPLETE:
        test_fail(bytes, insn->length, "shorter than %u bytes", insn->length);
    }
}

static void test_lengths(void)
{
    uint8_t bytes[SEVC_INSN_MAX_BYTES];
    struct sevc_insn insn;

    test_begin("instructions have the length that the processor wants");
    for (size_t prefix = 0; prefix < ARRAY_LENGTH(prefixes); prefix++) {
        for (unsigned opcode = 0; opcode < 3 * 256; opcode++) {
            if (opcode >> 8 == 2 && (opcode & 0xF8) != 0xF0)
                continue;
            for (unsigned modrm = 0; modrm < 256; modrm += modrm < 0xC0 ? 5 : 1) {
                compose(bytes, prefix, opcode >> 8, opcode & 0xFF, modrm);
                if (sevc_decode(bytes, sizeof(bytes), 64, &insn) != SEVC_OK)
                    continue;
                if (insn.kind == SEVC_INSN_OTHER || insn.kind == SEVC_INSN_VECTOR)
                    check_not_shorter(bytes, &insn);
                else
                    check_exact(bytes, &insn);
            }
        }
        test_progress(prefix + 1, ARRAY_LENGTH(prefixes));
    }
    test_end(200000);
}

/* ---- prefixes ---- */

#define CASE(...)                                                                                  \
    {                                                                                              \
        sizeof((uint8_t[]){ __VA_ARGS__ }),                                                        \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const struct {
    uint8_t count, bytes[6];
} definedness[] = {
    CASE(0x0F, 0xA2),
    CASE(0x66, 0x0F, 0xA2),
    CASE(0xF2, 0x0F, 0xA2),
    CASE(0xF3, 0x0F, 0xA2),
    CASE(0x67, 0x0F, 0xA2),
    CASE(0x65, 0x0F, 0xA2),
    CASE(0x4F, 0x0F, 0xA2),
    CASE(0xF0, 0x0F, 0xA2),
    CASE(0x66, 0x0F, 0x31),
    CASE(0xF2, 0x0F, 0x31),
    CASE(0xF3, 0x0F, 0x31),
    CASE(0xF0, 0x0F, 0x31),
    CASE(0x66, 0x0F, 0x32),
    CASE(0xF2, 0x0F, 0x32),
    CASE(0xF3, 0x0F, 0x32),
    CASE(0xF0, 0x0F, 0x32),
    CASE(0x66, 0x0F, 0x30),
    CASE(0xF2, 0x0F, 0x30),
    CASE(0xF3, 0x0F, 0x30),
    CASE(0xF0, 0x0F, 0x30),
    CASE(0x66, 0x0F, 0x33),
    CASE(0xF2, 0x0F, 0x33),
    CASE(0xF3, 0x0F, 0x33),
    CASE(0x66, 0x0F, 0x08),
    CASE(0xF2, 0x0F, 0x08),
    CASE(0xF3, 0x0F, 0x08),
    CASE(0x66, 0x0F, 0x09),
    CASE(0xF2, 0x0F, 0x09),
    CASE(0xF3, 0x0F, 0x09),
    CASE(0xF0, 0x0F, 0x09),
    CASE(0x0F, 0x01, 0xF9),
    CASE(0x66, 0x0F, 0x01, 0xF9),
    CASE(0xF2, 0x0F, 0x01, 0xF9),
    CASE(0xF3, 0x0F, 0x01, 0xF9),
    CASE(0xF0, 0x0F, 0x01, 0xF9),
    CASE(0x0F, 0x21, 0xF8),
    CASE(0x0F, 0x21, 0x38),
    CASE(0x44, 0x0F, 0x21, 0xF8),
    CASE(0x0F, 0x23, 0xF8),
    CASE(0x0F, 0x23, 0x78),
    CASE(0x44, 0x0F, 0x23, 0xF8),
    CASE(0xF0, 0x0F, 0x21, 0xF8),
    CASE(0x41, 0x0F, 0x23, 0xF8),
    CASE(0xEC),
    CASE(0xF3, 0xEC),
    CASE(0xF0, 0xEC),
    CASE(0x66, 0xED),
    CASE(0x48, 0xED),
    CASE(0xF0, 0x6E),
    CASE(0xF2, 0x6E),
    CASE(0xF3, 0x6C),
    CASE(0xF0, 0x6C),
    CASE(0x65, 0x6C),
    CASE(0xF0, 0x89, 0x07),
    CASE(0xF0, 0x8B, 0x07),
    CASE(0xF2, 0x89, 0x07),
    CASE(0xF3, 0x8B, 0x07),
    CASE(0xC6, 0x07, 0x11),
    CASE(0xC6, 0x0F, 0x11),
    CASE(0xF0, 0xC6, 0x07, 0x11),
    CASE(0x66, 0xC7, 0x07, 0x11, 0x22),
    CASE(0x66, 0xC7, 0x3F, 0x11, 0x22),
    CASE(0xF3, 0x0F, 0xB6, 0x07),
    CASE(0xF2, 0x0F, 0xB7, 0x07),
    CASE(0xF0, 0x0F, 0xBE, 0x07),
    CASE(0x63, 0x07),
    CASE(0x66, 0x63, 0x07),
    CASE(0x48, 0x63, 0x07),
    CASE(0xF0, 0x63, 0x07),
    CASE(0xF0, 0x01, 0x07),
    CASE(0xF0, 0x03, 0x07),
    CASE(0xF0, 0x39, 0x07),
    CASE(0xF0, 0x01, 0xC7),
    CASE(0xF0, 0x85, 0x07),
    CASE(0xF0, 0x83, 0x07, 0x01),
    CASE(0xF0, 0x83, 0x3F, 0x01),
    CASE(0xF0, 0x87, 0x07),
    CASE(0xF0, 0x87, 0xC7),
    CASE(0xF0, 0xF6, 0x07, 0x01),
    CASE(0xF0, 0xF6, 0x17),
    CASE(0xF0, 0xFF, 0x0F),
    CASE(0xF0, 0xFF, 0x37),
    CASE(0xF0, 0x0F, 0xA3, 0x07),
    CASE(0xF0, 0x0F, 0xAB, 0x07),
    CASE(0xF0, 0x0F, 0xBA, 0x27, 0x01),
    CASE(0xF0, 0x0F, 0xBA, 0x2F, 0x01),
    CASE(0xF0, 0x0F, 0xB1, 0x07),
    CASE(0xF0, 0x0F, 0xC1, 0x07),
    CASE(0xF0, 0x0F, 0xC7, 0x0F),
    CASE(0xF0, 0x0F, 0xC3, 0x07),
    CASE(0xF0, 0x0F, 0x38, 0xF1, 0x07),
    CASE(0xF0, 0x0F, 0x18, 0x07),
    CASE(0xF0, 0x0F, 0xAE, 0x3F),
    CASE(0xF0, 0xA4),
    CASE(0xF0, 0xAA),
    CASE(0xF0, 0xAE),
    CASE(0xF6, 0x0F, 0x01),
    CASE(0xF7, 0x0F, 1, 2, 3, 4),
    CASE(0xFE, 0x17),
    CASE(0xFE, 0x3F),
    CASE(0x0F, 0xBA, 0x07, 0x01),
    CASE(0x0F, 0xBA, 0x1F, 0x01),
    CASE(0x0F, 0xC3, 0x07),
    CASE(0x0F, 0xC3, 0xC7),
    CASE(0x66, 0x0F, 0xC3, 0x07),
    CASE(0xF2, 0x0F, 0xC3, 0x07),
    CASE(0xF3, 0x0F, 0xC3, 0x07),
    CASE(0x0F, 0x38, 0xF0, 0x07),
    CASE(0x66, 0x0F, 0x38, 0xF0, 0x07),
    CASE(0x48, 0x0F, 0x38, 0xF1, 0x07),
    CASE(0x0F, 0x38, 0xF1, 0xC7),
    CASE(0x0F, 0xAE, 0x3F),
    CASE(0x66, 0x0F, 0xAE, 0x3F),
    CASE(0x66, 0x0F, 0xAE, 0x37),
    CASE(0xF3, 0x0F, 0xAE, 0x3F),
    CASE(0xF2, 0x0F, 0xAE, 0x3F),
    CASE(0x0F, 0xC7, 0x0F),
    CASE(0x48, 0x0F, 0xC7, 0x0F),
    CASE(0x66, 0x0F, 0xC7, 0x0F),
    CASE(0xF3, 0x0F, 0xC7, 0x0F),
    CASE(0x66, 0xF2, 0xA7),
    CASE(0x48, 0xF3, 0xA5),
    CASE(0xF3, 0x48, 0xA5),
};

static void test_definedness(void)
{
    struct sevc_insn insn;

    test_begin("what the processor takes is decoded, and what it refuses with #UD is not");
    for (size_t i = 0; i < ARRAY_LENGTH(definedness); i++) {
        const uint8_t *bytes = definedness[i].bytes;
        size_t count = definedness[i].count;
        enum sevc_result result = sevc_decode(bytes, count, 64, &insn);
        bool defined = processor_execute(bytes, count) != UNDEFINED;

        if (result != (defined ? SEVC_OK : SEVC_BAD_INSN))
            test_fail(bytes, count, "result %d, and for the processor it is %s", result,
                      defined ? "defined" : "undefined");
        else if (defined && (insn.kind == SEVC_INSN_OTHER || insn.length != count))
            test_fail(bytes, count, "kind %u, length %u", insn.kind, insn.length);
        else
            test_count();
    }
    test_end(ARRAY_LENGTH(definedness));
}

/* The segment that a load really uses: GS has a base, and the value there differs. */
static void test_segments(void)
{
    static const struct {
        uint8_t count, bytes[6];
    } loads[] = {
        CASE(0x8B, 0x07),
        CASE(0x65, 0x8B, 0x07),
        CASE(0x65, 0x2E, 0x8B, 0x07),
        CASE(0x2E, 0x65, 0x8B, 0x07),
        CASE(0x65, 0x3E, 0x26, 0x36, 0x8B, 0x07),
        CASE(0x3E, 0x8B, 0x07),
        CASE(0x65, 0x65, 0x8B, 0x07),
    };
    static const uint32_t plain = 0x11111111, based = 0x22222222;
    uint64_t base = (uint64_t)&based - (uint64_t)&plain;

    test_begin("CS, DS, ES and SS overrides do not end one of GS");
    for (size_t i = 0; i < ARRAY_LENGTH(loads); i++) {
        uint8_t *code = (uint8_t *)CODE;
        struct sevc_insn insn;
        uint32_t value;

        memcpy(code, loads[i].bytes, loads[i].count);
        code[loads[i].count] = 0xC3;
        syscall(SYS_arch_prctl, ARCH_SET_GS, base);
        __asm__ volatile("call *%1" : "=a"(value) : "r"(code), "D"(&plain) : "memory");
        if (sevc_decode(code, SEVC_INSN_MAX_BYTES, 64, &insn) != SEVC_OK ||
            insn.memory.segment != (value == based ? SEVC_GS : SEVC_DS))
            test_fail(code, loads[i].count, "segment %u, loaded %#x", insn.memory.segment, value);
        else
            test_count();
    }
    test_end(ARRAY_LENGTH(loads));
}

/* ---- addresses ---- */

/* The same operand twice: of MOV for the library, of LEA for the processor. */
static void check_address(uint8_t *bytes, size_t opcode_at, const uint64_t registers[16])
{
    struct sevc_trap trap = { .rip = CODE };
    struct sevc_insn insn;
    uint64_t ours, theirs;

    for (unsigned i = 0; i < 16; i++)
        *sevc_trap_gpr(&trap, i) = registers[i];
    bytes[opcode_at] = 0x8B;
    if (sevc_decode(bytes, SEVC_INSN_MAX_BYTES, 64, &insn) != SEVC_OK) {
        test_fail(bytes, SEVC_INSN_MAX_BYTES, "not decoded");
        return;
    }
    ours = sevc_linear_address(&insn, &trap);
    bytes[opcode_at] = 0x8D;
    theirs = processor_lea(bytes, insn.length, registers);
    if (ours != theirs)
        test_fail(bytes, insn.length, "address %#llx, the processor's %#llx",
                  (unsigned long long)ours, (unsigned long long)theirs);
    else
        test_count();
}

static void sweep_address(unsigned rex, bool short_address, uint32_t displacement,
                          const uint64_t registers[16])
{
    uint8_t bytes[SEVC_INSN_MAX_BYTES] = { 0x67 };
    size_t at = short_address;

    bytes[at++] = (uint8_t)rex;
    for (unsigned modrm = 0; modrm < 0xC0; modrm++) {
        bool sib = (modrm & 7) == 4;

        if (((modrm >> 3) & 7) != SEVC_RDX)
            continue;
        bytes[at + 1] = (uint8_t)modrm;
        for (unsigned i = 0; i < (sib ? 256 : 1); i++) {
            bytes[at + 2] = (uint8_t)i;
            memcpy(bytes + at + 2 + sib, &displacement, sizeof(displacement));
            check_address(bytes, at, registers);
        }
    }
}

static void test_addresses(void)
{
    uint64_t registers[16];
    static const uint32_t displacements[] = { 0x12345678, 0x89ABCDEF, 0x000000F0, 0xFFFFFFFF };

    test_begin("addresses are those that LEA computes: ModRM, SIB, REX.X, REX.B, 67");
    for (unsigned set = 0; set < 4; set++) {
        for (unsigned i = 0; i < 16; i++) {
            static const uint64_t starts[4] = { 0x1111, 0xFFFFFFFFFFFFFF00, 0x7FFFFFFFFFFFFFF0,
                                                0x9E3779B97F4A7C15 };
            registers[i] = starts[set] + (i + 1) * (set == 3 ? starts[3] : 0x1230047);
        }
        for (unsigned rex = 0x48; rex < 0x4C; rex++) {
            for (size_t d = 0; d < ARRAY_LENGTH(displacements); d++) {
                sweep_address(rex, false, displacements[d], registers);
                sweep_address(rex, true, displacements[d], registers);
            }
        }
    }
    test_end(100000);
}

int main(void)
{
    processor_in_child(test_lengths);
    processor_in_child(test_definedness);
    processor_in_child(test_segments);
    processor_in_child(test_addresses);
    return test_status();
}
