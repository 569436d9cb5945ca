/* SPDX-License-Identifier: MIT */
/* What the table behind sevc_insn_agrees() says of an exit alone. */
#ifndef SEVC_DECODE_AGREEMENT_H
#define SEVC_DECODE_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Is there an instruction that raises this exit, of those in sevc/insn.h? */
bool sevc_exit_has_insn(uint64_t exit_code);

#endif
