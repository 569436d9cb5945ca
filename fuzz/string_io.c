/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS through the whole path of #VC: elements, directions, faults in between, hostile
 * host.
 */
#include "env/input.h"
#include "env/scenario.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    return fuzz_scenario_mutate(data, size, max_size, seed, FUZZ_STRING_IO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_scenario scenario;

    fuzz_scenario_load(&scenario, data, size);
    fuzz_scenario_focus(&scenario, FUZZ_STRING_IO);
    fuzz_scenario_run(&scenario);
    return 0;
}
