/* SPDX-License-Identifier: MIT */
/* Instructions as a #VC handler needs them: what they mean, not how they are written. */
#ifndef SEVC_INSN_H
#define SEVC_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sevc/status.h>
#include <sevc/trap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every instruction that can raise a #VC which sevc handles, or that it refuses by name. */
enum sevc_insn_kind {
    SEVC_INSN_OTHER = 0, /* decoded, of known length, but nothing that sevc handles */
    SEVC_INSN_CPUID,
    SEVC_INSN_RDMSR,
    SEVC_INSN_WRMSR,
    SEVC_INSN_RDTSC,
    SEVC_INSN_RDTSCP,
    SEVC_INSN_RDPMC,
    SEVC_INSN_INVD,
    SEVC_INSN_WBINVD,
    SEVC_INSN_WBNOINVD,
    SEVC_INSN_MONITOR,
    SEVC_INSN_MONITORX,
    SEVC_INSN_MWAIT,
    SEVC_INSN_MWAITX,
    SEVC_INSN_VMMCALL,
    SEVC_INSN_VMGEXIT,  /* never emulated: an injected #VC aimed at the handler's own exit */
    SEVC_INSN_READ_DR,  /* MOV reg, DRn: dr says which */
    SEVC_INSN_WRITE_DR, /* MOV DRn, reg */
    SEVC_INSN_IN,
    SEVC_INSN_OUT,
    SEVC_INSN_INS,
    SEVC_INSN_OUTS,
    /* Instructions with a memory operand, which an NPF exit may concern. */
    SEVC_INSN_LOAD,      /* memory to register, extended as sign_extend and register_bytes say */
    SEVC_INSN_STORE,     /* register to memory, MOVNTI included */
    SEVC_INSN_STORE_IMM, /* immediate to memory */
    SEVC_INSN_ALU,       /* arithmetic, logic, bit test: operation says which */
    SEVC_INSN_MOVS,      /* string instructions: DS:rSI (segment) and ES:rDI */
    SEVC_INSN_STOS,
    SEVC_INSN_LODS,
    SEVC_INSN_CMPS,
    SEVC_INSN_SCAS,
    SEVC_INSN_HINT,   /* CLFLUSH, CLWB, PREFETCH: nothing to do on a device */
    SEVC_INSN_ATOMIC, /* XCHG, CMPXCHG, XADD: refused by name, as LOCK is */
    SEVC_INSN_VECTOR, /* SSE, AVX, x87: refused by name */
    SEVC_INSN_KIND_COUNT
};

/* The operations of SEVC_INSN_ALU; the first eight in the order of their encodings. */
enum sevc_alu_operation {
    SEVC_ALU_ADD,
    SEVC_ALU_OR,
    SEVC_ALU_ADC,
    SEVC_ALU_SBB,
    SEVC_ALU_AND,
    SEVC_ALU_SUB,
    SEVC_ALU_XOR,
    SEVC_ALU_CMP,
    SEVC_ALU_TEST,
    SEVC_ALU_NOT,
    SEVC_ALU_NEG,
    SEVC_ALU_INC,
    SEVC_ALU_DEC,
    SEVC_ALU_BT, /* with a register as bit offset (bit_offset) the memory operand moves with it */
    SEVC_ALU_BTS,
    SEVC_ALU_BTR,
    SEVC_ALU_BTC,
};

/* Where an ALU instruction's other operand comes from. */
enum sevc_alu_source {
    SEVC_SOURCE_NONE, /* NOT, NEG, INC, DEC */
    SEVC_SOURCE_REGISTER,
    SEVC_SOURCE_IMMEDIATE,
};

#define SEVC_NO_REGISTER 0xFF

/* A memory operand: segment base + base + index * scale + displacement. */
struct sevc_memory_operand {
    int64_t displacement; /* sign-extended; of A0-A3 the whole offset */
    uint8_t base;         /* register number, or SEVC_NO_REGISTER */
    uint8_t index;        /* register number, or SEVC_NO_REGISTER */
    uint8_t scale;        /* 1, 2, 4, 8 */
    uint8_t segment;      /* enum sevc_segment, default or overridden; ES..DS have base 0 */
    bool rip_relative;    /* base is the address of the next instruction */
};

struct sevc_insn {
    uint64_t immediate; /* STORE_IMM, ALU: sign-extended to 64 bits; IN and OUT: the port */
    struct sevc_memory_operand memory; /* LOAD, STORE, STORE_IMM, ALU, HINT, ATOMIC */
    uint8_t kind;                      /* enum sevc_insn_kind */
    uint8_t length;                    /* 1 to 15 */
    uint8_t data_bytes;                /* 1, 2, 4, 8: access to memory or port; 0: VECTOR, and */
                                       /* HINT that makes none; 16: ATOMIC, CMPXCHG16B */
    uint8_t register_bytes; /* 1, 2, 4, 8: of the register; LOAD writes it in this width */
    uint8_t address_bytes;  /* 2, 4, 8 */
    uint8_t reg;            /* LOAD, STORE, ALU, DR: register number 0 to 15 */
    uint8_t dr;             /* debug register number, 0 to 7 */
    uint8_t segment;        /* MOVS, LODS, CMPS, MONITOR: SEVC_DS or the override that counts; */
                            /* INS, STOS, SCAS: SEVC_ES; OUTS: SEVC_DS or the override, even */
                            /* where 64-bit mode ignores it: IOIO reports it */
    bool high_byte;         /* reg means AH, CH, DH, BH: bits 15:8 of register reg (0 to 3) */
    bool sign_extend;    /* LOAD: sign-extend, else zero-extend (no matter if widths are equal) */
    bool rep;            /* string instructions and string I/O: F2 or F3 */
    bool port_immediate; /* IN, OUT: the port is the immediate, else DX */
    bool locked;         /* LOCK prefix, of an instruction that may have it */
    uint8_t operation;   /* ALU: enum sevc_alu_operation */
    uint8_t source;      /* ALU: enum sevc_alu_source */
    bool to_register;    /* ALU: the register is the destination, memory the source */
    bool bit_offset;     /* ALU, BT and its kin: the register is a signed bit offset */
    bool byte_swap;      /* LOAD, STORE: MOVBE */
    bool repne;          /* CMPS, SCAS with rep: the prefix was F2, ends when equal */
};

/*
 * Decodes the instruction at the start of BYTES.
 *
 * available_bytes: 0 to 15; the decoder never reads beyond.
 * code_bits: 64, 32 or 16, the mode of the code segment.
 *
 * SEVC_OK           *insn is filled in (kind may be SEVC_INSN_OTHER).
 * SEVC_RETRY        the instruction is longer than the bytes at hand (and than that it may be
 *                   undefined is not yet decided); *insn is not valid.
 * SEVC_BAD_INSN     undefined (LOCK included where it is), or more than 15 bytes; *insn is not
 *                   valid.
 * SEVC_INVALID      code_bits is none of the three.
 *
 * Pure: no state, callable anywhere.
 */
enum sevc_result sevc_decode(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                             struct sevc_insn *insn);

/*
 * Can this instruction raise a #VC with this error code? The host chooses the error code of a #VC
 * that it injects; nothing may be emulated unless this holds (WeSee, CVE-2024-25742). False for
 * exits that no single instruction raises (0x404, exceptions), for anything with LOCK, and for
 * debug registers other than DR7. True for VECTOR and SEVC_EXIT_NPF, so that it can be refused by
 * name. The table is in src/decode/agreement.c. Pure.
 */
bool sevc_insn_agrees(uint64_t exit_code, const struct sevc_insn *insn);

/*
 * The linear address of INSN's memory operand with TRAP's registers: sums, truncates to the
 * address size, adds the base of FS or GS (sevc_os_register()). The other segments have base 0,
 * as in 64-bit mode; 32-bit and 16-bit code is taken as flat. RIP-relative operands count from
 * trap->rip + insn->length. Does not check that the result is canonical.
 */
uint64_t sevc_linear_address(const struct sevc_insn *insn, const struct sevc_trap *trap);

/* The same for rSI (OUTS: insn->segment) and rDI (INS: ES) of a string instruction. */
uint64_t sevc_string_address(const struct sevc_insn *insn, const struct sevc_trap *trap,
                             unsigned gpr);

/*
 * True if every byte of [va, va + bytes) is canonical, with 48 (or LA57: 57) address bits, and the
 * range does not wrap around. bytes = 0 asks for va alone.
 */
bool sevc_is_canonical(uint64_t va, uint64_t bytes, bool la57);

#ifdef __cplusplus
}
#endif

#endif
