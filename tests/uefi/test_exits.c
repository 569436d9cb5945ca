/* SPDX-License-Identifier: MIT */
/* #VC under firmware: whose it is, what is served, and EFI_SYSTEM_CONTEXT_X64. */
#include "firmware.h"

#include <sevc/direct.h>
#include <sevc/ghcb.h>
#include <sevc/svm.h>

#include "../../src/uefi/uefi.h"

static const uint8_t rdmsr[] = { 0x0F, 0x32 };
static const uint8_t hlt[] = { 0xF4 };

/* A frame at an instruction that lies where FIRMWARE.CODE is mapped. */
static struct sevc_trap trap_at(const uint8_t *bytes, size_t count, uint64_t exit_code)
{
    struct sevc_trap trap = {
        .error_code = exit_code,
        .rip = firmware.code,
        .cs = FIRMWARE_CS,
        .rflags = 0x202,
        .rsp = 0x7000,
        .ss = 0x30,
    };

    memcpy((uint8_t *)firmware.tables + 4 * 4096, bytes, count);
    for (unsigned i = 0; i < 16; i++) {
        if (i != SEVC_RSP) {
            trap.gpr[i] = 0x1111111111111111ull * i;
        }
    }
    return trap;
}

static void expect_rdmsr(uint32_t msr)
{
    host_expect(&firmware.host,
                &(struct host_exchange){
                    .event = SEVC_EXIT_MSR,
                    .inputs = { { SEVC_GHCB_OFF_RCX, msr } },
                    .outputs = { { SEVC_GHCB_OFF_RAX, 0x89 }, { SEVC_GHCB_OFF_RDX, 0x67 } },
                });
}

static void an_exception_of_this_processor_is_served(void **state)
{
    struct sevc_trap trap;

    (void)state;
    firmware_start();
    firmware_enter();
    trap = trap_at(rdmsr, sizeof(rdmsr), SEVC_EXIT_MSR);
    trap.gpr[SEVC_RCX] = 0x1B;
    firmware.host.interrupt_flag = false;
    memset(firmware.host.ghcb.va, 0x66, SEVC_GHCB_SIZE); /* the firmware's last exchange */
    expect_rdmsr(0x1B);
    assert_int_equal(sevc_uefi_dispatch(&trap), 0);
    assert_int_equal(trap.rip, firmware.code + 2);
    assert_int_equal(trap.gpr[SEVC_RAX], 0x89);
    assert_int_equal(trap.gpr[SEVC_RDX], 0x67);
    assert_int_equal(firmware.raised, 0);
}

static void what_cannot_be_served_is_raised_and_not_handed_on(void **state)
{
    struct sevc_trap trap;
    struct sevc_trap before;

    (void)state;
    firmware_start();
    firmware_enter();
    trap = trap_at(hlt, sizeof(hlt), SEVC_EXIT_MSR); /* WeSee: HLT raises no such exit */
    before = trap;
    firmware.host.interrupt_flag = false;
    assert_int_equal(sevc_uefi_dispatch(&trap), 0);
    assert_int_equal(firmware.raised, 1);
    assert_int_equal(firmware.raised_result, SEVC_BAD_INSN);
    assert_memory_equal(&trap, &before, sizeof(trap));
    assert_int_equal(firmware.host.page_exits, 0);
}

static void an_exception_of_another_processor_is_the_firmwares(void **state)
{
    struct sevc_trap trap;
    struct sevc_trap before;

    (void)state;
    firmware_start();
    firmware_enter();
    trap = trap_at(rdmsr, sizeof(rdmsr), SEVC_EXIT_MSR);
    before = trap;
    firmware.host.ghcb_msr = firmware.other_gpa;
    assert_int_equal(sevc_uefi_dispatch(&trap), FIRMWARE_ENTRY);
    assert_memory_equal(&trap, &before, sizeof(trap));
    assert_int_equal(firmware.host.page_exits, 0);
    assert_int_equal(firmware.host.ghcb_msr, firmware.other_gpa);
}

/*
 * The host can change the MSR of this one. The firmware's handler writes to the page that it names: so
 * nothing is handed on for a page that is private, read-only, elsewhere or not there, nor for a request.
 */
static void an_msr_that_names_no_ghcb_hands_nothing_to_the_firmware(void **state)
{
    static const uint64_t values[] = { 0, 0x12345000, 0x100, 0x0000000700000004, ~0ull };
    const unsigned count = sizeof(values) / sizeof(values[0]);

    (void)state;
    for (unsigned i = 0; i < count + 5; i++) {
        struct sevc_trap trap;
        uint64_t *entry;

        firmware_start();
        firmware_enter();
        trap = trap_at(hlt, sizeof(hlt), SEVC_EXIT_MSR); /* WeSee */
        entry = firmware.other_entry;
        firmware.host.interrupt_flag = false;
        firmware.host.ghcb_msr = i < count ? values[i] : firmware.other_gpa;
        if (i == count) {
            *entry |= 1ull << FIRMWARE_C_BIT;
        } else if (i == count + 1) {
            *entry &= ~2ull; /* not writable */
        } else if (i == count + 2) {
            *entry += 0x1000; /* another page */
        } else if (i == count + 3) {
            *entry = 0;
        } else if (i == count + 4) {
            firmware.host.ghcb_msr += 8;
        }
        assert_int_equal(sevc_uefi_dispatch(&trap), 0);
        assert_int_equal(firmware.raised, 1);
        assert_int_equal(firmware.raised_result, SEVC_BAD_INSN);
        assert_int_equal(firmware.host.page_exits, 0);
        firmware.host.ghcb_msr = HOST_GHCB_GPA;
    }
}

static void firmware_may_make_kvm_hypercalls(void **state)
{
    static const uint8_t vmmcall[] = { 0x0F, 0x01, 0xD9 };
    struct sevc_trap trap;

    (void)state;
    firmware_start();
    firmware_enter();
    trap = trap_at(vmmcall, sizeof(vmmcall), SEVC_EXIT_VMMCALL);
    firmware.host.interrupt_flag = false;
    host_expect(&firmware.host, &(struct host_exchange){
                                    .event = SEVC_EXIT_VMMCALL,
                                    .inputs = { { SEVC_GHCB_OFF_RAX, 0 },
                                                { SEVC_GHCB_OFF_RBX, trap.gpr[SEVC_RBX] },
                                                { SEVC_GHCB_OFF_RCX, trap.gpr[SEVC_RCX] },
                                                { SEVC_GHCB_OFF_RDX, trap.gpr[SEVC_RDX] },
                                                { SEVC_GHCB_OFF_RSI, trap.gpr[SEVC_RSI] },
                                                { SEVC_GHCB_OFF_CPL, 0 } },
                                    .outputs = { { SEVC_GHCB_OFF_RAX, 0x42 } },
                                });
    assert_int_equal(sevc_uefi_dispatch(&trap), 0);
    assert_int_equal(firmware.raised, 0);
    assert_int_equal(trap.gpr[SEVC_RAX], 0x42);
}

/* ---- the frame that firmware hands to callbacks ---- */

static uint64_t *context_gprs(struct sevc_uefi_context *c, unsigned i)
{
    uint64_t *const at[16] = { &c->rax, &c->rcx, &c->rdx, &c->rbx, &c->rsp, &c->rbp,
                               &c->rsi, &c->rdi, &c->r8,  &c->r9,  &c->r10, &c->r11,
                               &c->r12, &c->r13, &c->r14, &c->r15 };

    return at[i];
}

static struct sevc_uefi_context context_at(const uint8_t *bytes, size_t count, uint64_t exit_code)
{
    struct sevc_trap trap = trap_at(bytes, count, exit_code);
    struct sevc_uefi_context context;

    memset(&context, 0x3C, sizeof(context));
    context.exception_data = trap.error_code;
    context.rip = trap.rip;
    context.cs = trap.cs;
    context.rflags = trap.rflags;
    context.ss = trap.ss;
    for (unsigned i = 0; i < 16; i++) {
        *context_gprs(&context, i) = *sevc_trap_gpr(&trap, i);
    }
    return context;
}

static void a_context_is_served_like_a_frame(void **state)
{
    struct sevc_uefi_context context;
    struct sevc_uefi_context expected;

    (void)state;
    firmware_start();
    firmware_enter();
    context = context_at(rdmsr, sizeof(rdmsr), SEVC_EXIT_MSR);
    context.rcx = 0x1B;
    expected = context;
    expected.rip += 2;
    expected.rax = 0x89;
    expected.rdx = 0x67;
    firmware.host.interrupt_flag = false;
    expect_rdmsr(0x1B);
    assert_int_equal(sevc_uefi_handle_context(&firmware.uefi.cpu, &context, &firmware.report),
                     SEVC_OK);
    assert_memory_equal(&context, &expected, sizeof(context));
}

/* MOV r, [device]: each general register is written where it belongs, and read from there. */
static void each_register_of_a_context_is_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        const uint8_t load[] = { (uint8_t)(i < 8 ? 0x48 : 0x4C),
                                 0x8B,
                                 (uint8_t)(0x04 | (i & 7) << 3),
                                 0x25,
                                 8,
                                 0,
                                 0x20,
                                 0 } /* DEVICE + 8 */;
        const uint64_t value = 0xFEDCBA9876543210ull;
        struct sevc_uefi_context context;
        struct sevc_uefi_context expected;

        firmware_start();
        firmware_enter();
        context = context_at(load, sizeof(load), SEVC_EXIT_NPF);
        expected = context;
        expected.rip += sizeof(load);
        *context_gprs(&expected, i) = value;
        firmware.host.interrupt_flag = false;
        host_expect(&firmware.host, &(struct host_exchange){
                                        .event = SEVC_NAE_MMIO_READ,
                                        .info1 = DEVICE_GPA + 8,
                                        .info2 = 8,
                                        .scratch = true,
                                        .returned = &value,
                                        .returned_bytes = 8,
                                    });
        assert_int_equal(sevc_uefi_handle_context(&firmware.uefi.cpu, &context, &firmware.report),
                         SEVC_OK);
        assert_memory_equal(&context, &expected, sizeof(context));
    }
}

static void a_context_that_is_refused_is_unchanged(void **state)
{
    struct sevc_uefi_context context;
    struct sevc_uefi_context before;

    (void)state;
    firmware_start();
    firmware_enter();
    context = context_at(hlt, sizeof(hlt), SEVC_EXIT_MSR);
    before = context;
    firmware.host.interrupt_flag = false;
    assert_int_equal(sevc_uefi_handle_context(&firmware.uefi.cpu, &context, &firmware.report),
                     SEVC_BAD_INSN);
    assert_int_equal(firmware.report.reason, SEVC_REASON_MISMATCH);
    assert_memory_equal(&context, &before, sizeof(context));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_exception_of_this_processor_is_served, firmware_finish),
        cmocka_unit_test_teardown(what_cannot_be_served_is_raised_and_not_handed_on,
                                  firmware_finish),
        cmocka_unit_test_teardown(an_msr_that_names_no_ghcb_hands_nothing_to_the_firmware,
                                  firmware_finish),
        cmocka_unit_test_teardown(an_exception_of_another_processor_is_the_firmwares,
                                  firmware_finish),
        cmocka_unit_test_teardown(firmware_may_make_kvm_hypercalls, firmware_finish),
        cmocka_unit_test_teardown(a_context_is_served_like_a_frame, firmware_finish),
        cmocka_unit_test_teardown(each_register_of_a_context_is_its_own, firmware_finish),
        cmocka_unit_test_teardown(a_context_that_is_refused_is_unchanged, firmware_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
