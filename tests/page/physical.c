/* SPDX-License-Identifier: MIT */
#include "physical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void die(const char *what)
{
    fprintf(stderr, "tests/page: %s\n", what);
    abort();
}

void physical_open(struct physical *memory, uint8_t c_bit, bool la57)
{
    memset(memory, 0, sizeof(*memory));
    memory->bytes =
        mmap(NULL, PHYSICAL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory->bytes == MAP_FAILED) {
        die("no memory");
    }
    memory->next = 4096;
    memory->paging.linear_map = (uint64_t)(uintptr_t)memory->bytes;
    memory->paging.c_bit = c_bit;
    memory->paging.la57 = la57;
    memory->paging.cr3 = physical_alloc(memory);
}

void physical_close(struct physical *memory)
{
    munmap(memory->bytes, PHYSICAL_BYTES);
}

uint64_t physical_alloc(struct physical *memory)
{
    uint64_t gpa = memory->next;

    if (gpa >= PHYSICAL_BYTES) {
        die("the simulated memory is too small for this test");
    }
    memory->next += 4096;
    return gpa;
}

uint64_t physical_c(const struct physical *memory)
{
    return 1ull << memory->paging.c_bit;
}

uint64_t *physical_entry(const struct physical *memory, uint64_t table, unsigned index)
{
    if (table >= PHYSICAL_BYTES) {
        die("a table outside the simulated memory");
    }
    return (uint64_t *)(void *)(memory->bytes + table) + index;
}

uint64_t *physical_slot(struct physical *memory, uint64_t va, unsigned level)
{
    uint64_t table = memory->paging.cr3;
    unsigned at = memory->paging.la57 ? 5 : 4;
    uint64_t *entry;

    for (;; at--) {
        entry = physical_entry(memory, table, (va >> (12 + 9 * (at - 1))) & 511);
        if (at == level) {
            return entry;
        }
        if ((*entry & P) == 0) {
            *entry = physical_alloc(memory) | P | RW | US | physical_c(memory);
        }
        table = *entry & 0x000FFFFFFFFFF000ull & ~physical_c(memory);
    }
}

void physical_map(struct physical *memory, uint64_t va, unsigned level, uint64_t entry)
{
    *physical_slot(memory, va, level) = entry | P | (level > 1 ? PS : 0);
}

struct random random_open(const char *test)
{
    const char *text = getenv("SEVC_TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 0x5EC5EC5EC5EC5ECull;

    printf("%s: SEVC_TEST_SEED=%#llx\n", test, (unsigned long long)seed);
    return (struct random){ .state = seed != 0 ? seed : 1 };
}

uint64_t random_next(struct random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * 0x2545F4914F6CDD1Dull;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    return (random_next(random) >> 16) % limit;
}

bool random_one_in(struct random *random, unsigned n)
{
    return random_below(random, n) == 0;
}
