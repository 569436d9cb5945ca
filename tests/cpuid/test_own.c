/* SPDX-License-Identifier: MIT */
/* What is each CPU's own: learnt by its first exit, whose other bits must be the table's. */
#include "model.h"

static struct sevc_cpuid_table table;
static struct sevc_cpu owner, other;

static void start(void)
{
    model_start();
    sevc_cpuid_table_init(&table, &owner, SEVC_CPUID_MISS_ASK);
    model_cpu(&other, &table, 0x31);
    model_cpu(&owner, &table, 0x12);
}

/* Bits that are each CPU's own, by leaf: EAX, EBX, ECX, EDX (APM vol. 3, appendix E). */
static const struct {
    uint32_t leaf, subleaf;
    uint32_t own[4];
} leaves[] = {
    { 0x1, 0, { 0, 0xFF000000, 0, 1u << 9 } },
    { 0xB, 0, { 0, 0, 0, ~0u } },
    { 0xB, 1, { 0, 0, 0, ~0u } },
    { 0x1F, 0, { 0, 0, 0, ~0u } },
    { 0x80000001, 0, { 0, 0, 0, 1u << 9 } },
    { 0x8000001E, 0, { ~0u, 0xFF, 0xFF, 0 } },
    { 0x80000026, 1, { 0, 0, 0, ~0u } },
};

static void each_cpu_asks_once_and_keeps_its_own_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(leaves); i++) {
        start();
        for (unsigned round = 0; round < 3; round++) {
            assert_int_equal(model_ask(&owner, leaves[i].leaf, leaves[i].subleaf), round == 0);
            model_assert_answer(leaves[i].leaf, leaves[i].subleaf);
        }
        sevc_cpuid_seal(&table);
        for (unsigned round = 0; round < 3; round++) {
            assert_int_equal(model_ask(&other, leaves[i].leaf, leaves[i].subleaf), round == 0);
            model_assert_answer(leaves[i].leaf, leaves[i].subleaf);
            assert_int_equal(model_ask(&owner, leaves[i].leaf, leaves[i].subleaf), 0);
            model_assert_answer(leaves[i].leaf, leaves[i].subleaf);
        }
        model_finish();
    }
}

/* Each single bit, told differently to the second CPU: its own are its own, all others an error. */
static void another_cpu_must_hear_the_same_but_for_its_own_part(void **state)
{
    unsigned lies = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(leaves); i++) {
        for (unsigned bit = 0; bit < 128; bit++) {
            uint32_t mask = 1u << bit % 32;
            bool own = (leaves[i].own[bit / 32] & mask) != 0;
            bool computed = leaves[i].leaf == 1 && bit == 2 * 32 + 27;

            start();
            model_ask(&owner, leaves[i].leaf, leaves[i].subleaf);
            sevc_cpuid_seal(&table);
            model.change.leaf = leaves[i].leaf;
            model.change.subleaf = leaves[i].subleaf;
            model.change.reg = bit / 32;
            model.change.bits = mask;
            if (own || computed) {
                assert_int_equal(model_ask(&other, leaves[i].leaf, leaves[i].subleaf), 1);
            } else {
                assert_int_equal(model_fails(&other, leaves[i].leaf, leaves[i].subleaf,
                                             SEVC_HOST_ERROR, SEVC_REASON_CHANGED),
                                 1);
                assert_int_equal(other.cpuid_own.known, 0); /* nothing of a lie is kept */
                lies++;
            }
            model_finish();
        }
    }
    print_message("%u lies told\n", lies);
}

/* The topology leaves name one x2APIC id: a CPU that hears another one has been lied to. */
static void a_cpu_has_one_x2apic_id_in_all_leaves(void **state)
{
    static const struct {
        uint32_t leaf, subleaf;
    } others[] = { { 0xB, 1 }, { 0x1F, 0 }, { 0x80000026, 0 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        start();
        assert_int_equal(model_ask(&owner, 0xB, 0), 1);
        model.change.leaf = others[i].leaf;
        model.change.subleaf = others[i].subleaf;
        model.change.reg = 3;
        model.change.bits = 4;
        assert_int_equal(model_fails(&owner, others[i].leaf, others[i].subleaf, SEVC_HOST_ERROR,
                                     SEVC_REASON_CHANGED),
                         1);
        assert_int_equal(table.count, 1);
        model.change.bits = 0;
        assert_int_equal(model_ask(&owner, others[i].leaf, others[i].subleaf), 1);
        model_assert_answer(others[i].leaf, others[i].subleaf);
        /* Once sealed, the second CPU learns its id from each of them, and it is one there, too. */
        sevc_cpuid_seal(&table);
        assert_int_equal(model_ask(&other, others[i].leaf, others[i].subleaf), 1);
        if (others[i].leaf != 0xB) {
            model.change.leaf = 0xB;
            model.change.subleaf = 0;
            model.change.bits = 4;
            assert_int_equal(model_fails(&other, 0xB, 0, SEVC_HOST_ERROR, SEVC_REASON_CHANGED), 1);
            model.change.bits = 0;
        }
        assert_int_equal(model_ask(&other, 0xB, 0), others[i].leaf != 0xB);
        assert_int_equal(model_ask(&other, 0xB, 0), 0);
        model_assert_answer(0xB, 0);
        model_finish();
    }
}

/* A leaf that a machine does not have reads zero on each CPU, below its range's maximum, too. */
static void a_leaf_that_is_not_implemented_names_no_x2apic_id(void **state)
{
    static const uint32_t absent[] = { 0xB, 0x1F, 0x80000026 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        const uint32_t present = absent[i] == 0xB ? 0x1F : 0xB;
        const uint32_t either_order[2][2] = { { absent[i], present }, { present, absent[i] } };

        for (unsigned order = 0; order < 2; order++) {
            start();
            model.absent = absent[i];
            assert_int_equal(sevc_cpuid_fill(&owner), SEVC_OK);
            sevc_cpuid_seal(&table);
            model_on(&other);
            for (unsigned round = 0; round < 2; round++) { /* from the host, then learnt */
                for (unsigned j = 0; j < 2; j++) {
                    uint32_t leaf = either_order[order][j];

                    assert_int_equal(model_ask(&other, leaf, 0), round == 0);
                    model_assert_answer(leaf, 0);
                    assert_int_equal(model_ask(&owner, leaf, 0), 0);
                    model_assert_answer(leaf, 0);
                }
            }
            model_on(&other);
            assert_int_equal(sevc_cpuid_verify(&other), SEVC_OK);
            model_finish();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cpu_asks_once_and_keeps_its_own_part),
        cmocka_unit_test(another_cpu_must_hear_the_same_but_for_its_own_part),
        cmocka_unit_test(a_cpu_has_one_x2apic_id_in_all_leaves),
        cmocka_unit_test(a_leaf_that_is_not_implemented_names_no_x2apic_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
