/* SPDX-License-Identifier: MIT */
/*
 * Extended MMIO: arithmetic that reads and writes, strings, hints; and what is refused by name. The
 * values of every form are compared with the processor's by tests/oracle; here it is the order of the exits,
 * their number, and what remains when one fails.
 */
#include "world.h"

#include <sevc/config.h>

#define DEVICE_BYTES 8192
#define RFLAGS_SF    (1ull << 7)

/* A device that is memory, and remembers how it was accessed. */
static struct {
    uint8_t bytes[DEVICE_BYTES];
    unsigned exits, reads, writes;
    unsigned fails_at; /* this exit is rejected, from 1 on; 0: none */
    uint64_t last_gpa;
    unsigned last_bytes;
} device;

static void serve(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    uint64_t offset = page->sw_exitinfo1 - DEVICE_GPA;
    bool write = page->sw_exitcode == SEVC_NAE_MMIO_WRITE;

    (void)host;
    assert_true(write || page->sw_exitcode == SEVC_NAE_MMIO_READ);
    assert_in_range(offset, 0, DEVICE_BYTES - 8);
    assert_in_range(page->sw_exitinfo2, 1, 8);
    device.last_gpa = page->sw_exitinfo1;
    device.last_bytes = (unsigned)page->sw_exitinfo2;
    device.exits++;
    if (device.exits == device.fails_at) {
        page->sw_exitinfo1 = SEVC_REPLY_REJECTED;
        return;
    }
    if (write) {
        memcpy(device.bytes + offset, page->shared_buffer, page->sw_exitinfo2);
    } else {
        memcpy(page->shared_buffer, device.bytes + offset, page->sw_exitinfo2);
    }
    device.reads += !write;
    device.writes += write;
    page->sw_exitinfo1 = SEVC_REPLY_OK;
    page->sw_exitinfo2 = 0;
}

static void start(const char *code, size_t length)
{
    world_start();
    memset(&device, 0, sizeof(device));
    for (unsigned i = 0; i < DEVICE_BYTES; i++) {
        device.bytes[i] = (uint8_t)(0x81 + 37 * i);
    }
    world.policy.mmio = SEVC_MMIO_EXTENDED;
    world.host.lenient = true;
    world.host.serve = serve;
    world.trap.gpr[SEVC_RDI] = DEVICE;
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA;
    world_code(code, length);
}

#define START(code) start(code, sizeof(code) - 1)

static enum sevc_result run(void)
{
    return world_run(SEVC_EXIT_NPF);
}

/* ---- arithmetic ---- */

static void what_computes_needs_the_extended_policy(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        bool basic;
    } cases[] = {
        { "\x83\x0f\x01", 3, false },     /* OR [rdi], 1 */
        { "\x3b\x07", 2, false },         /* CMP eax, [rdi] */
        { "\x0f\xba\x27\x00", 4, false }, /* BT */
        { "\xa4", 1, false },             /* MOVSB */
        { "\x0f\xc3\x07", 3, true },      /* MOVNTI */
        { "\x0f\x38\xf0\x07", 4, true },  /* MOVBE */
        { "\x0f\xae\x3f", 3, true },      /* CLFLUSH */
        { "\x0f\x18\x07", 3, true },      /* PREFETCHNTA */
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        bool basic = i % 2 != 0;

        start(cases[i / 2].code, cases[i / 2].length);
        world.policy.mmio = basic ? SEVC_MMIO_BASIC : SEVC_MMIO_EXTENDED;
        if (basic && !cases[i / 2].basic) {
            assert_int_equal(run(), SEVC_FORBIDDEN);
            assert_int_equal(world.report.reason, SEVC_REASON_MMIO_OFF);
            assert_int_equal(device.exits, 0);
        } else {
            assert_int_equal(run(), SEVC_OK);
        }
        world_finish();
    }
}

static void a_read_modify_write_is_a_read_then_a_write_of_the_same_place(void **state)
{
    (void)state;
    START("\x81\x4f\x04\x00\x00\x01\x80"); /* OR dword [rdi+4], 0x80010000 */
    memcpy(device.bytes + 4, "\x01\x02\x03\x04", 4);
    assert_int_equal(run(), SEVC_OK);
    assert_int_equal(device.reads, 1);
    assert_int_equal(device.writes, 1);
    assert_int_equal(device.last_gpa, DEVICE_GPA + 4);
    assert_int_equal(device.last_bytes, 4);
    assert_memory_equal(device.bytes + 4, "\x01\x02\x03\x84", 4);
    assert_int_equal(device.bytes[3], (uint8_t)(0x81 + 37 * 3));
    assert_int_equal(device.bytes[8], (uint8_t)(0x81 + 37 * 8));
    assert_int_equal(world.trap.rflags, 2 | RFLAGS_SF); /* CF and OF cleared, PF of 01 */
    assert_int_equal(world.trap.rip, KERNEL_CODE + 7);
    world_finish();

    START("\x85\x07"); /* TEST [rdi], eax: only read */
    assert_int_equal(run(), SEVC_OK);
    assert_int_equal(device.reads, 1);
    assert_int_equal(device.writes, 0);
    world_finish();

    START("\x48\x03\x07"); /* ADD rax, [rdi]: read, into the register */
    memcpy(device.bytes, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    world.trap.gpr[SEVC_RAX] = 5;
    assert_int_equal(run(), SEVC_OK);
    assert_int_equal(device.writes, 0);
    assert_int_equal(world.trap.gpr[SEVC_RAX], 4);
    assert_int_equal(world.trap.rflags & SEVC_RFLAGS_CF, SEVC_RFLAGS_CF);
    world_finish();
}

/* BT's offset in a register: as wide as the operand, and signed (APM vol. 3, BT). */
static void a_bit_offset_in_a_register_is_signed(void **state)
{
    static const struct {
        const char *code;
        unsigned length, bytes;
        uint64_t offset;
        int moved; /* in bytes, from [rdi + 64] */
        unsigned bit;
    } cases[] = {
        { "\x66\x0f\xab\x47\x40", 5, 2, 0x7777777777777FFFull, 0x0FFE, 15 },
        { "\x66\x0f\xab\x47\x40", 5, 2, 0x777777777777FFFFull, -2, 15 },
        { "\x0f\xab\x47\x40", 4, 4, 0x77777777FFFFFFDFull, -8, 31 },
        { "\x0f\xab\x47\x40", 4, 4, 33, 4, 1 },
        { "\x48\x0f\xab\x47\x40", 5, 8, (uint64_t)-64, -8, 0 },
        { "\x48\x0f\xab\x47\x40", 5, 8, 129, 16, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned operand = (unsigned)(64 + cases[i].moved);
        unsigned at = operand + cases[i].bit / 8;

        start(cases[i].code, cases[i].length);
        world.trap.gpr[SEVC_RAX] = cases[i].offset;
        device.bytes[at] = 0;
        assert_int_equal(run(), SEVC_OK);
        assert_int_equal(device.last_gpa, DEVICE_GPA + operand);
        assert_int_equal(device.last_bytes, cases[i].bytes);
        assert_int_equal(device.bytes[at], 1u << cases[i].bit % 8);
        world_finish();
    }
}

static void a_lie_at_the_read_or_at_the_write_changes_nothing(void **state)
{
    static const struct {
        const char *code;
        unsigned length, exits;
    } cases[] = {
        { "\x83\x07\x01", 3, 2 },     /* ADD */
        { "\xf7\x1f", 2, 2 },         /* NEG */
        { "\x0f\xba\x2f\x05", 4, 2 }, /* BTS */
        { "\x03\x07", 2, 1 },         /* ADD eax, [rdi] */
        { "\x39\x07", 2, 1 },         /* CMP */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned at = 1; at <= cases[i].exits; at++) {
            start(cases[i].code, cases[i].length);
            device.fails_at = at;
            assert_int_equal(run(), SEVC_HOST_ERROR);
            assert_int_equal(world.report.reason, SEVC_REASON_REJECTED);
            assert_int_equal(device.exits, at);
            world_assert_unchanged();
            world_finish();
        }
    }
}

/* What may not be written faults before it is read: reading could change the device. */
static void a_read_only_page_faults_before_any_exit(void **state)
{
    (void)state;
    START("\x83\x0f\x01");
    world_page(DEVICE)->read_only = true;
    assert_int_equal(run(), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 3, DEVICE);
    assert_int_equal(device.exits, 0);
    world_assert_unchanged();
    world_finish();
}

/* ---- strings ---- */

static void fill_data(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        *world_byte(KERNEL_DATA + i) = (uint8_t)(i * 3 + 1);
    }
}

/* One exception for each SEVC_MMIO_REP_MAX elements, not for each element. */
static void rep_movsb_of_256_takes_4_calls_and_256_exits(void **state)
{
    unsigned calls = 1;

    (void)state;
    START("\xf3\xa4");
    fill_data(256);
    world.trap.gpr[SEVC_RCX] = 256;
    while (run() == SEVC_RETRY) {
        assert_int_equal(world.trap.gpr[SEVC_RCX], 256 - calls * SEVC_MMIO_REP_MAX);
        assert_int_equal(world.trap.gpr[SEVC_RDI], DEVICE + calls * SEVC_MMIO_REP_MAX);
        world_code("\xf3\xa4", 2); /* which world_run() has scrambled */
        calls++;
    }
    assert_int_equal(world.report.result, SEVC_OK);
    assert_int_equal(calls, 256 / SEVC_MMIO_REP_MAX);
    assert_int_equal(device.writes, 256);
    assert_int_equal(device.reads, 0);
    assert_memory_equal(device.bytes, world_byte(KERNEL_DATA), 256);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 0);
    assert_int_equal(world.trap.gpr[SEVC_RSI], KERNEL_DATA + 256);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
    world_finish();
}

static void strings_go_from_device_to_device_and_backwards(void **state)
{
    (void)state;
    START("\xf3\x66\xa5"); /* REP MOVSW, both sides a device */
    world.trap.gpr[SEVC_RSI] = DEVICE + 0x100;
    world.trap.gpr[SEVC_RCX] = 5;
    assert_int_equal(run(), SEVC_OK);
    assert_int_equal(device.reads, 5);
    assert_int_equal(device.writes, 5);
    assert_memory_equal(device.bytes, device.bytes + 0x100, 10);
    world_finish();

    START("\xf3\xab"); /* REP STOSD with DF */
    world.trap.rflags |= SEVC_RFLAGS_DF;
    world.trap.gpr[SEVC_RDI] = DEVICE + 8;
    world.trap.gpr[SEVC_RAX] = 0x44332211;
    world.trap.gpr[SEVC_RCX] = 3;
    assert_int_equal(run(), SEVC_OK);
    assert_memory_equal(device.bytes, "\x11\x22\x33\x44\x11\x22\x33\x44\x11\x22\x33\x44", 12);
    assert_int_equal(device.last_gpa, DEVICE_GPA);
    assert_int_equal(world.trap.gpr[SEVC_RDI], DEVICE - 4);
    world_finish();
}

/* A device may not give its data again: nothing is read that cannot be stored. */
static void a_fault_in_the_middle_keeps_the_complete_elements_and_reads_no_more(void **state)
{
    (void)state;
    START("\xf3\xa4");
    world.trap.gpr[SEVC_RSI] = DEVICE;
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 8192 - 3;
    world.trap.gpr[SEVC_RCX] = 8;
    assert_int_equal(run(), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 2, KERNEL_DATA + 8192);
    assert_int_equal(device.reads, 3);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 5);
    assert_int_equal(world.trap.gpr[SEVC_RSI], DEVICE + 3);
    assert_int_equal(world.trap.gpr[SEVC_RDI], KERNEL_DATA + 8192);
    assert_memory_equal(world_byte(KERNEL_DATA + 8192 - 3), device.bytes, 3);
    world_finish();
}

static void a_string_without_a_device_was_injected(void **state)
{
    (void)state;
    START("\xf3\xa4");
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 64;
    world.trap.gpr[SEVC_RCX] = 4;
    assert_int_equal(run(), SEVC_FORBIDDEN);
    assert_int_equal(world.report.reason, SEVC_REASON_ENCRYPTED_MMIO);
    assert_int_equal(device.exits, 0);
    world_assert_unchanged();
    world_finish();
}

static void with_TF_a_repeated_string_does_one_element(void **state)
{
    (void)state;
    START("\xf3\xa4");
    world.trap.rflags |= SEVC_RFLAGS_TF;
    world.trap.gpr[SEVC_RCX] = 2;
    assert_int_equal(run(), SEVC_OK_TRAP);
    assert_int_equal(device.writes, 1);
    assert_int_equal(world.trap.rip, KERNEL_CODE);
    world_code("\xf3\xa4", 2);
    assert_int_equal(run(), SEVC_OK_TRAP);
    assert_int_equal(device.writes, 2);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
    world_finish();
}

static void comparisons_end_where_the_repetition_says(void **state)
{
    (void)state;
    START("\xf2\xae"); /* REPNE SCASB: finds the fourth */
    world.trap.gpr[SEVC_RAX] = device.bytes[3];
    world.trap.gpr[SEVC_RCX] = 10;
    assert_int_equal(run(), SEVC_OK);
    assert_int_equal(device.reads, 4);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 6);
    assert_int_equal(world.trap.rflags & SEVC_RFLAGS_ZF, SEVC_RFLAGS_ZF);
    world_finish();

    START("\xf3\xa6"); /* REPE CMPSB: differs at the third */
    memcpy(world_byte(KERNEL_DATA), device.bytes, 16);
    *world_byte(KERNEL_DATA + 2) ^= 1;
    world.trap.gpr[SEVC_RCX] = 10;
    assert_int_equal(run(), SEVC_OK);
    assert_int_equal(device.reads, 3);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 7);
    assert_int_equal(world.trap.rflags & SEVC_RFLAGS_ZF, 0);
    world_finish();
}

static void a_count_of_zero_does_nothing_and_is_complete(void **state)
{
    (void)state;
    START("\xf3\xaa");
    world.trap.gpr[SEVC_RCX] = 0;
    assert_int_equal(run(), SEVC_OK);
    assert_int_equal(device.exits, 0);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
    world_finish();
}

/* ---- refused ---- */

static void user_mode_is_refused(void **state)
{
    static const char *const codes[] = { "\x83\x0f\x01", "\xf3\xa4", "\x0f\xae\x3f" };

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        START("\x90");
        world_user();
        world_page(DEVICE)->user = true;
        world_code(codes[i], strlen(codes[i]));
        assert_int_equal(run(), SEVC_FORBIDDEN);
        assert_int_equal(world.report.reason, SEVC_REASON_USER_MMIO);
        assert_int_equal(device.exits, 0);
        world_finish();
    }
}

static void what_promises_atomicity_is_refused_by_name(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
    } cases[] = {
        { "\xf0\x83\x0f\x01", 4 },     /* LOCK OR */
        { "\xf0\x0f\xab\x07", 4 },     /* LOCK BTS */
        { "\x87\x07", 2 },             /* XCHG, which locks of itself */
        { "\x0f\xb1\x07", 3 },         /* CMPXCHG */
        { "\xf0\x0f\xb1\x07", 4 },     /* LOCK CMPXCHG */
        { "\x0f\xc1\x07", 3 },         /* XADD */
        { "\x0f\xc7\x0f", 3 },         /* CMPXCHG8B */
        { "\xf0\x48\x0f\xc7\x0f", 5 }, /* LOCK CMPXCHG16B */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].code, cases[i].length);
        assert_int_equal(run(), SEVC_UNSUPPORTED);
        assert_int_equal(world.report.reason, SEVC_REASON_LOCKED);
        assert_int_equal(device.exits, 0);
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_computes_needs_the_extended_policy),
        cmocka_unit_test(a_read_modify_write_is_a_read_then_a_write_of_the_same_place),
        cmocka_unit_test(a_bit_offset_in_a_register_is_signed),
        cmocka_unit_test(a_lie_at_the_read_or_at_the_write_changes_nothing),
        cmocka_unit_test(a_read_only_page_faults_before_any_exit),
        cmocka_unit_test(rep_movsb_of_256_takes_4_calls_and_256_exits),
        cmocka_unit_test(strings_go_from_device_to_device_and_backwards),
        cmocka_unit_test(a_fault_in_the_middle_keeps_the_complete_elements_and_reads_no_more),
        cmocka_unit_test(a_string_without_a_device_was_injected),
        cmocka_unit_test(with_TF_a_repeated_string_does_one_element),
        cmocka_unit_test(comparisons_end_where_the_repetition_says),
        cmocka_unit_test(a_count_of_zero_does_nothing_and_is_complete),
        cmocka_unit_test(user_mode_is_refused),
        cmocka_unit_test(what_promises_atomicity_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
