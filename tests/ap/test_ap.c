/* SPDX-License-Identifier: MIT */
/* Jump table, trampoline, reset hold: T22, T53. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sevc/ap.h>

#include "scripted_host.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define JUMP_TABLE      0x80000005
#define RESET_HOLD      0x80000004
#define UNTOUCHED       0xBADC0DEull

static struct scripted_host host;
static struct sevc_cpu cpu;

static void start(void)
{
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
}

/* ---- the jump table ---- */

static void the_tables_address_is_checked(void **state)
{
    static const struct {
        uint64_t info2;
        enum sevc_result result;
    } cases[] = {
        { 0, SEVC_OK },
        { 0x9F000, SEVC_OK },
        { 0xFFFFF000, SEVC_OK },
        { 0x9F001, SEVC_HOST_ERROR },
        { 0x9F800, SEVC_HOST_ERROR },
        { 0x100000000, SEVC_HOST_ERROR },
        { 0x800000009F000, SEVC_HOST_ERROR }, /* with a C-bit in it */
        { ~0ull << 12, SEVC_HOST_ERROR },
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct sevc_report report;
        uint64_t gpa = UNTOUCHED;

        start();
        host_expect(&host, &(struct host_exchange){
                               .event = JUMP_TABLE, .info1 = 1, .reply_info2 = cases[i].info2 });
        assert_int_equal(sevc_ap_find_jump_table(&cpu, &gpa, &report), cases[i].result);
        assert_int_equal(report.result, cases[i].result);
        assert_int_equal(gpa, cases[i].result == SEVC_OK ? cases[i].info2 : UNTOUCHED);
        host_finish(&host);
    }
}

/* T22: an SNP guest has the address from its secrets page: the host is not even asked. */
static void T22_with_snp_the_host_is_not_asked(void **state)
{
    struct sevc_report report;
    uint64_t gpa = UNTOUCHED;

    (void)state;
    start();
    cpu.platform.sev_status |= SEVC_STATUS_SNP;
    assert_int_equal(sevc_ap_find_jump_table(&cpu, &gpa, &report), SEVC_UNSUPPORTED);
    assert_int_equal(report.reason, SEVC_REASON_SNP);
    assert_int_equal(gpa, UNTOUCHED);
    assert_int_equal(cpu.depth, 0);
    host_finish(&host);
}

#define SNP (SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES | SEVC_STATUS_SNP)

/* As bytes: an error in the structure would be one here too. */
static _Alignas(4096) uint8_t secrets[4096];

static const struct sevc_snp_secrets_page *secrets_page(uint32_t version, uint64_t gpa)
{
    memset(secrets, 0xA5, sizeof(secrets));
    memcpy(secrets, &version, sizeof(version));
    memcpy(secrets + 0xB0, &gpa, sizeof(gpa));
    return (const struct sevc_snp_secrets_page *)secrets;
}

static void T22_with_snp_the_secrets_page_has_the_address(void **state)
{
    static const struct {
        uint32_t version;
        uint64_t address;
        enum sevc_result result;
    } cases[] = {
        { 2, 0, SEVC_OK }, /* there is none */
        { 2, 0x9F000, SEVC_OK },
        { 3, 0xFFFFF000, SEVC_OK },
        { ~0u, 0x1000, SEVC_OK }, /* of a later version, whose guest area is the same */
        { 0, 0x9F000, SEVC_HOST_ERROR },
        { 2, 0x9F001, SEVC_HOST_ERROR },
        { 2, 0x9F800, SEVC_HOST_ERROR },
        { 2, 0x100000000, SEVC_HOST_ERROR },
        { 2, 0x800000009F000, SEVC_HOST_ERROR }, /* with a C-bit in it */
        { 2, 0xA5A5A5A5A5A5A5A5, SEVC_HOST_ERROR },
    };

    (void)state;
    start();
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint64_t gpa = UNTOUCHED;
        const struct sevc_snp_secrets_page *page = secrets_page(cases[i].version, cases[i].address);

        assert_int_equal(sevc_ap_secrets_jump_table(SNP, page, &gpa), cases[i].result);
        assert_int_equal(gpa, cases[i].result == SEVC_OK ? cases[i].address : UNTOUCHED);
    }
    host_finish(&host); /* nothing was sent */
}

static void a_secrets_page_without_snp_is_an_invention(void **state)
{
    const struct sevc_snp_secrets_page *page = secrets_page(2, 0x9F000);
    uint64_t gpa = UNTOUCHED;

    (void)state;
    assert_int_equal(sevc_ap_secrets_jump_table(SNP & ~SEVC_STATUS_SNP, page, &gpa),
                     SEVC_UNSUPPORTED);
    assert_int_equal(sevc_ap_secrets_jump_table(SNP, NULL, &gpa), SEVC_INVALID);
    page = (const struct sevc_snp_secrets_page *)(secrets + 8);
    assert_int_equal(sevc_ap_secrets_jump_table(SNP, page, &gpa), SEVC_INVALID);
    assert_int_equal(gpa, UNTOUCHED);
}

static void without_a_cpu_nothing_is_sent(void **state)
{
    struct sevc_report report;
    uint64_t gpa = UNTOUCHED;

    (void)state;
    start();
    assert_int_equal(sevc_ap_find_jump_table(NULL, &gpa, &report), SEVC_FORBIDDEN);
    assert_int_equal(sevc_ap_reset_hold(NULL, &report), SEVC_FORBIDDEN);
    cpu.magic = 0;
    assert_int_equal(sevc_ap_find_jump_table(&cpu, &gpa, &report), SEVC_FORBIDDEN);
    assert_int_equal(sevc_ap_reset_hold(&cpu, &report), SEVC_FORBIDDEN);
    assert_int_equal(report.reason, SEVC_REASON_NOT_READY);
    assert_int_equal(gpa, UNTOUCHED);
    host_finish(&host);
}

static void the_table_leads_to_a_page_below_1_mib(void **state)
{
    static struct sevc_ap_jump_table table;
    static const uint64_t bad[] = { 0, 0x8010, 0x8FFF, 0x100000, 0x123456000, 0x8000000008000 };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(sevc_ap_jump_table_write(&table, bad[i]), SEVC_INVALID);
    }
    assert_int_equal(sevc_ap_jump_table_write(NULL, 0x8000), SEVC_INVALID);
    assert_int_equal(table.cs, 0);
    table.ip = 0x1234;
    assert_int_equal(sevc_ap_jump_table_write(&table, 0x9D000), SEVC_OK);
    assert_int_equal(table.cs, 0x9D00);
    assert_int_equal(table.ip, 0);
    assert_int_equal(sizeof(table), 4096);
}

/* ---- the trampoline ---- */

static const struct sevc_ap_start good_start = {
    .cr3 = 0x8000000123000,
    .cr0 = 0x10022,
    .cr4 = 0x680,
    .efer = 0xD01,
    .stack = 0xFFFF800000010000,
    .entry = 0xFFFFFFFF80200123,
    .argument = 0x1122334455667788,
    .c_bit = 51,
};

static uint64_t word(const uint8_t *page, unsigned offset, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, page + offset, bytes);
    return value;
}

static void the_page_holds_code_and_what_the_kernel_wants(void **state)
{
    static uint8_t page[4096];

    (void)state;
    memset(page, 0xEE, sizeof(page));
    assert_int_equal(sevc_ap_trampoline_place(page, 0x9D000, &good_start), SEVC_OK);
    assert_int_equal(page[0], 0xFA); /* CLI */
    for (unsigned i = SEVC_AP_TRAMPOLINE_BYTES; i < sizeof(page); i++) {
        assert_int_equal(page[i], 0xEE);
    }
    assert_int_equal(word(page, 256 + 34, 4), 0x9D100);    /* the GDT's address */
    assert_int_equal(word(page, 256 + 56, 4), 0x80010023); /* CR0: PG and PE */
    assert_int_equal(word(page, 256 + 60, 4), 0x6A0);      /* CR4: PAE */
    assert_int_equal(word(page, 256 + 64, 4), 0x901);      /* EFER: LME, no LMA */
    assert_int_equal(word(page, 256 + 72, 8), good_start.cr3);
    assert_int_equal(word(page, 256 + 80, 8), good_start.stack);
    assert_int_equal(word(page, 256 + 88, 8), good_start.entry);
    assert_int_equal(word(page, 256 + 96, 8), good_start.argument);
}

static void what_could_not_work_is_refused(void **state)
{
    static uint8_t page[4096];
    struct sevc_ap_start starts[7];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(starts); i++) {
        starts[i] = good_start;
    }
    starts[0].cr3 |= 1ull << 32; /* the 32-bit part could not load it */
    starts[1].c_bit = 47;
    starts[2].stack += 8;
    starts[3].cr4 |= 1ull << 17; /* PCIDE before long mode is #GP */
    starts[4].cr4 |= 1ull << 32;
    starts[5].c_bit = 255;
    starts[6].cr4 |= 1ull << 23; /* CET before CR0.WP is #GP */
    for (unsigned i = 0; i < COUNT_OF(starts); i++) {
        assert_int_equal(sevc_ap_trampoline_place(page, 0x9D000, &starts[i]), SEVC_INVALID);
    }
    assert_int_equal(sevc_ap_trampoline_place(page, 0x100000, &good_start), SEVC_INVALID);
    assert_int_equal(sevc_ap_trampoline_place(page, 0xA0000, &good_start), SEVC_INVALID);
    assert_int_equal(sevc_ap_trampoline_place(page, 0xFF000, &good_start), SEVC_INVALID);
    assert_int_equal(sevc_ap_trampoline_place(page, 0x9D010, &good_start), SEVC_INVALID);
    assert_int_equal(sevc_ap_trampoline_place(page, 0, &good_start), SEVC_INVALID);
    assert_int_equal(sevc_ap_trampoline_place(NULL, 0x9D000, &good_start), SEVC_INVALID);
    assert_int_equal(page[0], 0);
    assert_int_equal(sevc_ap_trampoline_place(page, 0x9F000, &good_start), SEVC_OK);
}

/* ---- the trampoline lets one processor through: the host wakes whom it likes ---- */

#define FREE (256 + 68) /* 1: nobody has come through yet */
#define BEFORE_FREE                                                                                \
    (256 + 56) /* code, GDT and far pointers: used by one that will be stopped, too */
#define EFLAGS_TF 0x100

static struct {
    uint8_t page[4096], before[4096], after[4096];
    unsigned steps, mixed, unlike, taken_back;
} placed;

/* What a processor could find that arrives at this instruction. */
static void on_step(int signal)
{
    bool free = word(placed.page, FREE, 4) != 0;

    (void)signal;
    placed.steps++;
    placed.unlike += memcmp(placed.page, placed.before, BEFORE_FREE) != 0;
    placed.taken_back += !free;
    placed.mixed += free && memcmp(placed.page, placed.before, sizeof(placed.page)) != 0 &&
                    memcmp(placed.page, placed.after, sizeof(placed.page)) != 0;
}

static void place_stepwise(const struct sevc_ap_start *start)
{
    struct sigaction step = { .sa_handler = on_step }, old;

    memcpy(placed.before, placed.page, sizeof(placed.page));
    assert_int_equal(sevc_ap_trampoline_place(placed.after, 0x9D000, start), SEVC_OK);
    placed.steps = placed.mixed = placed.unlike = placed.taken_back = 0;
    sigaction(SIGTRAP, &step, &old);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | EFLAGS_TF);
    sevc_ap_trampoline_place(placed.page, 0x9D000, start);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)EFLAGS_TF);
    sigaction(SIGTRAP, &old, NULL);
}

static void the_page_is_free_once_all_is_in_it(void **state)
{
    struct sevc_ap_start first = good_start, second = good_start;

    (void)state;
    first.argument = 1;
    second = (struct sevc_ap_start){ 0x321000, 0x20, 0x20, 1, 0x20000, 0x5000, 2, 51 };
    for (unsigned taken = 0; taken <= 1; taken++) {
        assert_int_equal(sevc_ap_trampoline_place(placed.page, 0x9D000, &first), SEVC_OK);
        assert_int_equal(word(placed.page, FREE, 4), 1);
        if (taken != 0) {
            memset(placed.page + FREE, 0, 4); /* as the first one through leaves it */
        }
        place_stepwise(&second);
        assert_true(placed.steps > 100);
        assert_int_equal(placed.unlike, 0);
        assert_int_equal(placed.mixed, 0);
        assert_true(placed.taken_back > 10);
        assert_int_equal(word(placed.page, FREE, 4), 1);
        assert_memory_equal(placed.page, placed.after, sizeof(placed.page));
        assert_int_equal(word(placed.page, 256 + 96, 8), second.argument);
    }
}

/* ---- reset hold ---- */

static void hold_is_repeated_until_woken(void **state)
{
    (void)state;
    for (unsigned early = 0; early < 4; early++) {
        struct sevc_report report;

        start();
        for (unsigned i = 0; i < early; i++) {
            host_expect(&host, &(struct host_exchange){ .event = RESET_HOLD });
        }
        host_expect(&host, &(struct host_exchange){ .event = RESET_HOLD, .reply_info2 = 1 });
        assert_int_equal(sevc_ap_reset_hold(&cpu, &report), SEVC_OK);
        assert_int_equal(report.vmgexits, early + 1);
        assert_int_equal(cpu.depth, 0);
        host_finish(&host);
    }
}

static void hold_by_msr_is_repeated_until_woken(void **state)
{
    (void)state;
    for (unsigned early = 0; early < 4; early++) {
        struct sevc_report report;

        start();
        for (unsigned i = 0; i < early; i++) {
            host_expect_msr(&host, 0x006, 0x007);
        }
        host_expect_msr(&host, 0x006, 0x1007);
        assert_int_equal(sevc_ap_reset_hold_msr(&report), SEVC_OK);
        assert_int_equal(report.vmgexits, early + 1);
        host_finish(&host);
    }
}

static void a_host_that_does_not_hold_is_not_believed(void **state)
{
    static const enum host_lie lies[] = { HOST_REJECTS, HOST_INJECTS_GP, HOST_INFO1_UNDEFINED };
    struct sevc_report report;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(lies); i++) {
        start();
        host_expect(&host, &(struct host_exchange){ .event = RESET_HOLD, .lie = lies[i] });
        assert_int_equal(sevc_ap_reset_hold(&cpu, &report), SEVC_HOST_ERROR);
        assert_int_equal(report.result, SEVC_HOST_ERROR);
        assert_int_equal(cpu.depth, 0);
        host_finish(&host);
    }
    start();
    host_expect_msr(&host, 0x006, 0x1006);
    assert_int_equal(sevc_ap_reset_hold_msr(&report), SEVC_HOST_ERROR);
    assert_int_equal(report.reason, SEVC_REASON_BAD_RESPONSE);
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_address_is_checked),
        cmocka_unit_test(T22_with_snp_the_host_is_not_asked),
        cmocka_unit_test(T22_with_snp_the_secrets_page_has_the_address),
        cmocka_unit_test(a_secrets_page_without_snp_is_an_invention),
        cmocka_unit_test(without_a_cpu_nothing_is_sent),
        cmocka_unit_test(the_table_leads_to_a_page_below_1_mib),
        cmocka_unit_test(the_page_holds_code_and_what_the_kernel_wants),
        cmocka_unit_test(what_could_not_work_is_refused),
        cmocka_unit_test(the_page_is_free_once_all_is_in_it),
        cmocka_unit_test(hold_is_repeated_until_woken),
        cmocka_unit_test(hold_by_msr_is_repeated_until_woken),
        cmocka_unit_test(a_host_that_does_not_hold_is_not_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
