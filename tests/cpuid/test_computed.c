/* SPDX-License-Identifier: MIT */
/* What is computed: OSXSAVE, OSPKE, and the XSAVE sizes (APM vol. 3, CPUID; Intel SDM vol. 1, 13.4). */
#include <cpuid.h>

#include "model.h"

#define OSXSAVE (1u << 27)
#define OSPKE   (1u << 4)

static struct sevc_cpuid_table table;
static struct sevc_cpu owner, other;

static void start(void)
{
    model_start();
    sevc_cpuid_table_init(&table, &owner, SEVC_CPUID_MISS_ASK);
    model_cpu(&other, &table, 1);
    model_cpu(&owner, &table, 0);
}

/* T49: EDK2 never set OSXSAVE, and set OSPKE in every sub-leaf. */
static void T49_osxsave_and_ospke_show_cr4(void **state)
{
    static const uint64_t values[] = { 0, CR4_OSXSAVE, CR4_PKE, CR4_OSXSAVE | CR4_PKE };

    (void)state;
    for (size_t first = 0; first < COUNT_OF(values); first++) {
        start();
        model.cr4 = values[first]; /* whatever was in force when the host was asked */
        model_ask(&owner, 1, 0);
        model_ask(&owner, 7, 0);
        model_ask(&owner, 7, 1);
        sevc_cpuid_seal(&table);
        for (size_t i = 0; i < COUNT_OF(values); i++) {
            model.cr4 = values[i];
            assert_int_equal(model_ask(&owner, 1, 0), 0);
            model_assert_answer(1, 0);
            assert_int_equal((model.regs.ecx & OSXSAVE) != 0, (values[i] & CR4_OSXSAVE) != 0);
            assert_int_equal(model_ask(&owner, 7, 0), 0);
            model_assert_answer(7, 0);
            assert_int_equal((model.regs.ecx & OSPKE) != 0, (values[i] & CR4_PKE) != 0);
            assert_int_equal(model_ask(&owner, 7, 1), 0);
            model_assert_answer(7, 1);
        }
        model_finish();
    }
}

/* The host's word on these bits counts for nothing, even in the exit that fills the table. */
static void the_hosts_osxsave_is_ignored_where_cr4_says_it(void **state)
{
    (void)state;
    start();
    model.change.leaf = 1;
    model.change.reg = 2;
    model.change.bits = OSXSAVE;
    assert_int_equal(model_ask(&owner, 1, 0), 1);
    assert_int_equal(model.regs.ecx & OSXSAVE, 0);
    model_finish();
}

/* ---- T42 ---- */

/* The features of a processor that has many: size, place, flags. */
static void give_features(void)
{
    model.xsave[2] = (struct sevc_cpuid_regs){ 256, 576, 0, 0 };    /* AVX */
    model.xsave[5] = (struct sevc_cpuid_regs){ 64, 832, 0, 0 };     /* opmask */
    model.xsave[6] = (struct sevc_cpuid_regs){ 512, 896, 0, 0 };    /* ZMM0 to 15 */
    model.xsave[7] = (struct sevc_cpuid_regs){ 1024, 1408, 0, 0 };  /* ZMM16 to 31 */
    model.xsave[9] = (struct sevc_cpuid_regs){ 8, 2432, 0, 0 };     /* PKRU */
    model.xsave[17] = (struct sevc_cpuid_regs){ 64, 2752, 2, 0 };   /* TILECFG: aligned */
    model.xsave[18] = (struct sevc_cpuid_regs){ 8192, 2816, 6, 0 }; /* TILEDATA: aligned */
    model.xsave[11] = (struct sevc_cpuid_regs){ 16, 0, 1, 0 };      /* CET_U: supervisor */
    model.xsave[12] = (struct sevc_cpuid_regs){ 24, 0, 1, 0 };      /* CET_S */
    model.xsave[40] = (struct sevc_cpuid_regs){ 32, 0, 3, 0 };      /* one of the upper half */
    model.xcr0_named = 0x602E4;
    model.xss_named = 0x10000001800;
}

static const struct {
    uint64_t xcr0, xss;
    uint32_t standard, compacted;
} sizes[] = {
    { 0x1, 0, 576, 576 },
    { 0x3, 0, 576, 576 },
    { 0x7, 0, 832, 832 },
    { 0x207, 0, 2440, 840 },
    { 0xE7, 0, 2432, 2432 },
    { 0x2E7, 0, 2440, 2440 },
    { 0x3, 0x1800, 576, 616 },
    { 0x7, 0x800, 832, 848 },
    { 0x207, 0x1800, 2440, 880 },
    { 0x2E7, 0x1800, 2440, 2480 },
    { 0x60003, 0, 11008, 8832 },       /* 576 is aligned; 576 + 64 + 8192 */
    { 0x60207, 0, 11008, 9152 },       /* 840 rounds up to 896 */
    { 0x602E7, 0x1800, 11008, 10752 }, /* 2480 to 2496 */
    { 0x7, 0x10000000800, 832, 928 },  /* 848 rounds up to 896, and 32 more */
};

static void T42_the_xsave_sizes_follow_xcr0_and_xss(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) { /* either sub-leaf may be asked first */
        start();
        give_features();
        model.cr4 = CR4_OSXSAVE;
        assert_int_equal(model_ask(&owner, 0xD, first), 2 + 10);
        sevc_cpuid_seal(&table);
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            model.xcr0 = sizes[i].xcr0;
            model.xss = sizes[i].xss;
            assert_int_equal(model_ask(&owner, 0xD, 0), 0);
            assert_int_equal(model.regs.ebx, sizes[i].standard);
            assert_int_equal(model.regs.eax, 0x602E7);
            assert_int_equal(model.regs.ecx, 0xEC00);
            assert_int_equal(model_ask(&other, 0xD, 1), 0);
            assert_int_equal(model.regs.ebx, sizes[i].compacted);
            assert_int_equal(model.regs.eax, 0xF);
        }
        model_finish();
    }
}

/* T20: XCR0 counts as 1 while CR4.OSXSAVE is 0. */
static void without_osxsave_only_the_legacy_area_counts(void **state)
{
    (void)state;
    start();
    give_features();
    model.xcr0 = 0x2E7;
    model_ask(&owner, 0xD, 0);
    assert_int_equal(model.regs.ebx, 576);
    assert_int_equal(model_ask(&owner, 0xD, 0), 0);
    assert_int_equal(model.regs.ebx, 576);
    model_finish();
}

static void without_a_compacted_form_its_size_is_zero(void **state)
{
    (void)state;
    start();
    give_features();
    model.change.leaf = 0xD;
    model.change.subleaf = 1;
    model.change.reg = 0;
    model.change.bits = 0xA; /* neither XSAVEC nor XSAVES */
    model_ask(&owner, 0xD, 1);
    assert_int_equal(model.regs.ebx, 0);
    assert_int_equal(model_ask(&owner, 0xD, 1), 0);
    assert_int_equal(model.regs.ebx, 0);
    assert_int_equal(model.regs.eax, 5);
    model_finish();
}

/* An enabled feature without size, or one that goes past 4 GiB, would make a buffer too small. */
static void T50_an_impossible_size_is_an_error(void **state)
{
    static const struct {
        uint32_t subleaf, bytes, offset;
    } cases[] = { { 0, 0, 576 }, { 1, 0, 576 }, { 0, 0xFFFFFFFF, 576 }, { 0, 256, 0xFFFFFF80 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        start();
        give_features();
        model.cr4 = CR4_OSXSAVE;
        model.xcr0 = 7;
        model.xsave[2] = (struct sevc_cpuid_regs){ cases[i].bytes, cases[i].offset, 0, 0 };
        model_fails(&owner, 0xD, cases[i].subleaf, SEVC_HOST_ERROR, SEVC_REASON_XSAVE_SIZE);
        sevc_cpuid_seal(&table);
        assert_int_equal(
            model_fails(&other, 0xD, cases[i].subleaf, SEVC_HOST_ERROR, SEVC_REASON_XSAVE_SIZE), 0);
        model.xcr0 = 3; /* not enabled: no harm */
        assert_int_equal(model_ask(&other, 0xD, cases[i].subleaf), 0);
        model_finish();
    }
}

/* A feature that the host does not name is a leaf that the table does not have. */
static void a_feature_that_the_host_hides_is_missing(void **state)
{
    static const enum sevc_cpuid_miss policies[] = { SEVC_CPUID_MISS_ASK, SEVC_CPUID_MISS_REFUSE };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        start();
        sevc_cpuid_table_init(&table, &owner, policies[i]);
        give_features();
        model.cr4 = CR4_OSXSAVE;
        model_ask(&owner, 0xD, 0);
        sevc_cpuid_seal(&table);
        model.xcr0 = 0xF;
        if (policies[i] == SEVC_CPUID_MISS_ASK) {
            assert_int_equal(model_ask(&owner, 0xD, 0), 1);
            assert_int_equal(model.regs.ebx, 0xEB00); /* the host's own word */
        } else {
            assert_int_equal(model_fails(&owner, 0xD, 0, SEVC_FORBIDDEN, SEVC_REASON_NOT_PINNED),
                             0);
        }
        model_finish();
    }
}

static void a_host_that_names_everything_is_asked_64_times_at_most(void **state)
{
    (void)state;
    start();
    for (unsigned i = 2; i < 64; i++) {
        model.xsave[i] = (struct sevc_cpuid_regs){ 8, 576 + 8 * i, 0, 0 };
    }
    model.xcr0_named = ~0ull;
    model.xss_named = ~0ull;
    assert_int_equal(model_ask(&owner, 0xD, 0), 64);
    assert_int_equal(table.count, 64);
    model_finish();
}

/* ---- the processor's own opinion ---- */

static void take_features_of_this_processor(void)
{
    unsigned a, b, c, d;

    __cpuid_count(0xD, 0, a, b, c, d);
    model.xcr0_named = (uint64_t)d << 32 | a;
    __cpuid_count(0xD, 1, a, b, c, d);
    model.xss_named = (uint64_t)d << 32 | c;
    for (unsigned i = 2; i < 64; i++) {
        __cpuid_count(0xD, i, a, b, c, d);
        model.xsave[i] = (struct sevc_cpuid_regs){ a, b, c, d };
    }
}

static uint64_t xgetbv(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* XSS cannot be read here: some set of the features that it may have must give the processor's size. */
static bool some_xss_gives(uint32_t bytes)
{
    uint64_t xss = 0;

    do {
        model.xss = xss;
        model_ask(&owner, 0xD, 1);
        if (model.regs.ebx == bytes) {
            return true;
        }
        xss = (xss - model.xss_named) & model.xss_named; /* the next subset */
    } while (xss != 0);
    return false;
}

static void T42_this_processor_agrees(void **state)
{
    unsigned a, b, c, d;

    (void)state;
    __cpuid(1, a, b, c, d);
    if ((c & OSXSAVE) == 0) {
        fail_msg("XSAVE is off on this machine: run the tests on another");
    }
    start();
    take_features_of_this_processor();
    model.cr4 = CR4_OSXSAVE;
    model.xcr0 = xgetbv();
    model_ask(&owner, 0xD, 0);
    sevc_cpuid_seal(&table);
    __cpuid_count(0xD, 0, a, b, c, d);
    print_message("XCR0 0x%llx: %u bytes\n", (unsigned long long)model.xcr0, b);
    assert_int_equal(model_ask(&owner, 0xD, 0), 0);
    assert_int_equal(model.regs.ebx, b);
    __cpuid_count(0xD, 1, a, b, c, d);
    if ((a & 0xA) != 0) {
        assert_true(some_xss_gives(b));
        print_message("XSS 0x%llx: %u bytes\n", (unsigned long long)model.xss, b);
    }
    model_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T49_osxsave_and_ospke_show_cr4),
        cmocka_unit_test(the_hosts_osxsave_is_ignored_where_cr4_says_it),
        cmocka_unit_test(T42_the_xsave_sizes_follow_xcr0_and_xss),
        cmocka_unit_test(without_osxsave_only_the_legacy_area_counts),
        cmocka_unit_test(without_a_compacted_form_its_size_is_zero),
        cmocka_unit_test(T50_an_impossible_size_is_an_error),
        cmocka_unit_test(a_feature_that_the_host_hides_is_missing),
        cmocka_unit_test(a_host_that_names_everything_is_asked_64_times_at_most),
        cmocka_unit_test(T42_this_processor_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
