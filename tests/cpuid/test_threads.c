/* SPDX-License-Identifier: MIT */
/*
 * A sealed table is read by all CPUs at once, while the first one is still filling it the others
 * do without. Built with the thread sanitizer, which reports any access that is not ordered.
 */
#include <pthread.h>

#include "model.h"

#define CPUS   4
#define ROUNDS 3000
#define SEAL   1000

static struct sevc_cpuid_table table;
static struct sevc_cpu cpus[CPUS];
static unsigned served[CPUS];

static void *live(void *argument)
{
    unsigned n = (unsigned)((struct sevc_cpu *)argument - cpus);

    model_start();
    model_cpu(&cpus[n], &table, n);
    for (unsigned round = 0; n == 0 ? round < ROUNDS : served[n] < ROUNDS; round++) {
        uint32_t leaf = round % 2 == 0 ? round / 2 % 12 : 0x80000000 + round / 2 % 0x20;

        served[n] += model_ask(&cpus[n], leaf, round % 2) == 0;
        if (n == 0 && round == SEAL) {
            sevc_cpuid_seal(&table);
        }
    }
    model_finish();
    return NULL;
}

static void cpus_share_a_table_without_waiting(void **state)
{
    pthread_t threads[CPUS];

    (void)state;
    sevc_cpuid_table_init(&table, &cpus[0], SEVC_CPUID_MISS_ASK);
    for (unsigned i = 0; i < CPUS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, live, &cpus[i]), 0);
    }
    for (unsigned i = 0; i < CPUS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 1; i < CPUS; i++) {
        assert_int_equal(served[i], ROUNDS); /* only after sealing: before, each one is an exit */
        assert_int_not_equal(cpus[i].cpuid_own.known, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpus_share_a_table_without_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
