/* SPDX-License-Identifier: MIT */
/*
 * The memory that instructions work on, twice: "native", at its address, for the processor, and
 * its "shadow" for the emulation, which is either the guest's own memory or a device's, as the
 * case wants. Both hold the same at all times but while a case runs.
 */
#ifndef ORACLE_MEMORY_H
#define ORACLE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oracle_window {
    ORACLE_LOW,    /* below 2 GiB: every addressing form reaches it */
    ORACLE_MIDDLE, /* above 2 GiB, below 4: a displacement that is taken for signed misses it */
    ORACLE_HIGH,   /* above 4 GiB */
    ORACLE_WINDOWS,
};

#define ORACLE_PAGE_BYTES   0x1000u
#define ORACLE_WINDOW_BYTES (4 * ORACLE_PAGE_BYTES)

/* The last page of a window does not follow the others in guest-physical space. */
#define ORACLE_SPLIT_OFFSET (3 * ORACLE_PAGE_BYTES)

/* Maps everything. Ends the program where that is impossible. */
void oracle_memory_init(uint64_t seed);

uint64_t oracle_window_va(enum oracle_window window);

/* Where instructions can stand: an area of ORACLE_CODE_BYTES within 2 GiB of the window. */
#define ORACLE_CODE_BYTES (3 * ORACLE_PAGE_BYTES)
uint64_t oracle_code_va(enum oracle_window window);

/* Is [va, va + bytes) within the code areas? */
bool oracle_is_code(uint64_t va, size_t bytes);

/* The window that holds [va, va + bytes), or ORACLE_WINDOWS. */
enum oracle_window oracle_window_of(uint64_t va, size_t bytes);

/* The shadow of an address in a window. */
uint8_t *oracle_shadow(uint64_t va);

/* The guest-physical address of a byte in a window, and back to its shadow; NULL: no such range. */
uint64_t oracle_gpa(uint64_t va);
uint8_t *oracle_shadow_of_gpa(uint64_t gpa, size_t bytes, enum oracle_window *window);

/* Writes BYTES of BUFFER to both. */
void oracle_fill(uint64_t va, const void *buffer, size_t bytes);

/* Are both equal everywhere? *VA: the first difference. */
bool oracle_memory_equal(uint64_t *va);

/* Makes the shadow equal again, after a difference was reported. */
void oracle_memory_repair(void);

#endif
