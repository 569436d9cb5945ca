/* SPDX-License-Identifier: MIT */
/* SEV-SNP's CPUID page as the source of a table: what it answers, and what is no such page. */
#include <stdlib.h>

#include "model.h"

static struct sevc_cpuid_table table;
static struct sevc_cpu cpu;
static struct sevc_snp_cpuid_page page;

static const uint32_t leaves[][2] = {
    { 0, 0 },          { 1, 0 },          { 4, 0 },          { 4, 1 },
    { 7, 0 },          { 0xB, 0 },        { 0xB, 1 },        { 0xD, 0 },
    { 0xD, 1 },        { 0xD, 2 },        { 0xD, 9 },        { 0x80000000, 0 },
    { 0x80000001, 0 }, { 0x80000008, 0 }, { 0x8000001E, 0 }, { 0x8000001F, 0 },
};

static struct sevc_snp_cpuid_entry *entry_of(uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < page.count; i++) {
        if (page.entries[i].eax_in == leaf && page.entries[i].ecx_in == subleaf) {
            return &page.entries[i];
        }
    }
    fail_msg("leaf %x/%x is not in the page", leaf, subleaf);
    return NULL;
}

/* What the firmware has checked: the model's answers, to a CPU that is another one. */
static void start(void)
{
    model_start();
    model.xcr0_named = 0x207;
    model.xsave[2] = (struct sevc_cpuid_regs){ 256, 576, 0, 0 };
    model.xsave[9] = (struct sevc_cpuid_regs){ 8, 832, 0, 0 };
    model.apic_id = 99;
    memset(&page, 0, sizeof(page));
    for (size_t i = 0; i < COUNT_OF(leaves); i++) {
        struct sevc_cpuid_regs regs = model_answer(leaves[i][0], leaves[i][1]);

        page.entries[page.count++] = (struct sevc_snp_cpuid_entry){
            .eax_in = leaves[i][0],
            .ecx_in = leaves[i][1],
            .xcr0_in = leaves[i][0] == 0xD,
            .eax = regs.eax,
            .ebx = regs.ebx,
            .ecx = regs.ecx,
            .edx = regs.edx,
        };
    }
    memset(&table, 0xA5, sizeof(table));
    model_cpu(&cpu, &table, 5);
}

static void the_page_answers_and_the_host_is_asked_for_what_is_each_cpus_own(void **state)
{
    (void)state;
    start();
    assert_int_equal(sevc_cpuid_table_snp(&table, &page, MODEL_C_BIT), SEVC_OK);
    assert_true(sevc_cpuid_is_sealed(&table));
    assert_int_equal(table.count, page.count);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(leaves); i++) {
            uint32_t leaf = leaves[i][0];
            bool own = leaf == 1 || leaf == 0x80000001 || leaf == 0x8000001E ||
                       (leaf == 0xB && leaves[i][1] == 0);

            assert_int_equal(model_ask(&cpu, leaf, leaves[i][1]), own && round == 0);
            if (leaf != 0xD || leaves[i][1] > 1) {
                model_assert_answer(leaf, leaves[i][1]);
            }
        }
    }
    model_finish();
}

static void what_follows_from_the_state_is_computed(void **state)
{
    (void)state;
    start();
    assert_int_equal(sevc_cpuid_table_snp(&table, &page, 0), SEVC_OK);
    model.cr4 = CR4_OSXSAVE | CR4_PKE;
    model.xcr0 = 0x207;
    model_ask(&cpu, 7, 0);
    assert_int_equal(model.regs.ecx >> 4 & 1, 1);
    assert_int_equal(model_ask(&cpu, 0xD, 0), 0);
    assert_int_equal(model.regs.ebx, 840);
    model.xcr0 = 7;
    assert_int_equal(model_ask(&cpu, 0xD, 0), 0);
    assert_int_equal(model.regs.ebx, 832);
    model_finish();
}

/* KVM and QEMU leave out what is all zero: there is room for 64 only. */
static void a_leaf_that_is_missing_is_zero_and_no_exit(void **state)
{
    static const struct sevc_cpuid_regs zero;

    (void)state;
    start();
    assert_int_equal(sevc_cpuid_table_snp(&table, &page, 0), SEVC_OK);
    assert_int_equal(model_ask(&cpu, 6, 0), 0);
    assert_memory_equal(&model.regs, &zero, sizeof(zero));
    assert_int_equal(model_ask(&cpu, 0x40000000, 0), 0);
    assert_memory_equal(&model.regs, &zero, sizeof(zero));
    assert_int_equal(model_ask(&cpu, 4, 7), 0);
    assert_memory_equal(&model.regs, &zero, sizeof(zero));

    model.cr4 = CR4_OSXSAVE; /* but a feature that is enabled has a size */
    model.xcr0 = 0x27;
    assert_int_equal(model_fails(&cpu, 0xD, 0, SEVC_HOST_ERROR, SEVC_REASON_XSAVE_SIZE), 0);
    model_finish();
}

/* Leaf 0xD may stand there for several values of XCR0; ECX does not matter to leaf 0x80000008. */
static void the_same_answer_twice_is_one(void **state)
{
    (void)state;
    start();
    page.entries[page.count] = *entry_of(0xD, 0);
    page.entries[page.count].xcr0_in = 7;
    page.entries[page.count++].ebx = 832;
    page.entries[page.count] = *entry_of(0x80000008, 0);
    page.entries[page.count++].ecx_in = 0x55;
    assert_int_equal(sevc_cpuid_table_snp(&table, &page, 0), SEVC_OK);
    assert_int_equal(table.count, page.count - 2);
    model_finish();
}

static void as_many_entries_as_the_page_can_hold(void **state)
{
    (void)state;
    start();
    for (uint32_t i = 0; page.count < SEVC_SNP_CPUID_ENTRIES; i++) {
        page.entries[page.count++] =
            (struct sevc_snp_cpuid_entry){ .eax_in = 0x40000100 + i, .eax = i };
    }
    assert_int_equal(sevc_cpuid_table_snp(&table, &page, 0), SEVC_OK);
    assert_int_equal(model_ask(&cpu, page.entries[63].eax_in, 0), 0);
    assert_int_equal(model.regs.eax, page.entries[63].eax);
    model_finish();
}

/* ---- no such page ---- */

static void too_many(void)
{
    page.count = SEVC_SNP_CPUID_ENTRIES + 1;
}

static void far_too_many(void)
{
    page.count = ~0u;
}

static void empty(void)
{
    page.count = 0;
}

static void reserved_0(void)
{
    page.reserved[0] = 1;
}

static void reserved_2(void)
{
    page.reserved[2] = 1u << 31;
}

static void reserved_in_the_last_entry(void)
{
    page.entries[page.count - 1].reserved = 1ull << 63;
}

static void two_answers(void)
{
    page.entries[page.count] = *entry_of(7, 0);
    page.entries[page.count++].edx ^= 1;
}

static void two_answers_of_different_ecx(void)
{
    page.entries[page.count] = *entry_of(0x80000008, 0);
    page.entries[page.count].ecx_in = 1;
    page.entries[page.count++].eax ^= 0x100;
}

static void no_sev(void)
{
    entry_of(0x8000001F, 0)->eax &= ~2u;
}

static void no_sev_es(void)
{
    entry_of(0x8000001F, 0)->eax &= ~8u;
}

static void another_c_bit(void)
{
    entry_of(0x8000001F, 0)->ebx ^= 1;
}

static void extended_leaves_end_early(void)
{
    entry_of(0x80000000, 0)->eax = 0x8000001E;
}

static void no_memory_encryption_leaf(void)
{
    entry_of(0x8000001F, 0)->eax_in = 0x80000025;
}

static void no_extended_leaves(void)
{
    entry_of(0x80000000, 0)->eax_in = 0x80000025;
}

static void what_the_firmware_would_not_make_is_refused(void **state)
{
    static void (*const damages[])(void) = {
        too_many,
        far_too_many,
        empty,
        reserved_0,
        reserved_2,
        reserved_in_the_last_entry,
        two_answers,
        two_answers_of_different_ecx,
        no_sev,
        no_sev_es,
        another_c_bit,
        extended_leaves_end_early,
        no_memory_encryption_leaf,
        no_extended_leaves,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        start();
        damages[i]();
        assert_int_equal(sevc_cpuid_table_snp(&table, &page, MODEL_C_BIT), SEVC_HOST_ERROR);
        assert_true(sevc_cpuid_is_sealed(&table));
        assert_int_equal(table.count, 0);
        assert_int_equal(model_fails(&cpu, 0, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED), 0);
        model_finish();
    }
}

/* Whatever lies there: a table that answers, or one that refuses. */
static void any_page_is_survived(void **state)
{
    unsigned accepted = 0;

    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t *bytes = (uint8_t *)&page;

        start();
        for (int i = rand() % 4; i >= 0; i--) {
            bytes[(size_t)rand() % (16 + 48 * COUNT_OF(leaves))] ^= (uint8_t)(1 << rand() % 8);
        }
        if (sevc_cpuid_table_snp(&table, &page, MODEL_C_BIT) == SEVC_OK) {
            accepted++;
            assert_int_equal(model_ask(&cpu, 0x8000001F, 0), 0);
            assert_int_equal(model.regs.ebx & 0x3F, MODEL_C_BIT);
        } else {
            assert_int_equal(table.count, 0);
        }
        model_finish();
    }
    print_message("%u of 20000 damaged pages accepted\n", accepted);
    assert_in_range(accepted, 1, 19999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_answers_and_the_host_is_asked_for_what_is_each_cpus_own),
        cmocka_unit_test(what_follows_from_the_state_is_computed),
        cmocka_unit_test(a_leaf_that_is_missing_is_zero_and_no_exit),
        cmocka_unit_test(the_same_answer_twice_is_one),
        cmocka_unit_test(as_many_entries_as_the_page_can_hold),
        cmocka_unit_test(what_the_firmware_would_not_make_is_refused),
        cmocka_unit_test(any_page_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
