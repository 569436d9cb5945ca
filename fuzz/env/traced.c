/* SPDX-License-Identifier: MIT */
#include <stdint.h>

#include "traced.h"

__attribute__((weak)) void fuzz_traced(const volatile void *address, size_t bytes, bool store)
{
    (void)address;
    (void)bytes;
    (void)store;
}

#define TRACED(bytes, type)                                                                        \
    void __sanitizer_cov_load##bytes(type *address);                                               \
    void __sanitizer_cov_load##bytes(type *address)                                                \
    {                                                                                              \
        fuzz_traced(address, bytes, false);                                                        \
    }                                                                                              \
    void __sanitizer_cov_store##bytes(type *address);                                              \
    void __sanitizer_cov_store##bytes(type *address)                                               \
    {                                                                                              \
        fuzz_traced(address, bytes, true);                                                         \
    }
TRACED(1, uint8_t)
TRACED(2, uint16_t)
TRACED(4, uint32_t)
TRACED(8, uint64_t)
TRACED(16, __uint128_t)
