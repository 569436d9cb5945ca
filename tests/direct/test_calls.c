/* SPDX-License-Identifier: MIT */
/* Each call as a conversation with the hypervisor: what is sent, what is taken, every lie, every refusal. */
#include <stdlib.h>

#include "calls.h"

static struct scripted_host host;
static struct sevc_cpu cpu;

static void start(void)
{
    host_start(&host);
    host_make_cpu(&host, &cpu, 2);
    host.interrupt_flag = true;
}

static void each_call_is_one_exchange(void **state)
{
    uint64_t out[CALL_OUTPUTS];

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        start();
        host_expect(&host, &direct_calls[i].exchange);
        assert_int_equal(direct_call(i, &cpu, out), SEVC_OK);
        assert_outputs(out, direct_calls[i].out, direct_calls[i].outs);
        assert_int_equal(cpu.vmgexits, 1);
        assert_int_equal(cpu.depth, 0);
        assert_int_equal(host.natives, 0);
        assert_int_equal(sevc_direct_reason(&cpu), SEVC_REASON_NONE);
        assert_true(host.interrupt_flag);
        host_finish(&host);
    }
}

static bool applies(const struct direct_call *call, const struct host_lie_facts *lie)
{
    if (!lie->page || lie->depends) {
        return false;
    }
    if (lie->needs_output != 0) {
        return direct_call_returns(call, lie->needs_output);
    }
    return !lie->needs_any_output || direct_call_returns(call, 0);
}

/* Bits 63:32 of what is wider than 32 bits are no dirt. */
static bool is_dirt(size_t i, enum host_lie lie)
{
    return lie != HOST_DIRTY_HIGH || strcmp(direct_calls[i].name, "VMMCALL") != 0;
}

static void each_lie_has_its_reason_and_changes_nothing(void **state)
{
    unsigned lies = 0;

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        for (unsigned lie = HOST_HONEST + 1; lie < HOST_LIE_COUNT; lie++) {
            const struct host_lie_facts *facts = &host_lies[lie];
            struct host_exchange exchange = direct_calls[i].exchange;
            uint64_t out[CALL_OUTPUTS];

            if (!applies(&direct_calls[i], facts) || !is_dirt(i, (enum host_lie)lie)) {
                continue;
            }
            start();
            exchange.lie = (enum host_lie)lie;
            host_expect(&host, &exchange);
            assert_int_equal(direct_call(i, &cpu, out), facts->result);
            assert_int_equal(sevc_direct_reason(&cpu), facts->reason);
            assert_outputs(out, direct_calls[i].out,
                           facts->result == SEVC_OK ? direct_calls[i].outs : 0);
            assert_true(host.interrupt_flag);
            assert_int_equal(cpu.depth, 0);
            host_finish(&host);
            lies++;
        }
    }
    print_message("%u lies told\n", lies);
}

/* T11: the host changes each field as soon as it has been read. */
static void what_is_read_first_counts(void **state)
{
    uint64_t out[CALL_OUTPUTS];

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        start();
        host_expect(&host, &direct_calls[i].exchange);
        host_watch(&host);
        assert_int_equal(direct_call(i, &cpu, out), SEVC_OK);
        assert_outputs(out, direct_calls[i].out, direct_calls[i].outs);
        for (unsigned offset = 0; offset < SEVC_GHCB_SIZE; offset++) {
            assert_in_range(host_reads(&host, offset), 0, 1);
        }
        host_finish(&host);
    }
}

/* T39: memory that nobody has initialised is left alone, and so is everything else. */
static void a_cpu_that_is_not_ready_is_refused(void **state)
{
    static const uint8_t fillings[] = { 0x00, 0xA5, 0xFF };

    (void)state;
    for (size_t i = 0; i < direct_call_count; i++) {
        for (size_t j = 0; j < COUNT_OF(fillings); j++) {
            uint64_t out[CALL_OUTPUTS];
            struct sevc_cpu before;

            start();
            memset(&cpu, fillings[j], sizeof(cpu));
            memcpy(&before, &cpu, sizeof(cpu));
            assert_int_equal(direct_call(i, &cpu, out), SEVC_FORBIDDEN);
            assert_outputs(out, direct_calls[i].out, 0);
            assert_memory_equal(&cpu, &before, sizeof(cpu));
            assert_int_equal(host.natives, 0);
            assert_true(host.interrupt_flag);
            host_finish(&host);
        }
    }
}

/* ---- what is refused before anything is sent ---- */

static enum sevc_result refused(unsigned n, struct sevc_cpu *on)
{
    static const struct sevc_hypercall_abi with_rsp_in = { .inputs = 1u << SEVC_RSP };
    static const struct sevc_hypercall_abi with_rsp_out = { .outputs = 1u << SEVC_RSP };
    static const struct sevc_mmio_window small = { (void *)0x1000, 0x1000, 4 };
    static const struct sevc_mmio_window wide = { (void *)0x1000, 0, ~0ull };
    uint64_t gpr[16] = { 0 };
    uint64_t wide_value = CALL_UNTOUCHED;
    uint32_t value = 0x55555555;
    uint8_t buffer[8] = { 0 };
    size_t done = 9;
    enum sevc_result result;

    switch (n) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        result = sevc_in(on, 0x80, (const unsigned[]){ 0, 3, 5, 8, 257 }[n], &value);
        assert_int_equal(value, 0x55555555);
        return result;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        return sevc_out(on, 0x80, (const unsigned[]){ 0, 3, 5, 8, 260 }[n - 5], 1);
    case 10:
    case 11:
    case 12:
        result = sevc_ins(on, 0x80, (const unsigned[]){ 0, 3, 257 }[n - 10], buffer, 1, &done);
        assert_int_equal(done, 0);
        return result;
    case 13:
    case 14:
    case 15:
        result = sevc_outs(on, 0x80, (const unsigned[]){ 0, 8, 260 }[n - 13], buffer, 1, &done);
        assert_int_equal(done, 0);
        return result;
    case 16:
    case 17:
    case 18:
    case 19:
        result = sevc_mmio_read(on, &call_window, 0,
                                (const unsigned[]){ 0, 3, 16, 256 + 4 }[n - 16], &wide_value);
        break;
    case 20: /* past the end, in every way */
        result = sevc_mmio_read(on, &call_window, CALL_WINDOW_BYTES - 3, 4, &wide_value);
        break;
    case 21:
        result = sevc_mmio_read(on, &call_window, CALL_WINDOW_BYTES, 1, &wide_value);
        break;
    case 22:
        result = sevc_mmio_read(on, &call_window, ~0ull, 1, &wide_value);
        break;
    case 23:
        result = sevc_mmio_read(on, &small, 0, 8, &wide_value);
        break;
    case 24:
        return sevc_mmio_write(on, &small, 1, 4, 1);
    case 25:
        return sevc_mmio_write(on, &wide, ~0ull - 2, 4, 1);
    case 26:
        return sevc_vmmcall(on, NULL, gpr);
    case 27:
        return sevc_vmmcall(on, &with_rsp_in, gpr);
    default:
        return sevc_vmmcall(on, &with_rsp_out, gpr);
    }
    assert_int_equal(wide_value, CALL_UNTOUCHED);
    return result;
}
#define REFUSED 29

static void a_bad_argument_is_invalid_on_every_machine(void **state)
{
    struct sevc_cpu native;

    (void)state;
    sevc_native_init(&native);
    for (unsigned n = 0; n < REFUSED; n++) {
        start();
        assert_int_equal(refused(n, &cpu), SEVC_INVALID);
        assert_int_equal(sevc_direct_reason(&cpu), SEVC_REASON_ARGUMENT);
        assert_int_equal(refused(n, &native), SEVC_INVALID);
        assert_int_equal(sevc_direct_reason(&native), SEVC_REASON_ARGUMENT);
        assert_int_equal(refused(n, NULL), SEVC_INVALID);
        assert_int_equal(sevc_direct_reason(NULL), SEVC_REASON_NONE);
        assert_int_equal(host.vmgexits, 0);
        assert_int_equal(host.natives, 0);
        assert_int_equal(host.logged, 0);
        host_finish(&host);
    }
}

/* T71 */
static void T71_the_ghcb_and_status_msrs_are_not_for_drivers(void **state)
{
    static const uint32_t msrs[] = { SEVC_MSR_GHCB, SEVC_MSR_SEV_STATUS };
    struct sevc_cpu *cpus[] = { &cpu, NULL };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(msrs); i++) {
        for (size_t j = 0; j < COUNT_OF(cpus); j++) {
            uint64_t value = CALL_UNTOUCHED;

            start();
            assert_int_equal(sevc_rdmsr(cpus[j], msrs[i], &value), SEVC_FORBIDDEN);
            assert_int_equal(value, CALL_UNTOUCHED);
            assert_int_equal(sevc_wrmsr(cpus[j], msrs[i], 0), SEVC_FORBIDDEN);
            assert_int_equal(sevc_direct_reason(&cpu),
                             j == 0 ? SEVC_REASON_PROTECTED_MSR : SEVC_REASON_NONE);
            assert_int_equal(host.natives, 0);
            assert_int_equal(host.wrmsrs, 0);
            host_finish(&host);
        }
    }
}

static void the_ghcb_is_no_device(void **state)
{
    static const struct {
        uint64_t gpa;
        unsigned bytes;
        bool refused;
    } cases[] = {
        { HOST_GHCB_GPA - 4, 4, false },    { HOST_GHCB_GPA - 3, 4, true },
        { HOST_GHCB_GPA - 7, 8, true },     { HOST_GHCB_GPA, 1, true },
        { HOST_GHCB_GPA + 4095, 1, true },  { HOST_GHCB_GPA + 4092, 8, true },
        { HOST_GHCB_GPA + 4096, 8, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sevc_mmio_window window = { NULL, cases[i].gpa, 8 };
        uint64_t value = 0;

        start();
        if (cases[i].refused) {
            assert_int_equal(sevc_mmio_read(&cpu, &window, 0, cases[i].bytes, &value),
                             SEVC_FORBIDDEN);
            assert_int_equal(sevc_direct_reason(&cpu), SEVC_REASON_MMIO_RANGE);
            assert_int_equal(sevc_mmio_write(&cpu, &window, 0, cases[i].bytes, 0), SEVC_FORBIDDEN);
        } else {
            host_expect(&host, &(struct host_exchange){
                                   .event = 0x80000001,
                                   .info1 = cases[i].gpa,
                                   .info2 = cases[i].bytes,
                                   .scratch = true,
                               });
            assert_int_equal(sevc_mmio_read(&cpu, &window, 0, cases[i].bytes, &value), SEVC_OK);
        }
        host_finish(&host);
    }
}

/* A convention that wants it gets the place of the call; all registers, both ways. */
static void vmmcall_follows_the_convention(void **state)
{
    uint64_t gpr[16];
    struct sevc_ghcb_page *sent = &host.last;

    (void)state;
    start();
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = 0xA0 + i;
    }
    host.lenient = true;
    host.serve = NULL;
    host.recording = true; /* the failure of an unscripted exit is not looked at, the page is */
    host_expect(&host, &(struct host_exchange){
                           .event = 0x81,
                           .outputs = { { SEVC_GHCB_OFF_RAX, 1 },
                                        { SEVC_GHCB_OFF_RBX, 2 },
                                        { SEVC_GHCB_OFF_RCX, 3 },
                                        { SEVC_GHCB_OFF_RDX, 4 },
                                        { SEVC_GHCB_OFF_RSI, 5 },
                                        { SEVC_GHCB_OFF_RDI, 6 },
                                        { SEVC_GHCB_OFF_RBP, 7 } },
                       });
    assert_int_equal(sevc_vmmcall(&cpu, &sevc_hypercall_vmware, gpr), SEVC_OK);
    assert_in_range(sent->rip, (uintptr_t)vmmcall_follows_the_convention,
                    (uintptr_t)vmmcall_follows_the_convention + 0x4000);
    assert_int_equal(sent->cpl, 0);
    assert_int_equal(sent->rdi, 0xA7);
    assert_int_equal(sent->rbp, 0xA5);
    assert_int_equal(sent->r8_to_r15[0], 0);
    assert_int_equal(gpr[SEVC_RAX], 1);
    assert_int_equal(gpr[SEVC_RBX], 2);
    assert_int_equal(gpr[SEVC_RCX], 3);
    assert_int_equal(gpr[SEVC_RDX], 4);
    assert_int_equal(gpr[SEVC_RSI], 5);
    assert_int_equal(gpr[SEVC_RDI], 6);
    assert_int_equal(gpr[SEVC_RBP], 7);
    assert_int_equal(gpr[SEVC_R8], 0xA8);
    host.failure[0] = '\0';
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_is_one_exchange),
        cmocka_unit_test(each_lie_has_its_reason_and_changes_nothing),
        cmocka_unit_test(what_is_read_first_counts),
        cmocka_unit_test(a_cpu_that_is_not_ready_is_refused),
        cmocka_unit_test(a_bad_argument_is_invalid_on_every_machine),
        cmocka_unit_test(T71_the_ghcb_and_status_msrs_are_not_for_drivers),
        cmocka_unit_test(the_ghcb_is_no_device),
        cmocka_unit_test(vmmcall_follows_the_convention),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
