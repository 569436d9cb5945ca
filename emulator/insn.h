/* SPDX-License-Identifier: MIT */
/*
 * The bytes at the guest's RIP, as far as the monitor needs them: QEMU's SVM has no decode
 * assists, and gives one exit code to instructions that real processors tell apart.
 *
 * No decoder: what the guest's #VC handler decodes is none of the host's business.
 */
#ifndef EMULATOR_INSN_H
#define EMULATOR_INSN_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct insn {
    uint8_t bytes[15];
    uint8_t count;    /* readable bytes */
    uint8_t prefixes; /* of them, legacy prefixes and REX */
    uint8_t rex;      /* 0 if none */
    bool rep;         /* F2 or F3 */
};

/* Result: false if not even one byte behind the prefixes can be read. */
bool insn_fetch(struct vcpu *v, struct insn *insn);

/* Whether the opcode, after the prefixes, starts with these bytes. */
bool insn_is(const struct insn *insn, const uint8_t *opcode, unsigned bytes);

#endif
