/* SPDX-License-Identifier: MIT */
/*
 * The two halves of sevc_decode(), for a caller that wants the second one, and with it Zydis, only
 * where it has stack to spare. Arguments and results as there, but that code_bits must be one of the
 * three.
 */
#ifndef SEVC_DECODE_HALVES_H
#define SEVC_DECODE_HALVES_H

#include <sevc/insn.h>

/*
 * What the tables know: every instruction that sevc has a meaning for. SEVC_UNSUPPORTED: not known,
 * or perhaps undefined; sevc_decode_rest() says which.
 */
enum sevc_result sevc_decode_known(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                                   struct sevc_insn *insn);

/*
 * All else, by the general decoder. Of what it finds only the length and a name for the refusal are
 * of use: OTHER, VECTOR, or an instruction that is locked.
 */
enum sevc_result sevc_decode_rest(const uint8_t *bytes, size_t available_bytes, unsigned code_bits,
                                  struct sevc_insn *insn);

#endif
