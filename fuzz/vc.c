/* SPDX-License-Identifier: MIT */
/*
 * The whole path of #VC with a hostile host: any instruction, any exit, any reply, other CPUs that
 * change the GHCB, exceptions that interrupt.
 */
#include "env/input.h"
#include "env/scenario.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    return fuzz_scenario_mutate(data, size, max_size, seed, FUZZ_ANY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_scenario scenario;

    fuzz_scenario_load(&scenario, data, size);
    fuzz_scenario_run(&scenario);
    return 0;
}
