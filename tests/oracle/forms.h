/* SPDX-License-Identifier: MIT */
/* The set of instructions that the oracle asks the processor about: data, see forms.c. */
#ifndef ORACLE_FORMS_H
#define ORACLE_FORMS_H

#include <stddef.h>
#include <stdint.h>

enum oracle_group {
    ORACLE_BASIC,    /* SEVC_MMIO_BASIC */
    ORACLE_EXTENDED, /* the rest of issue 3 */
};

/* Does the library handle the form? What it does not must be refused without any effect. */
enum oracle_support {
    ORACLE_LATER, /* not yet: refused, or already right */
    ORACLE_NOW,
    ORACLE_NEVER, /* refused by name: it promises what a device cannot keep */
};

enum oracle_shape {
    ORACLE_MODRM,  /* a memory operand by ModRM */
    ORACLE_OFFSET, /* rAX and an absolute address: A0 to A3 */
    ORACLE_BITS,   /* ModRM, and a bit offset in a register that moves the address */
    ORACLE_STRING, /* rSI and rDI, or one of them */
};

/* Bytes of one memory access. */
enum oracle_width {
    ORACLE_BYTE = 1,
    ORACLE_WORD = 2,
    ORACLE_DWORD = 4,
    ORACLE_OPERAND = 0,    /* 2, 4, 8 by 66 and REX.W */
    ORACLE_NEVER_WORD = 8, /* 4, 8 by REX.W */
};

enum oracle_immediate {
    ORACLE_NO_IMM,
    ORACLE_IMM_8,
    ORACLE_IMM_OPERAND, /* 2 or 4 bytes; sign-extended with REX.W */
};

/* Flags of a form. */
enum {
    ORACLE_READS = 1 << 0, /* its ModRM operand; of strings, rSI or rDI: see below */
    ORACLE_WRITES = 1 << 1,
    ORACLE_NO_66 = 1 << 2,     /* with this prefix it is another instruction, or none */
    ORACLE_NO_REPEAT = 1 << 3, /* with F2 or F3 likewise */
    ORACLE_SOURCE = 1 << 4,    /* string: reads at rSI */
    ORACLE_TARGET = 1 << 5,    /* string: accesses at rDI */
    ORACLE_BY_BASIC = 1 << 7,  /* served with SEVC_MMIO_BASIC, too */
    ORACLE_COMPARES = 1 << 6,  /* string: F3 repeats while equal, F2 while not */
};

#define ORACLE_REGISTER 0xFF /* ModRM.reg is a register */

enum oracle_map {
    ORACLE_MAP_ONE_BYTE,
    ORACLE_MAP_0F,
    ORACLE_MAP_0F38,
};

struct oracle_form {
    const char *mnemonic;
    const char *encoding; /* as APM vol. 3 writes it */
    uint8_t group;        /* enum oracle_group */
    uint8_t support;      /* enum oracle_support */
    uint8_t map;          /* enum oracle_map */
    uint8_t opcode;
    uint8_t reg;       /* ModRM.reg: 0 to 7, or ORACLE_REGISTER */
    uint8_t shape;     /* enum oracle_shape */
    uint8_t width;     /* enum oracle_width */
    uint8_t immediate; /* enum oracle_immediate */
    uint8_t flags;
    uint16_t undefined; /* RFLAGS that APM vol. 3 leaves undefined after it */
};

extern const struct oracle_form oracle_forms[];
extern const size_t oracle_form_count;

#endif
