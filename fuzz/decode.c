/* SPDX-License-Identifier: MIT */
/*
 * The decoder: 15 bytes and a mode, against a full Zydis with operands (tests/decode/oracle.h). How
 * the two may differ, and why, is in tests/decode/test_opcode_space.c and docs/decoder.md.
 */
#include <stdbool.h>
#include <stdlib.h>

#include <sevc/sevc.h>

#include "../tests/decode/oracle.h"
#include "env/finding.h"
#include "env/input.h"

static unsigned mode;

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return which == SEVC_OS_CODE_BITS ? mode : 0x123456789A000ull;
}

/* The opcode, behind the prefixes that come before it. */
static const uint8_t *opcode_of(const uint8_t *bytes, size_t size, unsigned code_bits)
{
    static const uint8_t legacy[] = { 0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x2E,
                                      0x36, 0x3E, 0x26, 0x64, 0x65 };
    size_t at = 0;

    for (; at < size; at++) {
        bool rex = code_bits == 64 && (bytes[at] & 0xF0) == 0x40;

        if (!rex && memchr(legacy, bytes[at], sizeof(legacy)) == NULL) {
            break;
        }
    }
    return bytes + (at < size ? at : 0);
}

/* Zydis is mistaken, or does not know, or the two mean to differ. */
static bool may_differ(const uint8_t *opcode, const struct sevc_insn *ours, enum sevc_result result,
                       const struct oracle *theirs)
{
    bool group_7 = opcode[0] == 0x0F && opcode[1] == 0x01;
    bool evex = opcode[0] == 0x62;
    bool wbinvd = opcode[0] == 0x0F && opcode[1] == 0x09;
    bool absent = strcmp(theirs->mnemonic, "ptwrite") == 0 ||   /* from every AMD processor */
                  strncmp(theirs->mnemonic, "clevict", 7) == 0; /* Knights Corner's */

    return group_7 || evex || wbinvd || absent ||
           (result == SEVC_OK && ours->kind == SEVC_INSN_OUTS);
}

static void compare(const uint8_t *opcode, const struct sevc_insn *ours, enum sevc_result result,
                    const struct oracle *oracle)
{
    const struct sevc_insn *theirs = &oracle->insn;

    if (may_differ(opcode, ours, result, oracle)) {
        return;
    }
    FUZZ_CHECK(result == oracle->result, "oracle", "result %d, Zydis says %d (%s)", (int)result,
               (int)oracle->result, oracle->mnemonic);
    if (result != SEVC_OK) {
        return;
    }
    FUZZ_CHECK(ours->kind == theirs->kind && ours->length == theirs->length, "oracle",
               "kind %u, length %u; Zydis says %u, %u (%s)", ours->kind, ours->length, theirs->kind,
               theirs->length, oracle->mnemonic);
    if (ours->kind == SEVC_INSN_OTHER || ours->kind == SEVC_INSN_VECTOR) {
        return;
    }
    FUZZ_CHECK(ours->address_bytes == theirs->address_bytes &&
                   ours->data_bytes == theirs->data_bytes &&
                   ours->register_bytes == theirs->register_bytes,
               "oracle", "widths of %s", oracle->mnemonic);
    FUZZ_CHECK(ours->reg == theirs->reg && ours->high_byte == theirs->high_byte &&
                   ours->dr == theirs->dr,
               "oracle", "registers of %s", oracle->mnemonic);
    FUZZ_CHECK(ours->immediate == theirs->immediate && ours->rep == theirs->rep &&
                   ours->repne == theirs->repne && ours->locked == theirs->locked &&
                   ours->operation == theirs->operation && ours->source == theirs->source &&
                   ours->to_register == theirs->to_register &&
                   ours->sign_extend == theirs->sign_extend &&
                   ours->byte_swap == theirs->byte_swap && ours->bit_offset == theirs->bit_offset,
               "oracle", "operation of %s", oracle->mnemonic);
    FUZZ_CHECK(ours->memory.displacement == theirs->memory.displacement &&
                   ours->memory.index == theirs->memory.index &&
                   ours->memory.scale == theirs->memory.scale &&
                   ours->memory.segment == theirs->memory.segment &&
                   ours->memory.rip_relative == theirs->memory.rip_relative,
               "oracle", "memory operand of %s", oracle->mnemonic);
    /* 67 REX.B with a base-less SIB: Zydis takes R13D for the base; the processor does not. */
    FUZZ_CHECK(ours->memory.base == theirs->memory.base || theirs->memory.base == SEVC_R13,
               "oracle", "base register of %s", oracle->mnemonic);
}

/* What the callers rely on. */
static void check_fields(const struct sevc_insn *insn)
{
    unsigned exits = 0;

    FUZZ_CHECK(insn->length >= 1 && insn->length <= SEVC_INSN_MAX_BYTES, "fields", "length %u",
               insn->length);
    FUZZ_CHECK(insn->kind < SEVC_INSN_KIND_COUNT && insn->reg < 16 && insn->dr < 8 &&
                   insn->segment <= SEVC_GS && insn->memory.segment <= SEVC_GS,
               "fields", "kind %u, register %u", insn->kind, insn->reg);
    if (insn->kind >= SEVC_INSN_IN && insn->kind <= SEVC_INSN_SCAS) {
        uint8_t bytes = insn->data_bytes;
        uint8_t address = insn->address_bytes;

        FUZZ_CHECK(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8, "fields",
                   "%u bytes of data", bytes);
        FUZZ_CHECK(address == 2 || address == 4 || address == 8, "fields", "%u bytes of address",
                   address);
        FUZZ_CHECK(insn->kind > SEVC_INSN_OUTS || bytes != 8, "fields", "a port of 8 bytes");
    }
    for (uint64_t exit_code = 0; exit_code < 0x410; exit_code++) {
        exits += sevc_insn_agrees(exit_code, insn);
    }
    FUZZ_CHECK(exits <= 1 && (exits == 0 || !insn->locked), "fields", "agrees with %u exits",
               exits);
}

static void check_address(const struct sevc_insn *insn, struct fuzz_input *input)
{
    struct sevc_trap trap;
    uint64_t va;

    fuzz_take(input, &trap, sizeof(trap));
    va = sevc_linear_address(insn, &trap);
    if (insn->address_bytes != 8 && insn->memory.segment < SEVC_FS) {
        FUZZ_CHECK(va >> (8 * insn->address_bytes) == 0, "address", "0x%lx is wider than %u bytes",
                   va, insn->address_bytes);
    }
    (void)sevc_string_address(insn, &trap, SEVC_RSI);
    (void)sevc_string_address(insn, &trap, SEVC_RDI);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t modes[] = { 64, 32, 16, 64 };
    struct fuzz_input input = { data, size };
    struct sevc_insn insn = { 0 }, again = { 0 };
    struct oracle oracle;
    uint8_t padded[SEVC_INSN_MAX_BYTES + 4] = { 0 }; /* for a look behind the last prefix */
    uint8_t *window;
    enum sevc_result result;
    size_t available;

    mode = modes[fuzz_take_u8(&input) % 4];
    available = input.left < SEVC_INSN_MAX_BYTES ? input.left : SEVC_INSN_MAX_BYTES;
    fuzz_take(&input, padded, available);
    window = malloc(available + (available == 0)); /* no byte more: reading beyond is noticed */
    if (window == NULL) {
        return 0;
    }
    memcpy(window, padded, available);
    result = sevc_decode(window, available, mode, &insn);
    FUZZ_CHECK(result == SEVC_OK || result == SEVC_RETRY || result == SEVC_BAD_INSN, "fields",
               "result %d", (int)result);
    oracle_decode(window, available, mode, &oracle);
    if (result == SEVC_RETRY && oracle.result == SEVC_BAD_INSN &&
        !may_differ(opcode_of(padded, available, mode), &insn, result, &oracle)) {
        /* Zydis sees before the last byte is there that there would be more than fifteen. */
        FUZZ_CHECK(sevc_decode(padded, SEVC_INSN_MAX_BYTES, mode, &again) == SEVC_BAD_INSN,
                   "oracle", "more bytes asked for, and Zydis wants none");
    } else {
        compare(opcode_of(padded, available, mode), &insn, result, &oracle);
    }
    if (result == SEVC_OK) {
        check_fields(&insn);
        check_address(&insn, &input);
        FUZZ_CHECK(sevc_decode(window, insn.length, mode, &again) == SEVC_OK &&
                       again.length == insn.length && again.kind == insn.kind,
                   "prefix", "%u bytes are not enough for it", insn.length);
        FUZZ_CHECK(sevc_decode(window, insn.length - 1u, mode, &again) != SEVC_OK, "prefix",
                   "%u bytes are enough for an instruction of %u", insn.length - 1u, insn.length);
    }
    free(window);
    return 0;
}
