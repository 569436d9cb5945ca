/* SPDX-License-Identifier: MIT */
/* Cases: an instruction's bytes, and a state in which its memory operands lie in the windows. */
#ifndef ORACLE_GENERATE_H
#define ORACLE_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "forms.h"
#include "memory.h"
#include "native.h"
#include "random.h"

/* What a case exercises; main.c refuses to pass while one of them has not occurred. */
#define ORACLE_TRAITS(X)                                                                           \
    X(OPERAND_66, "66")                                                                            \
    X(ADDRESS_67, "67")                                                                            \
    X(REX, "REX, any")                                                                             \
    X(REX_W, "REX.W")                                                                              \
    X(DEAD_REX, "REX before another prefix: ignored")                                              \
    X(REPEAT, "F2 or F3 on an instruction that ignores it")                                        \
    X(NULL_SEGMENT, "26, 2E, 36, 3E: ignored")                                                     \
    X(FS, "64")                                                                                    \
    X(GS, "65")                                                                                    \
    X(FS_THEN_NULL, "64 or 65 before 26, 2E, 36, 3E")                                              \
    X(BOTH_SEGMENTS, "65 before 64: the last one counts")                                          \
    X(HIGH_BYTE, "AH, CH, DH, BH")                                                                 \
    X(LOW_BYTE, "SPL, BPL, SIL, DIL")                                                              \
    X(REGISTER_RSP, "RSP as the register operand")                                                 \
    X(BASE_RSP, "[rsp]")                                                                           \
    X(BASE_R12, "[r12]")                                                                           \
    X(BASE_R13, "[r13]")                                                                           \
    X(INDEX_R12, "[... + r12 * scale]")                                                            \
    X(NO_INDEX, "SIB without index")                                                               \
    X(NO_BASE, "SIB without base")                                                                 \
    X(NO_BASE_REX_B, "SIB without base, REX.B set")                                                \
    X(ABSOLUTE, "SIB with neither")                                                                \
    X(SAME_BASE_INDEX, "base and index the same register")                                         \
    X(OPERAND_IN_ADDRESS, "register operand also in the address")                                  \
    X(RIP_RELATIVE, "[rip + d]")                                                                   \
    X(RIP_RELATIVE_REX_B, "[rip + d], REX.B set")                                                  \
    X(RIP_RELATIVE_IMM, "[rip + d], an immediate behind it")                                       \
    X(RIP_RELATIVE_67, "[eip + d]")                                                                \
    X(NEGATIVE_8, "negative 8-bit displacement")                                                   \
    X(NEGATIVE_32, "negative 32-bit displacement")                                                 \
    X(WRAPS, "address computation wraps around")                                                   \
    X(CROSSES, "crosses a page")                                                                   \
    X(SPLIT, "crosses into a page that lies elsewhere: refused")                                   \
    X(WINDOW_LOW, "operand below 2 GiB")                                                           \
    X(WINDOW_MIDDLE, "operand between 2 and 4 GiB")                                                \
    X(WINDOW_HIGH, "operand above 4 GiB")                                                          \
    X(CODE_CROSSES, "instruction crosses a page")                                                  \
    X(CODE_ENDS, "nothing mapped behind the instruction")                                          \
    X(TF, "RFLAGS.TF")                                                                             \
    X(RF, "RFLAGS.RF")                                                                             \
    X(DF, "RFLAGS.DF")                                                                             \
    /* The extended group only, from here on. */                                                   \
    X(BASIC_POLICY, "extended instruction with the basic policy: refused")                         \
    X(LOCKED, "LOCK: refused")                                                                     \
    X(BIT_BELOW, "bit offset moves the operand down")                                              \
    X(BIT_ABOVE, "bit offset moves the operand up")                                                \
    X(REP, "REP, REPE, REPNE")                                                                     \
    X(REP_ZERO, "REP with a count of 0")                                                           \
    X(REP_LONG, "REP with more elements than one call serves")                                     \
    X(REP_UPPER_RCX, "REP with 67, bits above ECX set")                                            \
    X(OVERLAP, "source and destination of a string overlap")                                       \
    X(FROM_DEVICE, "string: device to memory")                                                     \
    X(TO_DEVICE, "string: memory to device")                                                       \
    X(DEVICE_TO_DEVICE, "string: device to device")

enum oracle_trait {
#define X(name, text) ORACLE_TRAIT_##name,
    ORACLE_TRAITS(X)
#undef X
        ORACLE_TRAIT_COUNT,
};

#define ORACLE_BASIC_TRAITS ORACLE_TRAIT_BASIC_POLICY /* those before it */

/* Why the library must refuse a case, whatever the instruction. */
enum oracle_refusal {
    ORACLE_NOT_REFUSED,
    ORACLE_REFUSED_SPLIT,  /* see ORACLE_TRAIT_SPLIT */
    ORACLE_REFUSED_POLICY, /* an extended form with SEVC_MMIO_BASIC */
    ORACLE_REFUSED_LOCK,
    ORACLE_REFUSED_FORM, /* ORACLE_NEVER */
};

_Static_assert(ORACLE_TRAIT_COUNT <= 64, "traits are bits of one word");

struct oracle_case {
    const struct oracle_form *form;
    uint64_t number; /* of the case, for its repetition */
    uint64_t traits; /* bits of enum oracle_trait */

    uint8_t bytes[15];
    uint8_t length;
    uint8_t data_bytes; /* of one memory access */
    uint8_t rex;        /* the live one, 0 for none */
    uint8_t modrm, sib; /* as emitted */
    bool has_modrm, has_sib;
    bool code_ends;    /* for the emulation nothing is mapped behind the instruction */
    bool basic_policy; /* else SEVC_MMIO_EXTENDED */
    uint8_t refusal;   /* enum oracle_refusal */
    bool rep;
    uint8_t reads, writes; /* of the device, by each element */

    struct oracle_state start; /* rflags without TF and RF */
    uint64_t tf_rf;            /* TF and RF, for the emulation */
    uint32_t bases;            /* ORACLE_BASE_* */
    uint64_t fs_base;
    uint64_t gs_base;
    uint64_t operand;     /* linear address of the memory operand; of strings unused */
    uint32_t device_mask; /* which windows are unencrypted device memory */
};

/*
 * Makes case NUMBER of SEED for FORM, and fills the memory around its operands. What is mapped must
 * be as oracle_memory_init() left it; the case depends on nothing else.
 */
void oracle_generate(const struct oracle_form *form, uint64_t seed, uint64_t number,
                     struct oracle_case *c);

const char *oracle_trait_name(enum oracle_trait trait);

#endif
