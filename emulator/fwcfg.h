/* SPDX-License-Identifier: MIT */
/*
 * QEMU's fw_cfg device, read by DMA (QEMU, docs/specs/fw_cfg.rst). The launcher hands over the
 * guest and the configuration through it.
 */
#ifndef EMULATOR_FWCFG_H
#define EMULATOR_FWCFG_H

#include <stdbool.h>
#include <stdint.h>

struct fwcfg_file {
    uint16_t selector;
    uint32_t bytes;
};

/* Checks that the device is there and can do DMA; ends the run if not. */
void fwcfg_init(void);

/* How many processors QEMU's -smp has given the machine. */
unsigned fwcfg_processors(void);

bool fwcfg_find(const char *name, struct fwcfg_file *file);

/* Copies bytes at an offset; what lies beyond the file's end reads as zero. */
void fwcfg_read(const struct fwcfg_file *file, uint32_t offset, void *to, uint32_t bytes);

#endif
