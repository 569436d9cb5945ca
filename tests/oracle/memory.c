/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "random.h"

/*
 * Everything at fixed addresses, so that a seed gives the same cases each time. AddressSanitizer's
 * shadow takes 0x7FFF8000 to 0x10007FFF8000: there, no memory lies between 2 and 4 GiB.
 */
#if defined(__SANITIZE_ADDRESS__)
#define MIDDLE_VA 0x7F400000u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MIDDLE_VA 0x7F400000u
#endif
#endif
#ifndef MIDDLE_VA
#define MIDDLE_VA 0x90000000u
#endif

#define GPA_BASE   0x00000000FD000000ull
#define GPA_WINDOW 0x100000u
#define GPA_SPLIT  0x80000u /* where the page behind the split lies, from the window's start */

struct window {
    uint64_t va;
    uint64_t code_va;
};

static const struct window windows[ORACLE_WINDOWS] = {
    [ORACLE_LOW] = { 0x10000000, 0x50000000 },
    [ORACLE_MIDDLE] = { MIDDLE_VA, 0x50000000 },
    [ORACLE_HIGH] = { 0x5A5A12340000, 0x5A5A52340000 },
};

static uint8_t shadow[ORACLE_WINDOWS][ORACLE_WINDOW_BYTES] __attribute__((aligned(64)));

static void map(uint64_t va, size_t bytes, int protection)
{
    void *wanted = (void *)va;
    void *got =
        mmap(wanted, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (got != wanted) {
        fprintf(stderr,
                "oracle: cannot map %zu bytes at %#llx (protection %d): is the address taken, or "
                "memory that is writable and executable forbidden?\n",
                bytes, (unsigned long long)va, protection);
        exit(2);
    }
}

void oracle_memory_init(uint64_t seed)
{
    struct oracle_random random = { .state = seed };

    for (int i = 0; i < ORACLE_WINDOWS; i++) {
        map(windows[i].va, ORACLE_WINDOW_BYTES, PROT_READ | PROT_WRITE);
        if (i == 0 || windows[i].code_va != windows[i - 1].code_va) {
            map(windows[i].code_va, ORACLE_CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
        }
        for (unsigned offset = 0; offset < ORACLE_WINDOW_BYTES; offset += 8) {
            uint64_t value = oracle_random(&random);

            oracle_fill(windows[i].va + offset, &value, sizeof(value));
        }
    }
}

uint64_t oracle_window_va(enum oracle_window window)
{
    return windows[window].va;
}

uint64_t oracle_code_va(enum oracle_window window)
{
    return windows[window].code_va;
}

static bool is_within(uint64_t va, size_t bytes, uint64_t start, size_t length)
{
    return va - start < length && bytes <= length - (va - start);
}

bool oracle_is_code(uint64_t va, size_t bytes)
{
    for (int i = 0; i < ORACLE_WINDOWS; i++) {
        if (is_within(va, bytes, windows[i].code_va, ORACLE_CODE_BYTES)) {
            return true;
        }
    }
    return false;
}

enum oracle_window oracle_window_of(uint64_t va, size_t bytes)
{
    for (int i = 0; i < ORACLE_WINDOWS; i++) {
        if (is_within(va, bytes, windows[i].va, ORACLE_WINDOW_BYTES)) {
            return (enum oracle_window)i;
        }
    }
    return ORACLE_WINDOWS;
}

uint8_t *oracle_shadow(uint64_t va)
{
    enum oracle_window window = oracle_window_of(va, 1);

    return &shadow[window][va - windows[window].va];
}

uint64_t oracle_gpa(uint64_t va)
{
    enum oracle_window window = oracle_window_of(va, 1);
    uint64_t offset = va - windows[window].va;

    if (offset >= ORACLE_SPLIT_OFFSET) {
        offset += GPA_SPLIT;
    }
    return GPA_BASE + window * GPA_WINDOW + offset;
}

uint8_t *oracle_shadow_of_gpa(uint64_t gpa, size_t bytes, enum oracle_window *window)
{
    for (int i = 0; i < ORACLE_WINDOWS; i++) {
        uint64_t start = GPA_BASE + (unsigned)i * GPA_WINDOW;

        *window = (enum oracle_window)i;
        if (is_within(gpa, bytes, start, ORACLE_SPLIT_OFFSET)) {
            return &shadow[i][gpa - start];
        }
        if (is_within(gpa, bytes, start + GPA_SPLIT + ORACLE_SPLIT_OFFSET,
                      ORACLE_WINDOW_BYTES - ORACLE_SPLIT_OFFSET)) {
            return &shadow[i][gpa - start - GPA_SPLIT];
        }
    }
    return NULL;
}

void oracle_fill(uint64_t va, const void *buffer, size_t bytes)
{
    memcpy((void *)va, buffer, bytes);
    memcpy(oracle_shadow(va), buffer, bytes);
}

bool oracle_memory_equal(uint64_t *va)
{
    for (int i = 0; i < ORACLE_WINDOWS; i++) {
        const uint8_t *native = (const uint8_t *)windows[i].va;

        if (memcmp(native, shadow[i], ORACLE_WINDOW_BYTES) == 0) {
            continue;
        }
        for (unsigned offset = 0; offset < ORACLE_WINDOW_BYTES; offset++) {
            if (native[offset] != shadow[i][offset]) {
                *va = windows[i].va + offset;
                return false;
            }
        }
    }
    return true;
}

void oracle_memory_repair(void)
{
    for (int i = 0; i < ORACLE_WINDOWS; i++) {
        memcpy(shadow[i], (const void *)windows[i].va, ORACLE_WINDOW_BYTES);
    }
}
