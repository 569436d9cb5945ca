/* SPDX-License-Identifier: MIT */
/*
 * The minimal decoder and src/decode against the full one, over the opcode space: every opcode of
 * the one-byte map, 0F, 0F 38 and 0F 3A, every ModRM byte, and prefixes alone, in pairs and in
 * odd orders, in 64-bit, 32-bit and 16-bit code; then every SIB byte for the opcodes with a
 * memory operand. Compared are kind, length, sizes, registers, immediate and memory operand.
 */
#include <stdio.h>
#include <string.h>

#include <sevc/svm.h>

#include "harness.h"
#include "oracle.h"

struct bytes {
    uint8_t count;
    uint8_t at[8];
};

#define BYTES(...)                                                                                 \
    {                                                                                              \
        sizeof((uint8_t[]){ __VA_ARGS__ }),                                                        \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const struct bytes prefixes[] = {
    { 0, { 0 } },
    BYTES(0x66),
    BYTES(0x67),
    BYTES(0xF2),
    BYTES(0xF3),
    BYTES(0xF0),
    BYTES(0x26),
    BYTES(0x2E),
    BYTES(0x36),
    BYTES(0x3E),
    BYTES(0x64),
    BYTES(0x65),
    BYTES(0x40),
    BYTES(0x41),
    BYTES(0x42),
    BYTES(0x44),
    BYTES(0x48),
    BYTES(0x4F),
    BYTES(0x66, 0x67),
    BYTES(0x67, 0x66),
    BYTES(0x66, 0xF3),
    BYTES(0xF3, 0x66),
    BYTES(0x66, 0xF2),
    BYTES(0xF2, 0xF3),
    BYTES(0xF3, 0xF2),
    BYTES(0xF0, 0xF3),
    BYTES(0xF0, 0x66),
    BYTES(0x66, 0x48),
    BYTES(0x48, 0x66),
    BYTES(0xF3, 0x48),
    BYTES(0x67, 0x4F),
    BYTES(0x65, 0x2E),
    BYTES(0x2E, 0x65),
    BYTES(0x64, 0x65),
    BYTES(0x48, 0x40),
    BYTES(0x44, 0x2E),
    BYTES(0xF2, 0x65, 0x66, 0x67, 0x41),
};

static const struct bytes maps[] = {
    { 0, { 0 } },
    BYTES(0x0F),
    BYTES(0x0F, 0x38),
    BYTES(0x0F, 0x3A),
};

/* One case with its two answers, and the first field in which they differ. */
struct outcome {
    const uint8_t *opcode; /* the byte behind the prefixes */
    const char *field;
    const struct oracle *oracle;
    const struct sevc_insn *insn;
    enum sevc_result ours;
    unsigned code_bits;
};

/* Not compared, and why. */
struct exclusion {
    const char *reason;
    bool (*applies)(const struct outcome *outcome);
};

static bool is_group_7(const struct outcome *o)
{
    return o->ours == SEVC_OK && o->opcode[0] == 0x0F && o->opcode[1] == 0x01 &&
           o->opcode[2] >= 0xC0 &&
           (o->insn->kind == SEVC_INSN_OTHER || o->insn->kind == SEVC_INSN_VMGEXIT);
}

static bool is_wbnoinvd(const struct outcome *o)
{
    return o->insn->kind == SEVC_INSN_WBNOINVD && strcmp(o->oracle->mnemonic, "wbinvd") == 0;
}

static bool is_outs_segment(const struct outcome *o)
{
    return o->insn->kind == SEVC_INSN_OUTS && o->insn->segment < SEVC_DS && o->code_bits == 64 &&
           strcmp(o->field, "segment") == 0;
}

static bool is_undefined_evex(const struct outcome *o)
{
    return o->opcode[0] == 0x62 && o->ours == SEVC_OK && o->oracle->result == SEVC_BAD_INSN;
}

static bool is_baseless_sib(const struct outcome *o)
{
    return strcmp(o->field, "memory") == 0 && o->insn->address_bytes == 4 &&
           o->insn->memory.base == SEVC_NO_REGISTER && o->oracle->insn.memory.base == SEVC_R13;
}

static bool is_ptwrite(const struct outcome *o)
{
    return strcmp(o->oracle->mnemonic, "ptwrite") == 0;
}

static bool is_monitor_segment(const struct outcome *o)
{
    return strncmp(o->oracle->mnemonic, "monitor", 7) == 0 && strcmp(o->field, "segment") == 0;
}

static const struct exclusion exclusions[] = {
    { "0F 01 with 66, F2, F3: Zydis takes VMGEXIT for VMMCALL (binutils knows)", is_group_7 },
    { "F3 0F 09: Zydis does not know WBNOINVD (binutils does)", is_wbnoinvd },
    { "OUTS with 26, 2E, 36: ours reports the prefix, for IOIO; the base is 0 all the same",
      is_outs_segment },
    { "EVEX: ours takes every opcode for defined, to refuse it by name", is_undefined_evex },
    { "67 REX.B, base-less SIB: Zydis takes R13D for the base (the processor does not)",
      is_baseless_sib },
    { "F3 0F AE /4: PTWRITE, which AMD does not have, is taken for XSAVE", is_ptwrite },
    { "MONITOR: Zydis has no memory operand for it; test_extended.c has its segments",
      is_monitor_segment },
};

static bool same_memory(const struct sevc_memory_operand *a, const struct sevc_memory_operand *b)
{
    return a->displacement == b->displacement && a->base == b->base && a->index == b->index &&
           a->scale == b->scale && a->segment == b->segment && a->rip_relative == b->rip_relative;
}

/* The first field in which they differ, or NULL. */
static const char *difference(const struct sevc_insn *ours, const struct sevc_insn *theirs)
{
    if (ours->kind != theirs->kind)
        return "kind";
    if (ours->length != theirs->length)
        return "length";
    if (ours->kind == SEVC_INSN_OTHER || ours->kind == SEVC_INSN_VECTOR)
        return NULL;
    if (ours->address_bytes != theirs->address_bytes)
        return "address_bytes";
    if (ours->data_bytes != theirs->data_bytes)
        return "data_bytes";
    if (ours->register_bytes != theirs->register_bytes)
        return "register_bytes";
    if (ours->reg != theirs->reg || ours->high_byte != theirs->high_byte || ours->dr != theirs->dr)
        return "reg";
    if (ours->immediate != theirs->immediate || ours->port_immediate != theirs->port_immediate)
        return "immediate";
    if (ours->sign_extend != theirs->sign_extend)
        return "sign_extend";
    if (ours->rep != theirs->rep || ours->repne != theirs->repne || ours->locked != theirs->locked)
        return "rep, repne, locked";
    if (ours->operation != theirs->operation || ours->source != theirs->source ||
        ours->to_register != theirs->to_register || ours->bit_offset != theirs->bit_offset)
        return "operation";
    if (ours->byte_swap != theirs->byte_swap)
        return "byte_swap";
    if (ours->segment != theirs->segment)
        return "segment";
    return same_memory(&ours->memory, &theirs->memory) ? NULL : "memory";
}

static void compare(const uint8_t *bytes, size_t count, const uint8_t *opcode, unsigned code_bits)
{
    struct oracle oracle;
    struct sevc_insn insn;
    enum sevc_result result;
    const char *field = "result";

    oracle_decode(bytes, count, code_bits, &oracle);
    result = sevc_decode(test_window(bytes, count), count, code_bits, &insn);
    if (result == SEVC_OK && oracle.result == SEVC_OK)
        field = difference(&insn, &oracle.insn);
    else if (result == oracle.result)
        field = NULL;
    if (!field) {
        test_count();
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(exclusions); i++) {
        struct outcome outcome = { opcode, field, &oracle, &insn, result, code_bits };

        if (exclusions[i].applies(&outcome)) {
            test_exclude(exclusions[i].reason);
            return;
        }
    }
    test_fail(bytes, count,
              "%u-bit, %s: result %d kind %u length %u segment %u, oracle %d kind %u length %u "
              "segment %u %s",
              code_bits, field, result, insn.kind, insn.length, insn.segment, oracle.result,
              oracle.insn.kind, oracle.insn.length, oracle.insn.segment, oracle.mnemonic);
}

static size_t append(uint8_t *to, const struct bytes *from)
{
    memcpy(to, from->at, from->count);
    return from->count;
}

/* All ModRM bytes of one opcode, with an asymmetric tail that serves as SIB, disp and imm. */
static void sweep_opcode(const struct bytes *prefix, const struct bytes *map, uint8_t opcode,
                         unsigned code_bits)
{
    static const uint8_t tail[SEVC_INSN_MAX_BYTES] = { 0xA5, 0xF1, 0x82, 0x93, 0xE4, 0x15, 0x26,
                                                       0x37, 0xC8, 0x59, 0x6A, 0x7B, 0x8C, 0x9D };
    uint8_t bytes[SEVC_INSN_MAX_BYTES + 1];
    size_t start = append(bytes, prefix);
    size_t at = start + append(bytes + start, map);

    bytes[at++] = opcode;
    memcpy(bytes + at + 1, tail, (size_t)SEVC_INSN_MAX_BYTES - at - 1);
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        bytes[at] = (uint8_t)modrm;
        compare(bytes, SEVC_INSN_MAX_BYTES, bytes + start, code_bits);
    }
}

static void test_opcodes(const char *name, unsigned code_bits)
{
    test_begin(name);
    for (size_t p = 0; p < ARRAY_LENGTH(prefixes); p++) {
        for (size_t m = 0; m < ARRAY_LENGTH(maps); m++) {
            for (unsigned opcode = 0; opcode < 256; opcode++)
                sweep_opcode(&prefixes[p], &maps[m], (uint8_t)opcode, code_bits);
        }
        test_progress(p + 1, ARRAY_LENGTH(prefixes));
    }
    test_end(ARRAY_LENGTH(prefixes) * ARRAY_LENGTH(maps) * 256 * 256 * 9 / 10);
}

/* Opcodes with a memory operand, each with every ModRM and, where there is one, SIB byte. */
static const struct bytes memory_opcodes[] = {
    BYTES(0x88),
    BYTES(0x89),
    BYTES(0x8A),
    BYTES(0x8B),
    BYTES(0xC6),
    BYTES(0xC7),
    BYTES(0x63),
    BYTES(0x0F, 0xB6),
    BYTES(0x0F, 0xB7),
    BYTES(0x0F, 0xBE),
    BYTES(0x0F, 0xBF),
    BYTES(0x01),
    BYTES(0x3A),
    BYTES(0x80),
    BYTES(0x81),
    BYTES(0x83),
    BYTES(0x84),
    BYTES(0x87),
    BYTES(0xF6),
    BYTES(0xF7),
    BYTES(0xFE),
    BYTES(0xFF),
    BYTES(0x0F, 0x0D),
    BYTES(0x0F, 0x18),
    BYTES(0x0F, 0xA3),
    BYTES(0x0F, 0xAE),
    BYTES(0x0F, 0xB1),
    BYTES(0x0F, 0xBA),
    BYTES(0x0F, 0xC3),
    BYTES(0x0F, 0xC7),
    BYTES(0x0F, 0x38, 0xF0),
    BYTES(0x0F, 0x38, 0xF1),
};

static const struct bytes operand_prefixes[] = {
    { 0, { 0 } }, BYTES(0x66),       BYTES(0x67),       BYTES(0x64),
    BYTES(0x2E),  BYTES(0x66, 0x67), BYTES(0x67, 0x65),
};

static void sweep_operands(uint8_t *bytes, size_t opcode_at, size_t modrm_at, unsigned code_bits)
{
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        bool sib = (modrm & 7) == 4 && modrm < 0xC0;

        bytes[modrm_at] = (uint8_t)modrm;
        for (unsigned i = 0; i < (sib ? 256 : 1); i++) {
            bytes[modrm_at + 1] = (uint8_t)i;
            compare(bytes, SEVC_INSN_MAX_BYTES, bytes + opcode_at, code_bits);
        }
    }
}

static void test_operands(const char *name, unsigned code_bits)
{
    /* Displacements and immediates that are negative, and asymmetric. */
    uint8_t bytes[SEVC_INSN_MAX_BYTES];
    unsigned rex_end = code_bits == 64 ? 0x50 : 0x40;

    test_begin(name);
    for (size_t p = 0; p < ARRAY_LENGTH(operand_prefixes); p++) {
        for (unsigned rex = 0x3F; rex < rex_end; rex++) { /* 3F stands for none */
            for (size_t m = 0; m < ARRAY_LENGTH(memory_opcodes); m++) {
                size_t opcode_at = append(bytes, &operand_prefixes[p]);
                size_t modrm_at;

                memset(bytes + opcode_at, 0x9C, sizeof(bytes) - opcode_at);
                if (rex != 0x3F)
                    bytes[opcode_at++] = (uint8_t)rex;
                modrm_at = opcode_at + append(bytes + opcode_at, &memory_opcodes[m]);
                sweep_operands(bytes, opcode_at, modrm_at, code_bits);
            }
        }
        test_progress(p + 1, ARRAY_LENGTH(operand_prefixes));
    }
    test_end(code_bits == 64 ? 8000000 : 400000);
}

static void sweep_lengths(const uint8_t *bytes, size_t opcode_at, unsigned code_bits)
{
    for (size_t count = 0; count < SEVC_INSN_MAX_BYTES; count++)
        compare(bytes, count, bytes + opcode_at, code_bits);
}

/* Every place where the bytes can end; test_window() ends the program if more are read. */
static void test_lengths(const char *name, unsigned code_bits)
{
    static const uint8_t sibs[] = { 0x24, 0x25, 0x8C };
    uint8_t bytes[SEVC_INSN_MAX_BYTES];

    test_begin(name);
    for (size_t p = 0; p < ARRAY_LENGTH(operand_prefixes); p++) {
        for (size_t m = 0; m < ARRAY_LENGTH(memory_opcodes); m++) {
            size_t at = append(bytes, &operand_prefixes[p]), modrm_at;

            memset(bytes + at, 0x9C, sizeof(bytes) - at);
            modrm_at = at + append(bytes + at, &memory_opcodes[m]);
            for (unsigned modrm = 0; modrm < 256; modrm++) {
                bytes[modrm_at] = (uint8_t)modrm;
                for (size_t i = 0; i < ARRAY_LENGTH(sibs); i++) {
                    bytes[modrm_at + 1] = sibs[i];
                    sweep_lengths(bytes, at, code_bits);
                }
            }
        }
        test_progress(p + 1, ARRAY_LENGTH(operand_prefixes));
    }
    test_end(2000000);
}

/* One EVEX instruction with the ModRM forms that differ in length. */
static void sweep_evex(uint8_t *bytes, unsigned code_bits)
{
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        if (((modrm >> 3) & 7) != 1 && (modrm & 7) != 5)
            continue;
        bytes[5] = (uint8_t)modrm;
        compare(bytes, SEVC_INSN_MAX_BYTES, bytes, code_bits);
    }
}

static void test_evex(const char *name, unsigned code_bits)
{
    uint8_t bytes[SEVC_INSN_MAX_BYTES] = { 0x62, 0, 0, 0, 0, 0, 0xA5, 0xF1, 0x82, 0x93 };

    test_begin(name);
    for (unsigned map = 1; map <= 6; map++) {
        for (unsigned form = 0; form < 48; form++) { /* pp, W, L'L below 3, b */
            unsigned vector_length = (form >> 4) % 3;

            bytes[1] = (uint8_t)(0xF0 | map);
            bytes[2] = (uint8_t)(0x7C | (form & 3) | (form & 4) << 5);
            bytes[3] = (uint8_t)(0x08 | vector_length << 5 | (form & 8) << 1);
            for (unsigned opcode = 0; opcode < 256; opcode++) {
                bytes[4] = (uint8_t)opcode;
                sweep_evex(bytes, code_bits);
            }
        }
        test_progress(map, 6);
    }
    test_end(400000);
}

int main(void)
{
    test_lengths("bytes that end too soon are too few, 64-bit code", 64);
    test_lengths("bytes that end too soon are too few, 32-bit code", 32);
    test_lengths("bytes that end too soon are too few, 16-bit code", 16);
    test_operands("every memory operand means the same to the full decoder, 64-bit code", 64);
    test_operands("every memory operand means the same to the full decoder, 32-bit code", 32);
    test_operands("every memory operand means the same to the full decoder, 16-bit code", 16);
    test_evex("every AVX-512 instruction has its length and is a vector access, 64-bit code", 64);
    test_evex("every AVX-512 instruction has its length and is a vector access, 32-bit code", 32);
    test_evex("every AVX-512 instruction has its length and is a vector access, 16-bit code", 16);
    test_opcodes("every opcode means the same to the full decoder, 64-bit code", 64);
    test_opcodes("every opcode means the same to the full decoder, 32-bit code", 32);
    test_opcodes("every opcode means the same to the full decoder, 16-bit code", 16);
    return test_status();
}
