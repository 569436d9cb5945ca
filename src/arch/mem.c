/* SPDX-License-Identifier: MIT */
/*
 * The four functions that a freestanding compiler may call of its own accord (GCC manual, 2.1),
 * for programs that have none: CMake option SEVC_BUILTIN_MEM. Weak: the program's own win.
 *
 * The empty assembly keeps the compiler from recognising a loop as the very function that it is
 * part of. Speed matters little: the library's own large copies do not come here.
 */
#include <stddef.h>
#include <stdint.h>

#define WEAK              __attribute__((weak))
#define OPAQUE_TO_LOOPS() __asm__ volatile("" : : : "memory")

WEAK void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
WEAK void *memmove(void *to, const void *from, size_t bytes);
WEAK void *memset(void *to, int value, size_t bytes);
WEAK int memcmp(const void *a, const void *b, size_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *d = to;

    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if ((uintptr_t)d - (uintptr_t)s >= bytes) { /* wraps round if D lies below: forwards is safe */
        return memcpy(to, from, bytes);
    }
    while (bytes != 0) {
        bytes--;
        d[bytes] = s[bytes];
        OPAQUE_TO_LOOPS();
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *d = to;

    __asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(value) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *p = a;
    const uint8_t *q = b;

    for (size_t i = 0; i < bytes; i++) {
        if (p[i] != q[i]) {
            return p[i] < q[i] ? -1 : 1;
        }
        OPAQUE_TO_LOOPS();
    }
    return 0;
}
