/* SPDX-License-Identifier: MIT */
/* Gates (APM vol. 2, 4.8.4) and the early IDT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scripted_host.h"

/* The stubs are assembly, and not part of the library's build for the host. */
void sevc_vc_entry(void)
{
}

void sevc_vc_entry_plain(void)
{
}

void sevc_early_entry(void)
{
}

static struct sevc_idt_gate idt[SEVC_EARLY_IDT_GATES + 1];

static uint64_t offset(const struct sevc_idt_gate *gate)
{
    return gate->offset_low | (uint64_t)gate->offset_middle << 16 |
           (uint64_t)gate->offset_high << 32;
}

static void a_gate_has_the_architectures_bytes(void **state)
{
    static const uint8_t expected[16] = { 0x88, 0x77, 0x08, 0x00, 0x04, 0x8E, 0x66, 0x55,
                                          0x44, 0x33, 0x22, 0xFF, 0,    0,    0,    0 };
    struct sevc_idt_gate gate;

    (void)state;
    memset(&gate, 0xA5, sizeof(gate));
    sevc_idt_make_gate(&gate, (void (*)(void))0xFF22334455667788, 8, 4);
    assert_memory_equal(&gate, expected, 16);
}

/* T7: INT 29 from user mode must be #GP. */
static void T7_the_runtime_gate_has_dpl_0_and_the_entry_that_fits(void **state)
{
    (void)state;
    for (unsigned ist = 0; ist < 8; ist++) {
        memset(idt, 0x5A, sizeof(idt));
        sevc_idt_set(idt, 0x10, ist);
        assert_int_equal(offset(&idt[29]),
                         (uint64_t)(ist != 0 ? sevc_vc_entry : sevc_vc_entry_plain));
        assert_int_equal(idt[29].ist, ist);
        assert_int_equal(idt[29].attributes, 0x8E); /* present, DPL 0, interrupt gate */
        assert_int_equal(idt[29].selector, 0x10);
        for (size_t i = 0; i < sizeof(idt); i++) {
            if (i / 16 != 29) {
                assert_int_equal(((uint8_t *)idt)[i], 0x5A);
            }
        }
    }
}

static void the_early_idt_has_one_gate_and_is_loaded(void **state)
{
    struct scripted_host host;
    uint16_t limit;
    uint64_t base;

    (void)state;
    host_start(&host);
    memset(idt, 0x5A, sizeof(idt));
    sevc_early_install(idt, 0x08);
    for (size_t i = 0; i < 29 * 16; i++) {
        assert_int_equal(((uint8_t *)idt)[i], 0);
    }
    assert_int_equal(offset(&idt[29]), (uint64_t)sevc_early_entry);
    assert_int_equal(idt[29].attributes, 0x8E);
    assert_int_equal(idt[29].ist, 0);
    assert_int_equal(((uint8_t *)idt)[30 * 16], 0x5A);
    memcpy(&limit, host.idtr, 2);
    memcpy(&base, host.idtr + 2, 8);
    assert_int_equal(limit, 30 * 16 - 1);
    assert_int_equal(base, (uint64_t)idt);
    assert_int_equal(host.logged, 1);
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gate_has_the_architectures_bytes),
        cmocka_unit_test(T7_the_runtime_gate_has_dpl_0_and_the_entry_that_fits),
        cmocka_unit_test(the_early_idt_has_one_gate_and_is_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
