/* SPDX-License-Identifier: MIT */
#include "exception.h"

void sevc_vc_set(uint64_t *reg, uint64_t value, unsigned bytes)
{
    uint64_t mask = sevc_low_bytes(bytes);

    *reg = bytes >= 4 ? value & mask : (*reg & ~mask) | (value & mask);
}
