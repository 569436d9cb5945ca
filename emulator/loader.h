/* SPDX-License-Identifier: MIT */
/* The guest's kernel: a 64-bit ELF file from fw_cfg, put where its program headers say. */
#ifndef EMULATOR_LOADER_H
#define EMULATOR_LOADER_H

#include <stddef.h>
#include <stdint.h>

#define LOADER_MAX_SEGMENTS 16

struct loader_segment {
    uint64_t pa, va, bytes; /* in memory, .bss included */
};

struct loader_kernel {
    uint64_t entry;
    struct loader_segment segments[LOADER_MAX_SEGMENTS];
    size_t count;
};

/* Loads opt/sevc/kernel; ends the run with a reason if that cannot be done. */
void loader_load(struct loader_kernel *kernel);

#endif
