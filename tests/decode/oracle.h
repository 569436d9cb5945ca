/* SPDX-License-Identifier: MIT */
/*
 * A second route from bytes to struct sevc_insn: a full Zydis build with operands, so with none of
 * src/decode's own reading of prefixes, ModRM and SIB. It lives in a shared library, because the
 * minimal build under test has the same symbols.
 */
#ifndef TESTS_DECODE_ORACLE_H
#define TESTS_DECODE_ORACLE_H

#include <sevc/insn.h>

struct oracle {
    enum sevc_result result; /* SEVC_OK, SEVC_RETRY, SEVC_BAD_INSN */
    struct sevc_insn insn;
    const char *mnemonic; /* lower case; "" unless SEVC_OK */
};

__attribute__((visibility("default"))) void oracle_decode(const uint8_t *bytes, size_t available,
                                                          unsigned code_bits, struct oracle *out);

#endif
