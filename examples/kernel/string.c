/* SPDX-License-Identifier: MIT */
/* The four functions that every compiler, and libsevc, expects to find. */
#include "kernel.h"

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    char *d = to;
    const char *s = from;

    if ((uintptr_t)d - (uintptr_t)s >= bytes)
        return memcpy(to, from, bytes);
    __asm__ volatile("" : "+r"(d), "+r"(s)); /* keeps the compiler from calling memmove() here */
    while (bytes-- != 0) {
        d[bytes] = s[bytes];
        __asm__ volatile("" : : : "memory");
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *start = to;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a;
    const uint8_t *y = b;

    for (size_t i = 0; i < bytes; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t n = 0;

    while (text[n] != 0)
        n++;
    return n;
}
