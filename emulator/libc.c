/* SPDX-License-Identifier: MIT */
/* The memory functions that the compiler may call, and string comparison. */
#include "libc.h"

/* TCG executes a string instruction element by element, so in quadwords first. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    void *start = to;
    size_t quadwords = bytes / 8;

    bytes %= 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(quadwords) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to - (uintptr_t)from >= bytes)
        return memcpy(to, from, bytes);
    for (size_t i = bytes; i > 0; i--)
        ((volatile uint8_t *)to)[i - 1] = ((const volatile uint8_t *)from)[i - 1];
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    void *start = to;
    uint64_t byte_eight_times = (uint8_t)value * 0x0101010101010101ull;
    size_t quadwords = bytes / 8;

    bytes %= 8;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(quadwords) : "a"(byte_eight_times) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte_eight_times) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *left = a, *right = b;
    for (size_t i = 0; i < bytes; i++) {
        if (left[i] != right[i])
            return left[i] - right[i];
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length] != 0)
        length++;
    return length;
}

bool string_equal(const char *a, const char *b)
{
    size_t length = strlen(a);
    return length == strlen(b) && memcmp(a, b, length) == 0;
}
