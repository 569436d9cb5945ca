/* SPDX-License-Identifier: MIT */
#include "rep.h"

uint64_t sevc_rep_remaining(const struct sevc_exception *vc)
{
    return vc->insn.rep ? vc->trap->gpr[SEVC_RCX] & sevc_low_bytes(vc->insn.address_bytes) : 1;
}

static void add(struct sevc_exception *vc, unsigned gpr, uint64_t distance)
{
    uint64_t *reg = &vc->trap->gpr[gpr];

    sevc_vc_set(reg, *reg + distance, vc->insn.address_bytes);
}

void sevc_rep_commit(struct sevc_exception *vc, unsigned pointers, uint64_t count)
{
    uint64_t distance = count * vc->insn.data_bytes;

    if (sevc_rep_goes_down(vc)) {
        distance = 0 - distance;
    }
    if ((pointers & SEVC_OUT(SEVC_RSI)) != 0) {
        add(vc, SEVC_RSI, distance);
    }
    if ((pointers & SEVC_OUT(SEVC_RDI)) != 0) {
        add(vc, SEVC_RDI, distance);
    }
    if (vc->insn.rep) {
        add(vc, SEVC_RCX, 0 - count);
    }
}
