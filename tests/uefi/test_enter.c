/* SPDX-License-Identifier: MIT */
/* sevc_uefi_enter() and sevc_uefi_leave(): what they change, what they put back, what they refuse. */
#include "firmware.h"

#include <sevc/cpuid.h>
#include <sevc/direct.h>
#include <sevc/ghcb.h>
#include <sevc/svm.h>
#include <sevc/vc.h>

#include "../../src/uefi/uefi.h"

static struct sevc_ghcb_page *page(void)
{
    return firmware.host.ghcb.va;
}

static void assert_page_is_zero(size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        assert_int_equal(((const uint8_t *)page())[i], 0);
    }
}

static enum sevc_result enter(void)
{
    return sevc_uefi_enter(&firmware.uefi, &firmware.config, &firmware.report);
}

static void enter_takes_vector_29_and_no_other(void **state)
{
    struct sevc_uefi_idtr idtr;

    (void)state;
    firmware_start();
    firmware.gates[200].ist = 3;
    firmware_enter();
    idtr = firmware_idtr();
    assert_int_equal(idtr.base, (uint64_t)(uintptr_t)firmware.uefi.idt);
    assert_int_equal(idtr.limit, sizeof(firmware.uefi.idt) - 1);
    for (unsigned i = 0; i < SEVC_UEFI_IDT_GATES; i++) {
        if (i != 29) {
            assert_memory_equal(&firmware.uefi.idt[i], &firmware.gates[i], 16);
        }
    }
    assert_int_equal(firmware_gate_target(&firmware.uefi.idt[29]), (uint64_t)sevc_uefi_entry);
    assert_int_equal(firmware.uefi.idt[29].selector, FIRMWARE_CS);
    assert_int_equal(firmware.uefi.idt[29].attributes, 0x8E);
    assert_int_equal(firmware.uefi.idt[29].ist, 0);
    assert_int_equal(firmware_gate_target(&firmware.gates[29]), FIRMWARE_ENTRY);
    assert_true(firmware.host.interrupt_flag);
}

static void enter_adopts_the_ghcb_that_the_msr_names(void **state)
{
    (void)state;
    firmware_start();
    firmware_enter();
    assert_true(sevc_cpu_ready(&firmware.uefi.cpu));
    assert_ptr_equal(firmware.uefi.cpu.ghcb.va, firmware.host.ghcb.va);
    assert_int_equal(firmware.uefi.cpu.ghcb.gpa, HOST_GHCB_GPA);
    assert_int_equal(firmware.host.ghcb_msr, HOST_GHCB_GPA);
    assert_ptr_equal(firmware.uefi.cpu.policy, &sevc_uefi_policy);
    assert_int_equal(firmware.uefi.cpu.platform.c_bit, FIRMWARE_C_BIT);
    assert_int_equal(firmware.host.vmgexits, 1);
    assert_page_is_zero(SEVC_GHCB_SIZE);
}

static void the_callers_policy_and_table_are_used(void **state)
{
    static const struct sevc_policy policy = { .mmio = SEVC_MMIO_OFF };
    static struct sevc_cpuid_table table;

    (void)state;
    firmware_start();
    sevc_cpuid_table_init(&table, &firmware.uefi.cpu, SEVC_CPUID_MISS_ASK);
    firmware.config.policy = &policy;
    firmware.config.cpuid_table = &table;
    firmware_enter();
    assert_ptr_equal(firmware.uefi.cpu.policy, &policy);
    assert_ptr_equal(firmware.uefi.cpu.cpuid_table, &table);
}

static void a_short_idt_is_completed_with_absent_gates(void **state)
{
    struct sevc_uefi_idtr idtr;

    (void)state;
    firmware_start();
    idtr = firmware_idtr();
    idtr.limit = 32 * 16 - 1;
    memcpy(firmware.host.idtr, &idtr, sizeof(idtr));
    firmware_enter();
    assert_int_equal(firmware.uefi.idt[31].attributes, 0x8E);
    for (unsigned i = 32; i < SEVC_UEFI_IDT_GATES; i++) {
        assert_int_equal(firmware.uefi.idt[i].attributes, 0);
    }
}

static void leave_puts_everything_back(void **state)
{
    (void)state;
    firmware_start();
    page()->protocol_version = 2;
    page()->ghcb_usage = 0xABCD;
    firmware_enter();
    memset(firmware.host.ghcb.va, 0x55, SEVC_GHCB_SIZE); /* a service of the firmware's */
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_OK);
    firmware_assert_untouched();
    assert_page_is_zero(offsetof(struct sevc_ghcb_page, protocol_version));
    assert_int_equal(page()->protocol_version, 2);
    assert_int_equal(page()->ghcb_usage, 0xABCD);
    assert_false(sevc_cpu_ready(&firmware.uefi.cpu));
}

static void it_can_be_entered_again(void **state)
{
    (void)state;
    firmware_start();
    firmware_enter();
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_OK);
    firmware_enter();
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_OK);
    firmware_assert_untouched();
}

static void interrupts_that_were_off_stay_off(void **state)
{
    (void)state;
    firmware_start();
    firmware.host.interrupt_flag = false;
    firmware_enter();
    assert_false(firmware.host.interrupt_flag);
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_OK);
    assert_false(firmware.host.interrupt_flag);
}

static void an_explicit_call_cleans_up_behind_the_firmware(void **state)
{
    struct sevc_cpuid_regs regs;

    (void)state;
    firmware_start();
    firmware_enter();
    memset(firmware.host.ghcb.va, 0x55, SEVC_GHCB_SIZE); /* its last exchange */
    host_expect(&firmware.host,
                &(struct host_exchange){
                    .event = SEVC_EXIT_CPUID,
                    .inputs = { { SEVC_GHCB_OFF_RAX, 2 }, { SEVC_GHCB_OFF_RCX, 0 } },
                    .outputs = { { SEVC_GHCB_OFF_RAX, 0x11 },
                                 { SEVC_GHCB_OFF_RBX, 0x22 },
                                 { SEVC_GHCB_OFF_RCX, 0x33 },
                                 { SEVC_GHCB_OFF_RDX, 0x44 } },
                });
    /* The host checks that every byte besides those is zero. */
    assert_int_equal(sevc_cpuid(&firmware.uefi.cpu, 2, 0, &regs), SEVC_OK);
    assert_int_equal(regs.ebx, 0x22);
}

static void no_sev_es_guest_works_natively(void **state)
{
    uint64_t value;

    (void)state;
    for (unsigned sev = 0; sev < 2; sev++) { /* no MSR at all reads as 0 */
        firmware_start();
        firmware.host.sev_status = sev;
        assert_int_equal(enter(), SEVC_UNSUPPORTED);
        assert_int_equal(firmware.report.reason, SEVC_REASON_NOT_SEV_ES);
        assert_int_equal(firmware.report.result, SEVC_UNSUPPORTED);
        firmware_assert_untouched();
        assert_int_equal(firmware.host.vmgexits, 0);
        firmware.host.native_answer[0] = 0x1234;
        assert_int_equal(sevc_rdmsr(&firmware.uefi.cpu, 0x1B, &value), SEVC_OK);
        assert_int_equal(value, 0x1234);
        assert_int_equal(firmware.host.natives, 1);
        assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_OK);
        firmware_assert_untouched();
    }
}

/* Two LIDT around the one RDMSR that may raise #GP, and gate 13 is the firmware's again after. */
static void the_gp_of_a_missing_msr_is_caught_only_while_it_is_read(void **state)
{
    unsigned loads = 0;

    (void)state;
    firmware_start();
    firmware.host.sev_status = 0;
    assert_int_equal(enter(), SEVC_UNSUPPORTED);
    for (unsigned i = 0; i < firmware.host.logged; i++) {
        loads += firmware.host.log[i].operation == HOST_OP_LIDT;
    }
    assert_int_equal(loads, 2);
    assert_int_equal(firmware_gate_target(&firmware.uefi.idt[13]), FIRMWARE_ENTRY - 16 * 16);
    firmware_assert_untouched();
}

static void snp_is_refused(void **state)
{
    (void)state;
    firmware_start();
    firmware.host.sev_status = SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES | SEVC_STATUS_SNP;
    assert_int_equal(enter(), SEVC_UNSUPPORTED);
    assert_int_equal(firmware.report.reason, SEVC_REASON_SNP);
    assert_false(sevc_cpu_ready(&firmware.uefi.cpu));
    assert_int_equal(firmware.uefi.cpu.magic, 0); /* and not native: nothing is executed bare */
    firmware_assert_untouched();
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_INVALID);
}

static void assert_no_firmware(void)
{
    assert_int_equal(enter(), SEVC_UNSUPPORTED);
    assert_int_equal(firmware.report.reason, SEVC_REASON_NO_FIRMWARE_VC);
    assert_int_equal(firmware.uefi.cpu.magic, 0);
    assert_int_equal(firmware.host.vmgexits, 0);
    assert_int_equal(firmware_idtr().base, (uint64_t)(uintptr_t)firmware.gates);
    assert_true(firmware.host.interrupt_flag);
}

static void firmware_without_gate_29_is_refused(void **state)
{
    struct sevc_uefi_idtr idtr;

    (void)state;
    firmware_start();
    firmware.gates[29].attributes = 0x0E;
    assert_no_firmware();

    firmware_start();
    idtr = firmware_idtr();
    idtr.limit = 29 * 16 - 1;
    memcpy(firmware.host.idtr, &idtr, sizeof(idtr));
    assert_no_firmware();
}

static void an_msr_that_names_no_page_is_refused(void **state)
{
    static const uint64_t values[] = { 0, 0x001, HOST_GHCB_GPA | 0x004, HOST_GHCB_GPA | 0xFFF,
                                       1ull << 52 | HOST_GHCB_GPA };

    (void)state;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        firmware_start();
        firmware.host.ghcb_msr = values[i];
        assert_no_firmware();
        assert_int_equal(firmware.host.ghcb_msr, values[i]);
    }
}

static void assert_page_refused(void)
{
    host_expect_platform(&firmware.host, 1, 2, FIRMWARE_C_BIT);
    assert_int_equal(enter(), SEVC_FORBIDDEN);
    assert_int_equal(firmware.report.reason, SEVC_REASON_GHCB_PAGE);
    assert_int_equal(firmware.uefi.cpu.magic, 0);
    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        assert_int_equal(((const uint8_t *)page())[i], 0x77);
    }
    firmware_assert_untouched();
}

static void a_ghcb_that_is_not_mapped_shared_and_writable_is_refused(void **state)
{
    (void)state;
    firmware_start();
    *firmware.ghcb_entry = 0;
    assert_page_refused();

    firmware_start();
    *firmware.ghcb_entry |= 1ull << FIRMWARE_C_BIT; /* what is written there would be a secret */
    assert_page_refused();

    firmware_start();
    *firmware.ghcb_entry &= ~2ull;
    assert_page_refused();

    firmware_start();
    *firmware.ghcb_entry += 0x1000; /* another page is mapped at its address */
    assert_page_refused();
}

static void a_lying_negotiation_is_passed_on(void **state)
{
    (void)state;
    firmware_start();
    host_expect_platform(&firmware.host, 3, 4, FIRMWARE_C_BIT);
    assert_int_equal(enter(), SEVC_HOST_ERROR);
    assert_int_equal(firmware.report.reason, SEVC_REASON_VERSION);
    assert_int_equal(firmware.uefi.cpu.magic, 0);
    firmware_assert_untouched();
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    firmware_start();
    firmware.config.backup = NULL;
    assert_int_equal(enter(), SEVC_INVALID);
    assert_int_equal(firmware.report.reason, SEVC_REASON_ARGUMENT);
    firmware.config.backup = (uint8_t *)firmware.host.backup + 8;
    assert_int_equal(enter(), SEVC_INVALID);
    firmware_assert_untouched();

    firmware_start();
    firmware_enter();
    assert_int_equal(enter(), SEVC_INVALID); /* entered already */
    assert_true(sevc_cpu_ready(&firmware.uefi.cpu));
}

static void a_table_that_nobody_has_initialised_is_refused(void **state)
{
    static struct sevc_cpuid_table table;

    (void)state;
    firmware_start();
    firmware.config.cpuid_table = &table;
    host_expect_platform(&firmware.host, 1, 2, FIRMWARE_C_BIT);
    assert_int_equal(enter(), SEVC_INVALID);
    assert_int_equal(firmware.report.reason, SEVC_REASON_ARGUMENT);
    assert_int_equal(firmware.report.result, SEVC_INVALID);
    firmware_assert_untouched();
}

static void leave_without_enter_is_refused(void **state)
{
    (void)state;
    firmware_start();
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_INVALID);
    firmware_assert_untouched();
}

static void leave_under_a_foreign_idt_is_refused(void **state)
{
    struct sevc_uefi_idtr foreign = { .limit = 4095, .base = 0x1000 };
    struct sevc_uefi_idtr own;

    (void)state;
    firmware_start();
    firmware_enter();
    own = firmware_idtr();
    memcpy(firmware.host.idtr, &foreign, sizeof(foreign));
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_FORBIDDEN);
    assert_int_equal(firmware_idtr().base, 0x1000);
    assert_true(sevc_cpu_ready(&firmware.uefi.cpu));
    assert_true(firmware.host.interrupt_flag);
    memcpy(firmware.host.idtr, &own, sizeof(own)); /* it has gone again */
    assert_int_equal(sevc_uefi_leave(&firmware.uefi), SEVC_OK);
    firmware_assert_untouched();
}

static void registers_are_those_at_enter(void **state)
{
    struct sevc_uefi *uefi = &firmware.uefi;

    (void)state;
    firmware_start();
    firmware.host.native_answer[0] = 0xBA5E;
    firmware.cr4 = 0x668;
    firmware_enter();
    assert_int_equal(sevc_uefi_register(uefi, SEVC_OS_CR4), 0x668);
    assert_int_equal(sevc_uefi_register(uefi, SEVC_OS_XCR0), 1); /* CR4.OSXSAVE is 0 */
    assert_int_equal(sevc_uefi_register(uefi, SEVC_OS_XSS), 0);
    assert_int_equal(sevc_uefi_register(uefi, SEVC_OS_CODE_BITS), 64);
    assert_int_equal(sevc_uefi_register(uefi, (enum sevc_os_register)99), 0);
    assert_int_equal(sevc_uefi_register(uefi, SEVC_OS_FS_BASE), 0xBA5E);
    assert_int_equal(sevc_uefi_register(uefi, SEVC_OS_GS_BASE), 0xBA5E);
    assert_int_equal(firmware.host.native[0].operand, SEVC_MSR_FS_BASE);
    assert_int_equal(firmware.host.native[1].operand, SEVC_MSR_GS_BASE);

    firmware_start();
    firmware.cr4 = 1ull << 18;
    firmware_enter();
    assert_int_equal(sevc_uefi_register(uefi, SEVC_OS_XCR0), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(enter_takes_vector_29_and_no_other, firmware_finish),
        cmocka_unit_test_teardown(enter_adopts_the_ghcb_that_the_msr_names, firmware_finish),
        cmocka_unit_test_teardown(the_callers_policy_and_table_are_used, firmware_finish),
        cmocka_unit_test_teardown(a_short_idt_is_completed_with_absent_gates, firmware_finish),
        cmocka_unit_test_teardown(leave_puts_everything_back, firmware_finish),
        cmocka_unit_test_teardown(it_can_be_entered_again, firmware_finish),
        cmocka_unit_test_teardown(interrupts_that_were_off_stay_off, firmware_finish),
        cmocka_unit_test_teardown(an_explicit_call_cleans_up_behind_the_firmware, firmware_finish),
        cmocka_unit_test_teardown(no_sev_es_guest_works_natively, firmware_finish),
        cmocka_unit_test_teardown(the_gp_of_a_missing_msr_is_caught_only_while_it_is_read,
                                  firmware_finish),
        cmocka_unit_test_teardown(snp_is_refused, firmware_finish),
        cmocka_unit_test_teardown(firmware_without_gate_29_is_refused, firmware_finish),
        cmocka_unit_test_teardown(an_msr_that_names_no_page_is_refused, firmware_finish),
        cmocka_unit_test_teardown(a_ghcb_that_is_not_mapped_shared_and_writable_is_refused,
                                  firmware_finish),
        cmocka_unit_test_teardown(a_lying_negotiation_is_passed_on, firmware_finish),
        cmocka_unit_test_teardown(wrong_arguments_are_refused, firmware_finish),
        cmocka_unit_test_teardown(a_table_that_nobody_has_initialised_is_refused, firmware_finish),
        cmocka_unit_test_teardown(leave_without_enter_is_refused, firmware_finish),
        cmocka_unit_test_teardown(leave_under_a_foreign_idt_is_refused, firmware_finish),
        cmocka_unit_test_teardown(registers_are_those_at_enter, firmware_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
