/* SPDX-License-Identifier: MIT */
/* Pages that change their view while several processors use them. */
#include "smp.h"

#define ROUNDS 300

static uint64_t page[PAGE / 8] __attribute__((aligned(PAGE)));
static volatile uint64_t key[4]; /* ciphertext of zero, word by word */
static volatile bool ready;

/*
 * The first processor counts up in word 0, privately; the others read it through the shared alias,
 * where it is the count exclusive-ored with what zero was. They count in words of their own,
 * through that alias, and the first one reads those. Whatever is torn or garbled is no such count.
 */
static void flip_work(struct cpu *c)
{
    volatile uint64_t *shared = (volatile uint64_t *)window(c->index, (uint64_t)page, 0);
    volatile uint64_t *common = (volatile uint64_t *)page;
    uint64_t last = 0;

    while (!ready)
        pause();
    for (; c->rounds < ROUNDS; c->rounds++) {
        uint64_t count = shared[0] ^ key[0];
        CHECK(count >= last && count <= 100 * ROUNDS);
        last = count;
        shared[c->index] = (c->rounds + 1) ^ key[c->index];
        /* Both in the private view, from all processors. */
        __atomic_fetch_add(&common[8], 1, __ATOMIC_RELAXED);
    }
}

static bool others_work(void)
{
    for (unsigned i = 1; i < cpu_count; i++) {
        if (cpus[i].rounds < ROUNDS)
            return true;
    }
    return false;
}

static void check_others(const volatile uint64_t *secret, uint64_t *last)
{
    for (unsigned i = 1; i < cpu_count; i++) {
        uint64_t count = secret[i];
        CHECK(count >= last[i] && count <= ROUNDS);
        last[i] = count;
    }
}

static void flips(void)
{
    volatile uint64_t *secret = (volatile uint64_t *)page;
    volatile uint64_t *shared = (volatile uint64_t *)window(0, (uint64_t)page, 0);
    uint64_t last[MAX_CPUS] = { 0 }, added = 0;

    secret[0] = 0;
    for (unsigned i = 0; i < cpu_count; i++)
        key[i] = shared[i];
    wake_all();
    ready = true;
    for (uint64_t count = 1; others_work(); count++) {
        if (count <= 100 * ROUNDS)
            secret[0] = count;
        check_others(secret, last);
        __atomic_fetch_add(&secret[8], 1, __ATOMIC_RELAXED);
        added++;
        pause(); /* else one processor's turn is 100 ms where QEMU has one thread */
    }
    check_others(secret, last);
    for (unsigned i = 1; i < cpu_count; i++)
        CHECK(secret[i] == ROUNDS);
    CHECK(secret[8] == added + (cpu_count - 1) * ROUNDS);
}

const struct smp_case smp_memory_cases[] = {
    { "flips", flips, flip_work, 0 },
    { 0, 0, 0, 0 },
};
