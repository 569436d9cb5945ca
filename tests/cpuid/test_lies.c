/* SPDX-License-Identifier: MIT */
/* A table does not make any check weaker, and no lie gets into it. */
#include "model.h"

static struct sevc_cpuid_table table;
static struct sevc_cpu owner, other;

static void start(void)
{
    model_start();
    sevc_cpuid_table_init(&table, &owner, SEVC_CPUID_MISS_ASK);
    model_cpu(&other, &table, 1);
    model_cpu(&owner, &table, 0);
}

/* T6 */
static void T6_a_lie_about_sev_is_refused_and_not_pinned(void **state)
{
    static const struct {
        uint32_t leaf;
        unsigned reg;
        uint32_t bits;
        enum sevc_reason reason;
    } lies[] = {
        { 0x80000000, 0, 0x3F, SEVC_REASON_HIDES_SEV }, /* 0x8000_0019 */
        { 0x80000000, 0, 0x80000000, SEVC_REASON_HIDES_SEV },
        { 0x8000001F, 0, 0x2, SEVC_REASON_HIDES_SEV },
        { 0x8000001F, 0, 0x8, SEVC_REASON_HIDES_SEV },
        { 0x8000001F, 1, 0x4, SEVC_REASON_C_BIT },
        { 0x8000001F, 1, 0x20, SEVC_REASON_C_BIT },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        start();
        model.change.leaf = lies[i].leaf;
        model.change.reg = lies[i].reg;
        model.change.bits = lies[i].bits;
        model_fails(&owner, lies[i].leaf, 0, SEVC_HOST_ERROR, lies[i].reason);
        assert_int_equal(table.count, 0);
        model.change.bits = 0;
        assert_int_equal(model_ask(&owner, lies[i].leaf, 0), 1);
        model_assert_answer(lies[i].leaf, 0);
        assert_int_equal(model_ask(&owner, lies[i].leaf, 0), 0);
        model_finish();
    }
}

static void what_the_host_rejects_is_not_pinned(void **state)
{
    (void)state;
    start();
    model.refuse_exit = 1;
    model_fails(&owner, 1, 0, SEVC_HOST_ERROR, SEVC_REASON_REJECTED);
    assert_int_equal(table.count, 0);
    assert_int_equal(owner.cpuid_own.known, 0);
    assert_int_equal(model_ask(&owner, 1, 0), 1);
    model_finish();
}

/* The owner is compared too, when it has to ask again: after a nested one has pinned nothing. */
static void nmi_changes_the_hosts_mind(void)
{
    struct sevc_cpuid_regs regs;

    model.host.ghcb_in_use = true;
    assert_int_equal(sevc_cpuid(&owner, 1, 0, &regs), SEVC_HOST_ERROR);
    assert_int_equal(sevc_direct_reason(&owner), SEVC_REASON_CHANGED);
    model.host.ghcb_in_use = false;
}

static void a_nested_session_sees_a_changed_answer(void **state)
{
    (void)state;
    start();
    model_ask(&owner, 1, 0);
    owner.cpuid_own.known = 0; /* as on a CPU that has not learnt it: it has to ask */
    model.change.leaf = 1;
    model.change.bits = 1;
    model.meanwhile = nmi_changes_the_hosts_mind;
    assert_int_equal(model_ask(&owner, 6, 0), 2);
    model_finish();
}

/* Leaf 0xD is as good as its sub-leaves: without them there is no answer. */
static void a_failure_in_a_subleaf_of_0xd_fails_the_leaf(void **state)
{
    (void)state;
    start();
    model.xcr0_named = 4;
    model.xsave[2] = (struct sevc_cpuid_regs){ 256, 576, 0, 0 };
    model.refuse_exit = 3;
    model_fails(&owner, 0xD, 0, SEVC_HOST_ERROR, SEVC_REASON_REJECTED);
    model.cr4 = CR4_OSXSAVE;
    model.xcr0 = 7;
    model_ask(&owner, 0xD, 0); /* again, and now it is there */
    assert_int_equal(model.regs.ebx, 832);
    assert_int_equal(model_ask(&owner, 0xD, 0), 0);
    model_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T6_a_lie_about_sev_is_refused_and_not_pinned),
        cmocka_unit_test(what_the_host_rejects_is_not_pinned),
        cmocka_unit_test(a_nested_session_sees_a_changed_answer),
        cmocka_unit_test(a_failure_in_a_subleaf_of_0xd_fails_the_leaf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
