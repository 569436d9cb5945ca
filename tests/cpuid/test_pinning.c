/* SPDX-License-Identifier: MIT */
/* Who asks, who remembers, who is served: the table before and after sealing. */
#include "model.h"

static struct sevc_cpuid_table table;
static struct sevc_cpu owner, other;

static void start(enum sevc_cpuid_miss miss)
{
    model_start();
    memset(&table, 0xA5, sizeof(table));
    sevc_cpuid_table_init(&table, &owner, miss);
    model_cpu(&other, &table, 3);
    model_cpu(&owner, &table, 2);
}

static const struct {
    uint32_t leaf, subleaf;
} static_leaves[] = {
    { 0, 0 },          { 2, 0 },          { 4, 0 },          { 4, 1 },          { 5, 0 },
    { 7, 1 },          { 0x10, 0 },       { 0x10, 1 },       { 0x40000000, 0 }, { 0x40000003, 0 },
    { 0x40000003, 1 }, { 0x80000000, 0 }, { 0x80000008, 0 }, { 0x8000001D, 1 }, { 0x8000001F, 0 },
};

static void the_first_answer_is_served_without_an_exit(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(static_leaves); i++) {
            uint32_t leaf = static_leaves[i].leaf;
            uint32_t subleaf = static_leaves[i].subleaf;

            assert_int_equal(model_ask(&owner, leaf, subleaf), round == 0);
            model_assert_answer(leaf, subleaf);
        }
        if (round == 1) {
            sevc_cpuid_seal(&table);
        }
    }
    assert_int_equal(table.count, COUNT_OF(static_leaves));
    assert_int_equal(table.dropped, 0);
    model_finish();
}

static void without_a_table_every_call_is_an_exit(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    model_cpu(&owner, NULL, 2);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(model_ask(&owner, 7, 0), 1);
        model_assert_answer(7, 0);
    }
    model_finish();
}

/* What lies in ECX is no part of the question where the processor ignores it. */
static void ecx_counts_only_for_leaves_that_may_have_subleaves(void **state)
{
    static const struct {
        uint32_t leaf;
        bool counts;
    } cases[] = {
        { 0, false },          { 1, false },          { 0x16, false },       { 0x40000001, false },
        { 0x80000002, false }, { 0x8000001C, false }, { 0x8000001E, false }, { 0x80000021, false },
        { 4, true },           { 7, true },           { 0xB, true },         { 0x8000001D, true },
        { 0x80000026, true },  { 0x3F, true },        { 0x40000003, true },  { 0x40, true },
        { 0x80000040, true },  { 0xC0000001, true },  { 0xFFFFFFFF, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        start(SEVC_CPUID_MISS_ASK);
        assert_int_equal(model_ask(&owner, cases[i].leaf, 0xC1C2C3C4), 1);
        assert_int_equal(model_ask(&owner, cases[i].leaf, 0), cases[i].counts);
        assert_int_equal(model_ask(&owner, cases[i].leaf, 1), cases[i].counts);
        assert_int_equal(table.count, cases[i].counts ? 3 : 1);
        model_finish();
    }
}

/* The table is the owner's until it is sealed: the other neither writes nor reads it. */
static void before_sealing_other_cpus_ask_and_leave_the_table_alone(void **state)
{
    struct sevc_cpuid_table before;

    (void)state;
    start(SEVC_CPUID_MISS_REFUSE);
    model_ask(&owner, 7, 0);
    before = table;
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(model_ask(&other, 7, 0), 1);
        model_assert_answer(7, 0);
        assert_int_equal(model_ask(&other, 4, 0), 1);
        assert_int_equal(model_ask(&other, 1, 0), 1);
        assert_int_equal(other.cpuid_own.known, 0);
    }
    model.change.leaf = 7; /* and compares with nothing */
    model.change.bits = 1;
    assert_int_equal(model_ask(&other, 7, 0), 1);
    model_assert_answer(7, 0);
    assert_memory_equal(&table, &before, sizeof(table));
    model_finish();
}

static void once_sealed_the_table_serves_every_cpu_and_changes_no_more(void **state)
{
    struct sevc_cpuid_table before;

    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    for (size_t i = 0; i < COUNT_OF(static_leaves); i++) {
        model_ask(&owner, static_leaves[i].leaf, static_leaves[i].subleaf);
    }
    assert_false(sevc_cpuid_is_sealed(&table));
    sevc_cpuid_seal(&table);
    assert_true(sevc_cpuid_is_sealed(&table));
    before = table;
    for (size_t i = 0; i < COUNT_OF(static_leaves); i++) {
        assert_int_equal(model_ask(&other, static_leaves[i].leaf, static_leaves[i].subleaf), 0);
        model_assert_answer(static_leaves[i].leaf, static_leaves[i].subleaf);
    }
    for (unsigned round = 0; round < 2; round++) { /* ask, and do not remember */
        assert_int_equal(model_ask(&owner, 6, 0), 1);
        model_assert_answer(6, 0);
        assert_int_equal(model_ask(&other, 6, 0), 1);
        assert_int_equal(model_ask(&owner, 0xD, 0), 1);
        assert_int_equal(model_ask(&owner, 1, 0), 1);
    }
    assert_memory_equal(&table, &before, sizeof(table));
    model_finish();
}

static void after_sealing_a_leaf_that_is_missing_can_be_refused(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_REFUSE);
    assert_int_equal(model_ask(&owner, 7, 0), 1); /* not yet */
    sevc_cpuid_seal(&table);
    assert_int_equal(model_ask(&owner, 7, 0), 0);
    assert_int_equal(model_fails(&owner, 6, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED), 0);
    assert_int_equal(model_fails(&other, 7, 1, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED), 0);
    assert_int_equal(model_fails(&other, 0xD, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED), 0);
    model_finish();
}

static void a_full_table_drops_and_counts_and_still_answers(void **state)
{
    const uint32_t first = 0x40000100;
    const uint32_t leaves = SEVC_CPUID_TABLE_ENTRIES + 5;

    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < leaves; i++) {
            unsigned exits = round == 0 || i >= SEVC_CPUID_TABLE_ENTRIES;

            assert_int_equal(model_ask(&owner, first + i, 0), exits);
            model_assert_answer(first + i, 0);
        }
    }
    assert_int_equal(table.count, SEVC_CPUID_TABLE_ENTRIES);
    assert_int_equal(table.dropped, 2 * 5);
    /* A leaf with dynamic parts is then what the host says; leaf 0xD brings nobody along. */
    assert_int_equal(model_ask(&owner, 0xD, 0), 1);
    model_assert_answer(0xD, 0);
    assert_int_equal(model_ask(&owner, 1, 0), 1);
    model_assert_answer(1, 0);
    model_finish();
}

/* Every entry must be found wherever it came to lie: the last slot's neighbour is the first. */
static void entries_that_meet_on_a_slot_are_all_found(void **state)
{
    (void)state;
    for (uint32_t stride = 1; stride < 5000; stride = stride * 3 + 1) {
        start(SEVC_CPUID_MISS_ASK);
        for (uint32_t i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
            assert_int_equal(model_ask(&owner, 0x40001000 + i / 8 * stride, i % 8 * stride), 1);
        }
        for (uint32_t i = SEVC_CPUID_TABLE_ENTRIES; i-- > 0;) {
            assert_int_equal(model_ask(&owner, 0x40001000 + i / 8 * stride, i % 8 * stride), 0);
            model_assert_answer(0x40001000 + i / 8 * stride, i % 8 * stride);
        }
        model_finish();
    }
}

static void nmi_asks_leaf_6(void)
{
    struct sevc_cpuid_regs regs;

    model.host.ghcb_in_use = true;
    assert_int_equal(sevc_cpuid(&owner, 6, 0, &regs), SEVC_OK);
    assert_int_equal(sevc_cpuid(&owner, 1, 0, &regs), SEVC_OK);
    model.host.ghcb_in_use = false;
}

/* It may have interrupted the very writing of an entry. */
static void a_nested_session_remembers_nothing(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    model.meanwhile = nmi_asks_leaf_6;
    model.host.interrupt_flag = true;
    assert_int_equal(model_ask(&owner, 7, 0), 3);
    assert_int_equal(table.count, 1);
    assert_int_equal(owner.cpuid_own.known, 0);
    assert_int_equal(model_ask(&owner, 6, 0), 1);
    model_finish();
}

static void nmi_asks_leaf_1(void)
{
    struct sevc_cpuid_regs regs;

    model.host.ghcb_in_use = true;
    assert_int_equal(sevc_cpuid(&other, 1, 0, &regs), SEVC_OK);
    assert_int_equal(regs.ebx >> 24, model.apic_id);
    model.host.ghcb_in_use = false;
}

static void a_nested_session_learns_nothing_but_compares(void **state)
{
    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    model_ask(&owner, 1, 0);
    sevc_cpuid_seal(&table);
    model.meanwhile = nmi_asks_leaf_1;
    assert_int_equal(model_ask(&other, 6, 0), 2);
    assert_int_equal(other.cpuid_own.known, 0);
    model_finish();
}

static void a_configuration_needs_a_table_that_has_been_initialised(void **state)
{
    struct sevc_cpu_config config;

    (void)state;
    start(SEVC_CPUID_MISS_ASK);
    config = host_config(&model.host);
    config.like = &owner;
    config.cpuid_table = &table;
    memset(&other.cpuid_own, 0xFF, sizeof(other.cpuid_own));
    assert_int_equal(sevc_cpu_init(&other, &config), SEVC_OK);
    assert_ptr_equal(other.cpuid_table, &table);
    assert_int_equal(other.cpuid_own.known, 0);
    table.magic++;
    assert_int_equal(sevc_cpu_init(&other, &config), SEVC_INVALID);
    config.cpuid_table = NULL;
    assert_int_equal(sevc_cpu_init(&other, &config), SEVC_OK);
    assert_null(other.cpuid_table);
    model_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_is_served_without_an_exit),
        cmocka_unit_test(without_a_table_every_call_is_an_exit),
        cmocka_unit_test(ecx_counts_only_for_leaves_that_may_have_subleaves),
        cmocka_unit_test(before_sealing_other_cpus_ask_and_leave_the_table_alone),
        cmocka_unit_test(once_sealed_the_table_serves_every_cpu_and_changes_no_more),
        cmocka_unit_test(after_sealing_a_leaf_that_is_missing_can_be_refused),
        cmocka_unit_test(a_full_table_drops_and_counts_and_still_answers),
        cmocka_unit_test(entries_that_meet_on_a_slot_are_all_found),
        cmocka_unit_test(a_nested_session_remembers_nothing),
        cmocka_unit_test(a_nested_session_learns_nothing_but_compares),
        cmocka_unit_test(a_configuration_needs_a_table_that_has_been_initialised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
