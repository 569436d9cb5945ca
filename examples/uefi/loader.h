/* SPDX-License-Identifier: MIT */
/* A boot loader: an ELF kernel from the application's disk, started as docs/emulator.md promises. */
#ifndef LOADER_H
#define LOADER_H

#include <efi.h>

#include "app.h"

/* Reads NAME from the disk that IMAGE came from, and puts its segments where they belong. */
bool loader_read(EFI_HANDLE image, const CHAR16 *name);

/* Turns the firmware's last memory map into the kernel's. Boot services are gone, or about to be. */
void loader_memory_map(const uint8_t *map, UINTN bytes, UINTN descriptor_bytes);

/* After ExitBootServices(): into the kernel. */
__attribute__((noreturn)) void loader_start(void);

#endif
