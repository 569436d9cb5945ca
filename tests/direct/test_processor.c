/* SPDX-License-Identifier: MIT */
/* The native instructions that user mode may execute: CPUID, loads and stores, and VMMCALL's frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cpuid.h>

#include "../../src/arch/native_hardware.h"

uint64_t seen_registers[16];
uint64_t new_registers[16];
bool call_tested_vmmcall(uint64_t gpr[16]);

static void cpuid_is_the_processors(void **state)
{
    static const uint32_t leaves[][2] = { { 0, 0 }, { 7, 0 }, { 0xD, 1 }, { 0x80000000, 0 } };

    (void)state;
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        uint32_t regs[4] = { leaves[i][0], 0x5555, leaves[i][1], 0x5555 };
        uint32_t a, b, c, d;

        __cpuid_count(leaves[i][0], leaves[i][1], a, b, c, d);
        sevc_arch_native_cpuid(regs);
        assert_int_equal(regs[0], a);
        assert_int_equal(regs[1], b);
        assert_int_equal(regs[2], c);
        assert_int_equal(regs[3], d);
    }
}

static void loads_and_stores_have_their_width(void **state)
{
    (void)state;
    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        uint64_t mask = ~0ull >> (64 - 8 * bytes);
        uint64_t memory[2] = { 0x1122334455667788, 0x99AABBCCDDEEFF00 };

        assert_int_equal(sevc_arch_native_load(memory, bytes), memory[0] & mask);
        sevc_arch_native_store(memory, bytes, 0xF0F1F2F3F4F5F6F7);
        assert_int_equal(memory[0], (0x1122334455667788 & ~mask) | (0xF0F1F2F3F4F5F6F7 & mask));
        assert_int_equal(memory[1], 0x99AABBCCDDEEFF00);
    }
}

static void copies_have_their_length(void **state)
{
    static const uint8_t from[] = "abcdefgh";
    uint8_t to[] = "................";

    (void)state;
    assert_ptr_equal(sevc_arch_copy_out(to + 1, from, 7), from + 7);
    assert_memory_equal(to, ".abcdefg........", 16);
    assert_ptr_equal(sevc_arch_copy_in(to + 9, from + 1, 3), to + 12);
    assert_memory_equal(to, ".abcdefg.bcd....", 16);
}

/* In the order of instruction encodings; RSP stays out of it. */
static void vmmcall_loads_and_stores_all_registers(void **state)
{
    uint64_t gpr[16];

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = 0xA1A2A3A400000000 + i;
        new_registers[i] = 0xB1B2B3B400000000 + i;
    }
    assert_true(call_tested_vmmcall(gpr));
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4) {
            assert_int_equal(gpr[i], 0xA1A2A3A400000000 + i);
            continue;
        }
        assert_int_equal(seen_registers[i], 0xA1A2A3A400000000 + i);
        assert_int_equal(gpr[i], 0xB1B2B3B400000000 + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpuid_is_the_processors),
        cmocka_unit_test(loads_and_stores_have_their_width),
        cmocka_unit_test(copies_have_their_length),
        cmocka_unit_test(vmmcall_loads_and_stores_all_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
