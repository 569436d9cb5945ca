/* SPDX-License-Identifier: MIT */
/*
 * binutils as the second oracle: objdump disassembles what sevc_decode() gives a meaning, and its
 * mnemonic, the length and the size of the memory operand must fit. It knows VMGEXIT and WBNOINVD,
 * which Zydis does not.
 *
 * Usage: test_binutils OBJDUMP
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

enum {
    SLOT = 32, /* bytes for each instruction: itself, then NOPs until objdump is in step again */
    MAX_INSNS = 120000,
    MAX_MNEMONIC = 32,
};

/* One instruction's line of objdump's listing. */
struct listing {
    uint8_t length;
    uint8_t memory_bytes; /* by "DWORD PTR" and the like; 0: none named */
    bool bad;
    char mnemonic[MAX_MNEMONIC]; /* the last word before the operands: prefixes are left out */
};

static uint8_t blob[(size_t)MAX_INSNS * SLOT];
static uint32_t opcode_of[MAX_INSNS];
static struct listing listings[MAX_INSNS];
static size_t insns;

/* ---- what to disassemble ---- */

static const uint8_t prefixes[][6] = {
    /* count first */
    { 0 },
    { 1, 0x66 },
    { 1, 0x67 },
    { 1, 0xF2 },
    { 1, 0xF3 },
    { 1, 0x2E },
    { 1, 0x64 },
    { 1, 0x65 },
    { 1, 0x48 },
    { 1, 0x41 },
    { 1, 0x44 },
    { 1, 0x4F },
    { 2, 0x66, 0x67 },
    { 2, 0x66, 0xF3 },
    { 2, 0xF3, 0x66 },
    { 2, 0xF2, 0x48 },
    { 2, 0x66, 0x48 },
    { 2, 0x67, 0x45 },
    { 2, 0x65, 0x67 },
    { 3, 0xF3, 0x66, 0x41 },
};

/* Opcodes that sevc knows, and neighbours that it must not take for them. */
static const uint32_t opcodes[] = {
    0x6C,  0x6D,  0x6E,  0x6F,  0xE4,  0xE5,  0xE6,  0xE7,  0xEC,    0xED,    0xEE,    0xEF,
    0x63,  0x88,  0x89,  0x8A,  0x8B,  0x8C,  0x8D,  0xA0,  0xA1,    0xA2,    0xA3,    0xC6,
    0xC7,  0x31,  0x33,  0xF01, 0xF08, 0xF09, 0xF0B, 0xF20, 0xF21,   0xF22,   0xF23,   0xF30,
    0xF31, 0xF32, 0xF33, 0xF34, 0xFA2, 0xFA3, 0xFB6, 0xFB7, 0xFBE,   0xFBF,   0xFB8,   0xFC7,
    0xF10, 0xF6F, 0xFAE, 0x00,  0x01,  0x02,  0x03,  0x04,  0x08,    0x09,    0x0A,    0x0B,
    0x10,  0x11,  0x12,  0x13,  0x18,  0x19,  0x1A,  0x1B,  0x20,    0x21,    0x22,    0x23,
    0x28,  0x29,  0x2A,  0x2B,  0x30,  0x32,  0x38,  0x39,  0x3A,    0x3B,    0x3C,    0x80,
    0x81,  0x83,  0x84,  0x85,  0x86,  0x87,  0xA4,  0xA5,  0xA6,    0xA7,    0xA8,    0xAA,
    0xAB,  0xAC,  0xAD,  0xAE,  0xAF,  0xF6,  0xF7,  0xFE,  0xFF,    0xF0D,   0xF18,   0xFAB,
    0xFB0, 0xFB1, 0xFB3, 0xFBA, 0xFBB, 0xFC0, 0xFC1, 0xFC3, 0xF38F0, 0xF38F1, 0xF38F2,
};

static void add_insn(const uint8_t *prefix, uint32_t opcode, uint8_t modrm)
{
    uint8_t *at = blob + insns * SLOT;

    if (insns == MAX_INSNS) {
        fprintf(stderr, "test_binutils: MAX_INSNS is too small\n");
        exit(EXIT_FAILURE);
    }
    opcode_of[insns] = opcode;
    memset(at, 0x90, SLOT);
    memcpy(at, prefix + 1, prefix[0]);
    at += prefix[0];
    if (opcode > 0xFF)
        *at++ = 0x0F;
    if (opcode > 0xFFF)
        *at++ = 0x38;
    *at++ = (uint8_t)opcode;
    *at++ = modrm;
    *at++ = 0x8C; /* a SIB byte, or displacement, or immediate */
    insns++;
}

static void fill_blob(void)
{
    insns = 0;
    for (size_t p = 0; p < ARRAY_LENGTH(prefixes); p++) {
        for (size_t i = 0; i < ARRAY_LENGTH(opcodes); i++) {
            /* Coprime to 8: every ModRM.reg and every ModRM.rm. */
            unsigned step = opcodes[i] == 0xF01 ? 1 : 13;

            for (unsigned modrm = 0; modrm < 256; modrm += step)
                add_insn(prefixes[p], opcodes[i], (uint8_t)modrm);
        }
    }
}

/* ---- objdump ---- */

static uint8_t named_bytes(const char *operands)
{
    static const struct {
        const char *name;
        uint8_t bytes;
    } sizes[] = {
        { " BYTE PTR", 1 }, { " WORD PTR", 2 }, { " DWORD PTR", 4 }, { " QWORD PTR", 8 },
        { ",BYTE PTR", 1 }, { ",WORD PTR", 2 }, { ",DWORD PTR", 4 }, { ",QWORD PTR", 8 },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        if (strstr(operands, sizes[i].name))
            return sizes[i].bytes;
    }
    return 0;
}

static bool is_prefix_word(const char *word)
{
    static const char *const words[] = { "rep",      "repz",     "repnz",  "lock", "data16",
                                         "addr32",   "addr16",   "data32", "bnd",  "notrack",
                                         "xacquire", "xrelease", "cs",     "ds",   "es",
                                         "ss",       "fs",       "gs" };

    if (strncmp(word, "rex", 3) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

/* TEXT: "rep outs DX,DWORD PTR ds:[rsi]". */
static void read_text(char *text, struct listing *listing)
{
    char *rest = text, *word;

    listing->bad = strstr(text, "(bad)") != NULL;
    listing->memory_bytes = 0;
    while ((word = strsep(&rest, " \t\n")) != NULL && (*word == '\0' || is_prefix_word(word)))
        ;
    snprintf(listing->mnemonic, sizeof(listing->mnemonic), "%s", word ? word : "");
    if (rest) {
        rest[-1] = ' ';
        listing->memory_bytes = named_bytes(rest - 1);
    }
}

/* LINE: " offset:\tbytes\ttext". */
static void read_line(char *line)
{
    char *colon = strchr(line, ':'), *tab, *text;
    unsigned long offset = strtoul(line, NULL, 16);
    uint8_t length = 0;

    if (!colon || colon[1] != '\t' || offset % SLOT != 0 || offset / SLOT >= insns)
        return;
    text = strchr(colon + 2, '\t');
    if (!text)
        return;
    for (tab = colon + 2; tab < text; tab++)
        length = (uint8_t)(length +
                           (isxdigit((unsigned char)tab[0]) && isxdigit((unsigned char)tab[1])));
    listings[offset / SLOT].length = length;
    read_text(text + 1, &listings[offset / SLOT]);
}

static void disassemble(const char *objdump, unsigned code_bits)
{
    char path[] = "/tmp/sevc-binutils-XXXXXX", command[512], line[512];
    int file = mkstemp(path);
    FILE *pipe;

    memset(listings, 0, sizeof(listings));
    if (file < 0 || write(file, blob, insns * SLOT) != (ssize_t)(insns * SLOT)) {
        fprintf(stderr, "test_binutils: %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    close(file);
    snprintf(command, sizeof(command),
             "'%s' -D -z -w --insn-width=16 -b binary -m i386%s -M intel,amd64 %s", objdump,
             code_bits == 64 ? ":x86-64" : "", path);
    pipe = popen(command, "r");
    while (pipe && fgets(line, sizeof(line), pipe))
        read_line(line);
    if (!pipe || pclose(pipe) != 0) {
        fprintf(stderr, "test_binutils: '%s' failed\n", command);
        exit(EXIT_FAILURE);
    }
    unlink(path);
}

/* ---- comparing ---- */

static const char *const mnemonics[SEVC_INSN_KIND_COUNT] = {
    [SEVC_INSN_CPUID] = "cpuid",       [SEVC_INSN_RDMSR] = "rdmsr",
    [SEVC_INSN_WRMSR] = "wrmsr",       [SEVC_INSN_RDTSC] = "rdtsc",
    [SEVC_INSN_RDTSCP] = "rdtscp",     [SEVC_INSN_RDPMC] = "rdpmc",
    [SEVC_INSN_INVD] = "invd",         [SEVC_INSN_WBINVD] = "wbinvd",
    [SEVC_INSN_WBNOINVD] = "wbnoinvd", [SEVC_INSN_MONITOR] = "monitor",
    [SEVC_INSN_MONITORX] = "monitorx", [SEVC_INSN_MWAIT] = "mwait",
    [SEVC_INSN_MWAITX] = "mwaitx",     [SEVC_INSN_VMMCALL] = "vmmcall",
    [SEVC_INSN_VMGEXIT] = "vmgexit",   [SEVC_INSN_IN] = "in",
    [SEVC_INSN_OUT] = "out",           [SEVC_INSN_INS] = "ins",
    [SEVC_INSN_OUTS] = "outs",         [SEVC_INSN_STORE_IMM] = "mov",
    [SEVC_INSN_READ_DR] = "mov",       [SEVC_INSN_WRITE_DR] = "mov",
    [SEVC_INSN_MOVS] = "movs",         [SEVC_INSN_STOS] = "stos",
    [SEVC_INSN_LODS] = "lods",         [SEVC_INSN_CMPS] = "cmps",
    [SEVC_INSN_SCAS] = "scas",
};

static const char *const operations[] = {
    [SEVC_ALU_ADD] = "add", [SEVC_ALU_OR] = "or",   [SEVC_ALU_ADC] = "adc",
    [SEVC_ALU_SBB] = "sbb", [SEVC_ALU_AND] = "and", [SEVC_ALU_SUB] = "sub",
    [SEVC_ALU_XOR] = "xor", [SEVC_ALU_CMP] = "cmp", [SEVC_ALU_TEST] = "test",
    [SEVC_ALU_NOT] = "not", [SEVC_ALU_NEG] = "neg", [SEVC_ALU_INC] = "inc",
    [SEVC_ALU_DEC] = "dec", [SEVC_ALU_BT] = "bt",   [SEVC_ALU_BTS] = "bts",
    [SEVC_ALU_BTR] = "btr", [SEVC_ALU_BTC] = "btc",
};

/* Prefixes of names: PREFETCH, PREFETCHW, ...; CMPXCHG, CMPXCHG8B, ... */
static bool is_hint(const char *mnemonic)
{
    return strncmp(mnemonic, "prefetch", 8) == 0 || strncmp(mnemonic, "clflush", 7) == 0 ||
           strcmp(mnemonic, "clwb") == 0;
}

static bool is_atomic(const char *mnemonic)
{
    return strcmp(mnemonic, "xchg") == 0 || strncmp(mnemonic, "cmpxchg", 7) == 0 ||
           strcmp(mnemonic, "xadd") == 0;
}

/* MOV, MOVZX, MOVSX, MOVSXD; objdump calls the form with an eight-byte offset MOVABS. */
static bool is_load(const char *mnemonic, uint32_t opcode)
{
    switch (opcode) {
    case 0x63:
        return strcmp(mnemonic, "movsxd") == 0;
    case 0xFB6:
    case 0xFB7:
        return strcmp(mnemonic, "movzx") == 0;
    case 0xFBE:
    case 0xFBF:
        return strcmp(mnemonic, "movsx") == 0;
    case 0xFC3:
        return strcmp(mnemonic, "movnti") == 0;
    case 0xF38F0:
    case 0xF38F1:
        return strcmp(mnemonic, "movbe") == 0;
    default:
        return strcmp(mnemonic, "mov") == 0 ||
               (opcode < 0xA4 && opcode >= 0xA0 && strcmp(mnemonic, "movabs") == 0);
    }
}

static bool is_named(const struct sevc_insn *insn, const struct listing *listing, uint32_t opcode)
{
    if (insn->kind == SEVC_INSN_LOAD || insn->kind == SEVC_INSN_STORE)
        return is_load(listing->mnemonic, opcode);
    if (insn->kind == SEVC_INSN_ALU)
        return strcmp(listing->mnemonic, operations[insn->operation]) == 0;
    if (insn->kind == SEVC_INSN_HINT)
        return is_hint(listing->mnemonic);
    if (insn->kind == SEVC_INSN_ATOMIC)
        return is_atomic(listing->mnemonic);
    return mnemonics[insn->kind] && strcmp(listing->mnemonic, mnemonics[insn->kind]) == 0;
}

/* Does objdump's line name an instruction that sevc must not have missed? */
static bool is_known(const struct listing *listing)
{
    for (unsigned kind = SEVC_INSN_CPUID; kind < SEVC_INSN_KIND_COUNT; kind++) {
        if (mnemonics[kind] && strcmp(mnemonics[kind], "mov") != 0 &&
            strcmp(listing->mnemonic, mnemonics[kind]) == 0)
            return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(operations) && listing->memory_bytes != 0; i++) {
        if (strcmp(listing->mnemonic, operations[i]) == 0)
            return true;
    }
    if (is_hint(listing->mnemonic))
        return true;
    return listing->memory_bytes != 0 &&
           (strcmp(listing->mnemonic, "mov") == 0 || strcmp(listing->mnemonic, "movnti") == 0 ||
            strcmp(listing->mnemonic, "movbe") == 0 || is_atomic(listing->mnemonic));
}

struct outcome {
    const struct sevc_insn *insn; /* valid if RESULT is OK */
    const struct listing *listing;
    uint32_t opcode;
    enum sevc_result result;
    bool meaning; /* a kind other than OTHER and VECTOR */
};

static bool is_refused_by_both(const struct outcome *o)
{
    return o->listing->bad && !o->meaning;
}

static bool is_debug_register(const struct outcome *o)
{
    return o->result == SEVC_BAD_INSN && strcmp(o->listing->mnemonic, "mov") == 0;
}

static bool is_monitor_with_prefix(const struct outcome *o)
{
    return o->result == SEVC_OK && o->insn->kind == SEVC_INSN_OTHER && o->insn->length > 3 &&
           (strncmp(o->listing->mnemonic, "monitor", 7) == 0 ||
            strncmp(o->listing->mnemonic, "mwait", 5) == 0);
}

static bool is_segment_move(const struct outcome *o)
{
    return o->opcode == 0x8C && !o->meaning;
}

static bool is_wbinvd_with_66(const struct outcome *o)
{
    return o->result == SEVC_OK && o->insn->kind == SEVC_INSN_WBINVD && o->listing->bad;
}

static const struct {
    const char *reason;
    bool (*applies)(const struct outcome *outcome);
} exclusions[] = {
    { "refused by both", is_refused_by_both },
    { "MOV DR8 to DR15, MOV CR: objdump prints db8; the processor raises #UD", is_debug_register },
    { "MONITOR, MWAIT with 66, F2, F3: ours is stricter (T70)", is_monitor_with_prefix },
    { "MOV of a segment register: OTHER to sevc", is_segment_move },
    { "66 0F 09: objdump refuses it, the processor does not", is_wbinvd_with_66 },
};

static void compare(const uint8_t *bytes, const struct listing *listing, uint32_t opcode,
                    unsigned code_bits)
{
    struct sevc_insn insn;
    enum sevc_result result = sevc_decode(bytes, SEVC_INSN_MAX_BYTES, code_bits, &insn);
    bool meaning =
        result == SEVC_OK && insn.kind != SEVC_INSN_OTHER && insn.kind != SEVC_INSN_VECTOR;
    struct outcome outcome = { &insn, listing, opcode, result, meaning };
    bool same;

    if (meaning)
        same = !listing->bad && is_named(&insn, listing, opcode) &&
               insn.length == listing->length &&
               (listing->memory_bytes == 0 || insn.data_bytes == listing->memory_bytes ||
                insn.kind == SEVC_INSN_HINT);
    else
        same = !listing->bad && !is_known(listing);
    if (same) {
        test_count();
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(exclusions); i++) {
        if (exclusions[i].applies(&outcome)) {
            test_exclude(exclusions[i].reason);
            return;
        }
    }
    test_fail(bytes, 10, "%u-bit: result %d, kind %u, length %u, data %u; objdump: %s, %u, %u%s",
              code_bits, result, insn.kind, insn.length, insn.data_bytes, listing->mnemonic,
              listing->length, listing->memory_bytes, listing->bad ? ", bad" : "");
}

static void test_mode(const char *name, const char *objdump, unsigned code_bits)
{
    test_begin(name);
    fill_blob();
    disassemble(objdump, code_bits);
    for (size_t i = 0; i < insns; i++)
        compare(blob + i * SLOT, &listings[i], opcode_of[i], code_bits);
    test_end(insns * 8 / 10);
}

int main(int count, char **arguments)
{
    const char *objdump = count > 1 ? arguments[1] : "objdump";

    test_mode("objdump has the same name, length and size, 64-bit code", objdump, 64);
    test_mode("objdump has the same name, length and size, 32-bit code", objdump, 32);
    return test_status();
}
