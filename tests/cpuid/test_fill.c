/* SPDX-License-Identifier: MIT */
/* sevc_cpuid_fill() and sevc_cpuid_verify(). */
#include "../../src/vc/cpuid_table.h"
#include "model.h"

static struct sevc_cpuid_table table;
static struct sevc_cpu owner, other;

static void start(void)
{
    model_start();
    sevc_cpuid_table_init(&table, &owner, SEVC_CPUID_MISS_REFUSE);
    model_cpu(&other, &table, 0x21);
    model_cpu(&owner, &table, 0x10);
    model.xcr0_named = 0x204;
    model.xsave[2] = (struct sevc_cpuid_regs){ 256, 576, 0, 0 };
    model.xsave[9] = (struct sevc_cpuid_regs){ 8, 2432, 0, 0 };
}

static void a_filled_table_has_every_leaf_that_the_host_says_it_has(void **state)
{
    static const struct {
        uint32_t leaf, last_subleaf;
    } leaves[] = {
        { 4, 2 },          { 7, 2 },          { 0xB, 2 },        { 0xD, 2 },        { 0x10, 2 },
        { 0x8000001D, 2 }, { 0x80000026, 2 }, { 0x80000008, 0 }, { 0x40000001, 0 },
    };
    unsigned exits;

    (void)state;
    start();
    model.hypervisor = true;
    assert_int_equal(sevc_cpuid_fill(&owner), SEVC_OK);
    assert_int_equal(table.dropped, 0);
    sevc_cpuid_seal(&table);
    exits = model.host.page_exits;
    assert_int_equal(exits, table.count); /* nothing was asked twice */
    for (uint32_t leaf = 0; leaf <= MODEL_LAST; leaf++) {
        assert_int_equal(model_ask(&owner, leaf, 0), 0);
    }
    for (uint32_t leaf = 0x80000000; leaf <= MODEL_LAST_EXT; leaf++) {
        assert_int_equal(model_ask(&owner, leaf, 0), 0);
    }
    for (size_t i = 0; i < COUNT_OF(leaves); i++) {
        for (uint32_t subleaf = 0; subleaf <= leaves[i].last_subleaf; subleaf++) {
            assert_int_equal(model_ask(&owner, leaves[i].leaf, subleaf), 0);
        }
    }
    assert_int_equal(model_ask(&owner, 0xD, 9), 0);
    model_fails(&owner, MODEL_LAST + 1, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED);
    model_fails(&owner, MODEL_LAST_EXT + 1, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED);
    model_fails(&owner, 0x40000002, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED);
    model_finish();
}

static void without_a_hypervisor_its_range_is_not_asked(void **state)
{
    (void)state;
    start();
    assert_int_equal(sevc_cpuid_fill(&owner), SEVC_OK);
    sevc_cpuid_seal(&table);
    model_fails(&owner, 0x40000000, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED);
    model_finish();
}

/* However many leaves the host claims to have. */
static void filling_ends(void **state)
{
    static const uint32_t leaves[] = { 0, 0x40000000, 0x80000000 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(leaves); i++) {
        start();
        model.hypervisor = true;
        model.change.leaf = leaves[i];
        model.change.bits = 0x7FFFFFFF & ~model_answer(leaves[i], 0).eax;
        assert_int_equal(sevc_cpuid_fill(&owner), SEVC_OK);
        assert_in_range(model.host.page_exits, 64, 64 * 4);
        model_finish();
    }
}

static void filling_is_for_the_owner_of_an_open_table(void **state)
{
    static struct sevc_cpu unready;

    (void)state;
    start();
    assert_int_equal(sevc_cpuid_fill(&other), SEVC_INVALID);
    assert_int_equal(sevc_direct_reason(&other), SEVC_REASON_ARGUMENT);
    assert_int_equal(sevc_cpuid_fill(&unready), SEVC_INVALID);
    assert_int_equal(sevc_cpuid_fill(NULL), SEVC_INVALID);
    sevc_cpuid_seal(&table);
    assert_int_equal(sevc_cpuid_fill(&owner), SEVC_INVALID);
    owner.cpuid_table = NULL;
    assert_int_equal(sevc_cpuid_fill(&owner), SEVC_INVALID);
    assert_int_equal(model.host.page_exits, 0);
    model_finish();
}

static void filling_stops_at_the_first_failure(void **state)
{
    (void)state;
    for (unsigned exit = 1; exit < 60; exit++) {
        start();
        model.refuse_exit = exit;
        assert_int_equal(sevc_cpuid_fill(&owner), SEVC_HOST_ERROR);
        assert_int_equal(model.host.page_exits, exit);
        model_finish();
    }
}

static void a_cpu_that_has_verified_needs_no_exit(void **state)
{
    (void)state;
    start();
    assert_int_equal(sevc_cpuid_fill(&owner), SEVC_OK);
    sevc_cpuid_seal(&table);
    model.host.page_exits = 0;
    model_on(&other);
    assert_int_equal(sevc_cpuid_verify(&other), SEVC_OK);
    assert_int_equal(model.host.page_exits, table.count);
    for (uint32_t leaf = 0x80000000; leaf <= MODEL_LAST_EXT; leaf++) {
        assert_int_equal(model_ask(&other, leaf, 0), 0);
    }
    for (uint32_t leaf = 0; leaf <= MODEL_LAST; leaf++) {
        assert_int_equal(model_ask(&other, leaf, 0), 0);
        if (leaf != 0xD) {
            model_assert_answer(leaf, 0);
        }
    }
    model_finish();
}

static void verifying_finds_any_leaf_that_has_changed(void **state)
{
    unsigned found = 0;

    (void)state;
    start();
    assert_int_equal(sevc_cpuid_fill(&owner), SEVC_OK);
    sevc_cpuid_seal(&table);
    for (unsigned i = 0; i < SEVC_CPUID_TABLE_ENTRIES; i++) {
        const struct sevc_cpuid_entry *entry = &table.entries[i];

        if (entry->used == 0) {
            continue;
        }
        model.host.logged = 0;
        model.change.leaf = entry->leaf;
        model.change.subleaf = entry->subleaf;
        model.change.reg = entry->leaf == 0x8000001E ? 3 : 2; /* static there */
        model.change.bits = 1u << 20;
        model_on(&other);
        assert_int_equal(sevc_cpuid_verify(&other), SEVC_HOST_ERROR);
        assert_int_equal(sevc_direct_reason(&other), SEVC_REASON_CHANGED);
        found++;
    }
    print_message("%u lies told\n", found);
    assert_int_equal(found, table.count);
    model_finish();
}

/* So each costs the same, whatever else is in the table (docs/bench.md). */
static void what_kernels_ask_for_lies_at_home(void **state)
{
    static const struct {
        uint32_t leaf, count, subleaves; /* that many leaves; of the last, so many sub-leaves */
    } asked[] = {
        { 0x0, 8, 2 },         { 0x8, 4, 3 },         { 0xC, 2, 3 },        { 0xE, 3, 1 },
        { 0x40000000, 11, 1 }, { 0x80000000, 11, 1 }, { 0x80000019, 5, 5 }, { 0x8000001E, 3, 1 },
        { 0x80000021, 6, 4 },  { 0x80000027, 2, 1 },
    };
    bool taken[SEVC_CPUID_TABLE_ENTRIES] = { false };

    (void)state;
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        for (uint32_t n = 0; n < asked[i].count + asked[i].subleaves - 1; n++) {
            uint32_t last = asked[i].count - 1;
            uint32_t at = n < last ? sevc_cpuid_home(asked[i].leaf + n, 0)
                                   : sevc_cpuid_home(asked[i].leaf + last, n - last);

            assert_false(taken[at]);
            taken[at] = true;
        }
    }
}

static void verifying_needs_a_sealed_table(void **state)
{
    (void)state;
    start();
    assert_int_equal(sevc_cpuid_verify(&owner), SEVC_INVALID);
    sevc_cpuid_seal(&table);
    assert_int_equal(sevc_cpuid_verify(&owner), SEVC_OK);
    owner.cpuid_table = NULL;
    assert_int_equal(sevc_cpuid_verify(&owner), SEVC_INVALID);
    assert_int_equal(sevc_cpuid_verify(NULL), SEVC_INVALID);
    model_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filled_table_has_every_leaf_that_the_host_says_it_has),
        cmocka_unit_test(without_a_hypervisor_its_range_is_not_asked),
        cmocka_unit_test(filling_ends),
        cmocka_unit_test(filling_is_for_the_owner_of_an_open_table),
        cmocka_unit_test(filling_stops_at_the_first_failure),
        cmocka_unit_test(a_cpu_that_has_verified_needs_no_exit),
        cmocka_unit_test(verifying_finds_any_leaf_that_has_changed),
        cmocka_unit_test(verifying_needs_a_sealed_table),
        cmocka_unit_test(what_kernels_ask_for_lies_at_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
