/* SPDX-License-Identifier: MIT */
/* Repeatable random numbers: the same seed gives the same cases on every machine. */
#ifndef ORACLE_RANDOM_H
#define ORACLE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct oracle_random {
    uint64_t state;
};

/* A Weyl sequence, mixed (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"). */
static inline uint64_t oracle_random(struct oracle_random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15ull;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* 0 to LIMIT - 1; the slight bias does not matter here. */
static inline unsigned oracle_below(struct oracle_random *random, unsigned limit)
{
    return (unsigned)((oracle_random(random) >> 32) * limit >> 32);
}

static inline bool oracle_percent(struct oracle_random *random, unsigned percent)
{
    return oracle_below(random, 100) < percent;
}

/* Values at which carries, signs and extensions change, and in half of the cases any value. */
static inline uint64_t oracle_corner(struct oracle_random *random)
{
    uint64_t any = oracle_random(random);
    uint64_t bit = 1ull << (any & 63);

    switch (oracle_below(random, 12)) {
    case 0:
        return 0;
    case 1:
        return ~0ull;
    case 2:
        return bit;
    case 3:
        return bit - 1;
    case 4:
        return ~bit;
    case 5:
        return 0x8080808080808080ull ^ (any & 0x0101010101010101ull);
    default:
        return any;
    }
}

#endif
