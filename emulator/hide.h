/* SPDX-License-Identifier: MIT */
/*
 * The memory that firmware is told of, in CMOS and fw_cfg, is the guest's and not QEMU's: the
 * monitor's part is edited out of the answers on their way.
 */
#ifndef EMULATOR_HIDE_H
#define EMULATOR_HIDE_H

#include <stdint.h>

/* After memory_init(). */
void hide_init(void);

/* Each returns what the guest is to see instead of the value; called after QEMU's port was read. */
uint32_t hide_in(uint16_t port, uint32_t value);

/* Around the guest's write to a port: before QEMU sees it, and after. */
void hide_before_out(uint16_t port, uint32_t value);
void hide_after_out(uint16_t port);

#endif
