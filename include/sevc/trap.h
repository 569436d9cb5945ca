/* SPDX-License-Identifier: MIT */
/* The interrupted context, as the entry code saves it and as the handlers change it. */
#ifndef SEVC_TRAP_H
#define SEVC_TRAP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Indices into sevc_trap.gpr: the registers' numbers in instruction encodings. */
enum sevc_gpr {
    SEVC_RAX,
    SEVC_RCX,
    SEVC_RDX,
    SEVC_RBX,
    SEVC_RSP, /* gpr[SEVC_RSP] is unused: the interrupted RSP is sevc_trap.rsp */
    SEVC_RBP,
    SEVC_RSI,
    SEVC_RDI,
    SEVC_R8,
    SEVC_R9,
    SEVC_R10,
    SEVC_R11,
    SEVC_R12,
    SEVC_R13,
    SEVC_R14,
    SEVC_R15,
};

/* Segment registers in the order of their encodings, which is also that of IOIO's SW_EXITINFO1. */
enum sevc_segment {
    SEVC_ES,
    SEVC_CS,
    SEVC_SS,
    SEVC_DS,
    SEVC_FS,
    SEVC_GS,
};

/*
 * The frame of a #VC exception. The part from error_code on is what the processor pushes
 * (APM vol. 2, 8.9.3); the registers below it are pushed by the entry code.
 */
struct sevc_trap {
    uint64_t gpr[16];
    uint64_t error_code; /* the SVM exit code */
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};

/* Byte offsets for assembly; src/idt asserts them. */
#define SEVC_TRAP_OFF_ERROR_CODE 128
#define SEVC_TRAP_OFF_RIP        136
#define SEVC_TRAP_OFF_CS         144
#define SEVC_TRAP_BYTES          176

#define SEVC_RFLAGS_CF         (1ull << 0)
#define SEVC_RFLAGS_ZF         (1ull << 6)
#define SEVC_RFLAGS_TF         (1ull << 8)
#define SEVC_RFLAGS_IF         (1ull << 9)
#define SEVC_RFLAGS_DF         (1ull << 10)
#define SEVC_RFLAGS_IOPL_SHIFT 12
#define SEVC_RFLAGS_RF         (1ull << 16)
#define SEVC_RFLAGS_AC         (1ull << 18)

/* The privilege level that was interrupted: 0 to 3. */
static inline unsigned sevc_trap_cpl(const struct sevc_trap *trap)
{
    return (unsigned)(trap->cs & 3);
}

/* The general register with an instruction encoding's number, 0 to 15. */
static inline uint64_t *sevc_trap_gpr(struct sevc_trap *trap, unsigned number)
{
    return number == SEVC_RSP ? &trap->rsp : &trap->gpr[number & 15];
}

/* Its value, for those who must not change the frame. */
static inline uint64_t sevc_trap_gpr_value(const struct sevc_trap *trap, unsigned number)
{
    return number == SEVC_RSP ? trap->rsp : trap->gpr[number & 15];
}

#ifdef __cplusplus
}
#endif

#endif
