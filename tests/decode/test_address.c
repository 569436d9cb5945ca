/* SPDX-License-Identifier: MIT */
/*
 * sevc_linear_address() against the addressing tables of the manual, written down a second time
 * (APM vol. 3, 1.4.3 and tables ): every ModRM x SIB x REX x prefix, in 64-bit, 32-bit
 * and 16-bit code, with FS and GS bases, negative displacements and sums that wrap around. What
 * LEA can say the processor says in test_processor.c.
 */
#include <stdio.h>
#include <string.h>

#include "harness.h"

/* What a case consists of. */
struct operand_case {
    unsigned code_bits;
    bool address_prefix; /* 67 */
    uint8_t segment;     /* override prefix, or 0 */
    uint8_t rex;         /* or 0 */
    uint8_t modrm, sib;
    uint32_t displacement; /* its low byte or word where the form has no more */
    struct sevc_trap trap;
};

static uint64_t reg(const struct operand_case *c, unsigned number)
{
    return number == 4 ? c->trap.rsp : c->trap.gpr[number];
}

static uint64_t signed_displacement(const struct operand_case *c, unsigned bytes)
{
    switch (bytes) {
    case 1:
        return (uint64_t)(int8_t)c->displacement;
    case 2:
        return (uint64_t)(int16_t)c->displacement;
    case 4:
        return (uint64_t)(int32_t)c->displacement;
    default:
        return 0;
    }
}

/* Table A-33: 16-bit addressing. */
static uint64_t offset16(const struct operand_case *c, bool *stack)
{
    uint64_t bx = reg(c, 3), bp = reg(c, 5), si = reg(c, 6), di = reg(c, 7);
    const uint64_t sums[8] = { bx + si, bx + di, bp + si, bp + di, si, di, bp, bx };
    unsigned mod = c->modrm >> 6, rm = c->modrm & 7;

    *stack = rm == 2 || rm == 3 || (rm == 6 && mod != 0);
    if (mod == 0)
        return (rm == 6 ? signed_displacement(c, 2) : sums[rm]) & 0xFFFF;
    return (sums[rm] + signed_displacement(c, mod == 1 ? 1 : 2)) & 0xFFFF;
}

/* Tables: the SIB byte. */
static uint64_t sib_sum(const struct operand_case *c, bool *stack)
{
    unsigned mod = c->modrm >> 6;
    unsigned index = (c->sib >> 3 & 7) + ((c->rex & 2) ? 8 : 0);
    unsigned base = (c->sib & 7) + ((c->rex & 1) ? 8 : 0);
    uint64_t scaled = index == 4 ? 0 : reg(c, index) << (c->sib >> 6);

    if (mod == 0 && (c->sib & 7) == 5)
        return scaled + signed_displacement(c, 4);
    *stack = base == 4 || base == 5;
    return scaled + reg(c, base) + signed_displacement(c, mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

static uint64_t offset_wide(const struct operand_case *c, uint64_t next_rip, bool *stack)
{
    unsigned mod = c->modrm >> 6, rm = c->modrm & 7;
    unsigned base = rm + ((c->rex & 1) ? 8 : 0);

    *stack = false;
    if (rm == 4)
        return sib_sum(c, stack);
    if (mod == 0 && rm == 5)
        return signed_displacement(c, 4) + (c->code_bits == 64 ? next_rip : 0);
    *stack = base == 5;
    return reg(c, base) + signed_displacement(c, mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

static unsigned address_bits(const struct operand_case *c)
{
    if (!c->address_prefix)
        return c->code_bits;
    return c->code_bits == 32 ? 16 : 32;
}

static uint64_t reference(const struct operand_case *c, uint64_t next_rip, uint8_t *segment)
{
    unsigned bits = address_bits(c);
    bool stack;
    uint64_t offset = bits == 16 ? offset16(c, &stack) : offset_wide(c, next_rip, &stack);

    if (bits == 32)
        offset &= 0xFFFFFFFF;
    *segment = stack ? SEVC_SS : SEVC_DS;
    if (c->segment == 0x2E && c->code_bits != 64)
        *segment = SEVC_CS;
    if (c->segment != 0x64 && c->segment != 0x65)
        return offset;
    *segment = c->segment == 0x64 ? SEVC_FS : SEVC_GS;
    offset += c->segment == 0x64 ? test_registers.fs_base : test_registers.gs_base;
    return c->code_bits == 64 ? offset : offset & 0xFFFFFFFF;
}

static size_t encode(const struct operand_case *c, uint8_t *bytes)
{
    size_t count = 0;

    memset(bytes, 0x77, SEVC_INSN_MAX_BYTES);
    if (c->segment)
        bytes[count++] = c->segment;
    if (c->address_prefix)
        bytes[count++] = 0x67;
    if (c->rex)
        bytes[count++] = c->rex;
    bytes[count++] = 0x8B;
    bytes[count++] = c->modrm;
    if ((c->modrm & 7) == 4 && address_bits(c) != 16)
        bytes[count++] = c->sib;
    memcpy(bytes + count, &c->displacement, sizeof(c->displacement));
    return count;
}

static void check(const struct operand_case *c)
{
    uint8_t bytes[SEVC_INSN_MAX_BYTES], segment;
    size_t before_displacement = encode(c, bytes);
    struct sevc_insn insn;
    uint64_t ours, theirs;

    if (sevc_decode(bytes, sizeof(bytes), c->code_bits, &insn) != SEVC_OK ||
        insn.kind != SEVC_INSN_LOAD) {
        test_fail(bytes, sizeof(bytes), "%u-bit: not decoded as a load", c->code_bits);
        return;
    }
    ours = sevc_linear_address(&insn, &c->trap);
    /* RIP-relative is always the form with four bytes of displacement. */
    theirs = reference(c, c->trap.rip + before_displacement + 4, &segment);
    if (ours != theirs || insn.memory.segment != segment)
        test_fail(bytes, insn.length, "%u-bit: %u:%#llx, by the tables %u:%#llx", c->code_bits,
                  insn.memory.segment, (unsigned long long)ours, segment,
                  (unsigned long long)theirs);
    else
        test_count();
}

/* Registers near zero, near the top, near the end of 4 GiB, and anywhere. */
static void fill_registers(struct sevc_trap *trap, unsigned set)
{
    static const uint64_t starts[4] = { 0x100, 0xFFFFFFFFFFFFFF80, 0xFFFFFFF0, 0x9E3779B97F4A7C15 };
    static const uint64_t steps[4] = { 0x1123, 0x7, 0x100000003, 0xD1B54A32D192ED03 };

    for (unsigned i = 0; i < 16; i++)
        *sevc_trap_gpr(trap, i) = starts[set] + i * steps[set];
    trap->gpr[SEVC_RSP] = 0xDEADDEADDEADDEAD; /* not the register: rsp is */
    trap->rip = set == 1 ? 0xFFFFFFFFFFFFFFF0 : 0xFFFFFFFF81234567;
}

static void sweep_operands(struct operand_case *c)
{
    for (unsigned modrm = 0; modrm < 0xC0; modrm++) {
        bool sib = (modrm & 7) == 4 && address_bits(c) != 16;

        c->modrm = (uint8_t)modrm;
        if (((modrm >> 3) & 7) != ((modrm >> 6) + 1))
            continue; /* the register has no part in the address: a different one for each mod */
        for (unsigned i = 0; i < (sib ? 256 : 1); i++) {
            c->sib = (uint8_t)i;
            check(c);
        }
    }
}

static void sweep_prefixes(struct operand_case *c)
{
    static const uint8_t segments[] = { 0, 0x2E, 0x64, 0x65 };

    for (size_t s = 0; s < ARRAY_LENGTH(segments); s++) {
        for (unsigned rex = 0x3F; rex < (c->code_bits == 64 ? 0x50 : 0x40); rex++) {
            c->segment = segments[s];
            c->rex = rex == 0x3F ? 0 : (uint8_t)rex;
            c->address_prefix = false;
            sweep_operands(c);
            c->address_prefix = true;
            sweep_operands(c);
        }
    }
}

static void test_mode(const char *name, unsigned code_bits, size_t at_least)
{
    static const uint32_t displacements[] = { 0x7F, 0x80, 0xFFFFFF80, 0x80000000, 0x12345678 };
    struct operand_case c = { .code_bits = code_bits };

    test_begin(name);
    test_registers.code_bits = code_bits;
    test_registers.fs_base = code_bits == 64 ? 0xFFFF888012345000 : 0xF2345000;
    test_registers.gs_base = 0xFFFFF000;
    for (unsigned set = 0; set < 4; set++) {
        fill_registers(&c.trap, set);
        for (size_t d = 0; d < ARRAY_LENGTH(displacements); d++) {
            c.displacement = displacements[d];
            sweep_prefixes(&c);
        }
        test_progress(set + 1, 4);
    }
    test_end(at_least);
}

int main(void)
{
    test_mode("the address is the one of the manual's tables, 64-bit code", 64, 2000000);
    test_mode("the address is the one of the manual's tables, 32-bit code", 32, 60000);
    test_mode("the address is the one of the manual's tables, 16-bit code", 16, 60000);
    return test_status();
}
