/* SPDX-License-Identifier: MIT */
#ifndef EMULATOR_START_H
#define EMULATOR_START_H

#include <stdint.h>

/* Called by reset.S, once. image_pa: where the image lies. */
_Noreturn void start(uint32_t image_pa);

#endif
