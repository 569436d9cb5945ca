/* SPDX-License-Identifier: MIT */
/* The bytes of an input, taken one after the other. What is missing reads as zero. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What every engine calls. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

static inline void fuzz_take(struct fuzz_input *input, void *to, size_t bytes)
{
    size_t have = bytes < input->left ? bytes : input->left;

    memset(to, 0, bytes);
    if (have != 0) {
        memcpy(to, input->data, have);
    }
    input->data += have;
    input->left -= have;
}

static inline uint64_t fuzz_take_u64(struct fuzz_input *input)
{
    uint64_t value;

    fuzz_take(input, &value, sizeof(value));
    return value;
}

static inline uint32_t fuzz_take_u32(struct fuzz_input *input)
{
    uint32_t value;

    fuzz_take(input, &value, sizeof(value));
    return value;
}

static inline uint16_t fuzz_take_u16(struct fuzz_input *input)
{
    uint16_t value;

    fuzz_take(input, &value, sizeof(value));
    return value;
}

static inline uint8_t fuzz_take_u8(struct fuzz_input *input)
{
    uint8_t value;

    fuzz_take(input, &value, sizeof(value));
    return value;
}

#endif
