/* SPDX-License-Identifier: MIT */
/* INS and OUTS: elements, addresses, registers, faults. */
#include "world.h"

#define PORT 0x3F8

#define INFO_OUTSB_REP                                                                             \
    ((uint64_t)PORT << 16 | SEVC_IOIO_ADDRESS_64 | SEVC_IOIO_STRING | SEVC_IOIO_REP | 1 << 4 |     \
     SEVC_DS << SEVC_IOIO_SEGMENT_SHIFT)
#define INFO_INSB_REP                                                                              \
    ((uint64_t)PORT << 16 | SEVC_IOIO_ADDRESS_64 | SEVC_IOIO_STRING | SEVC_IOIO_REP |              \
     SEVC_IOIO_IN | 1 << 4)

static uint8_t device_data[2032];

static void start(const void *code, size_t length)
{
    world_start();
    world.trap.gpr[SEVC_RDX] = 0xFFFFFFFFFFFF0000 | PORT;
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA;
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA;
    for (unsigned i = 0; i < sizeof(device_data); i++) {
        device_data[i] = (uint8_t)(0x5A ^ i ^ i / 256 * 3);
    }
    world_code(code, length);
}

static void expect_out(uint64_t info1, uint64_t count, const void *sent, unsigned bytes)
{
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_IOIO,
                                 .info1 = info1,
                                 .info2 = count,
                                 .scratch = true,
                                 .sent = sent,
                                 .sent_bytes = bytes,
                             });
}

static void expect_in(uint64_t info1, uint64_t count, unsigned bytes)
{
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_EXIT_IOIO,
                                 .info1 = info1,
                                 .info2 = count,
                                 .scratch = true,
                                 .returned = device_data,
                                 .returned_bytes = bytes,
                             });
}

static void expect_one(bool in, uint64_t info1, uint64_t count, const void *sent, unsigned bytes)
{
    if (in) {
        expect_in(info1, count, bytes);
    } else {
        expect_out(info1, count, sent, bytes);
    }
}

/*
 * T35, T48: one call moves 4096 bytes at most, in as many exits as that takes; the rest comes with
 * the next #VC.
 */
static void T25_T35_T48_a_call_moves_at_most_a_page(void **state)
{
    static const struct {
        const char *code;
        unsigned length, bytes;
        uint64_t count, moved;
    } cases[] = {
        { "\xf3\x6e", 2, 1, 1, 1 },
        { "\xf3\x6e", 2, 1, 2031, 2031 },
        { "\xf3\x6e", 2, 1, 2032, 2032 },
        { "\xf3\x6e", 2, 1, 2033, 2033 },
        { "\xf3\x6e", 2, 1, 4064, 4064 },
        { "\xf3\x6e", 2, 1, 4096, 4096 },
        { "\xf3\x6e", 2, 1, 4097, 4096 },
        { "\xf3\x6c", 2, 1, 2032, 2032 },
        { "\xf3\x6c", 2, 1, 4096, 4096 },
        { "\xf3\x6c", 2, 1, 4097, 4096 },
        { "\xf3\x66\x6f", 3, 2, 1016, 1016 },
        { "\xf3\x66\x6f", 3, 2, 1017, 1017 },
        { "\xf3\x66\x6f", 3, 2, 2049, 2048 },
        { "\xf3\x66\x6d", 3, 2, 2049, 2048 },
        { "\xf3\x6f", 2, 4, 508, 508 },
        { "\xf3\x6f", 2, 4, 1016, 1016 },
        { "\xf3\x6f", 2, 4, 1025, 1024 },
        { "\xf3\x6d", 2, 4, 1024, 1024 },
        { "\xf2\x6e", 2, 1, 5, 5 },             /* REPNE repeats as REP does */
        { "\xf3\x6e", 2, 1, 1ull << 32, 4096 }, /* T25 */
        { "\xf3\x6c", 2, 1, 1ull << 32, 4096 },
        { "\xf3\x6e", 2, 1, ~0ull, 4096 },
        { "\xf3\x48\x6f", 3, 4, 2, 2 }, /* no 64-bit ports */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool complete = cases[i].count == cases[i].moved;
        bool in = (cases[i].code[cases[i].length - 1] & 2) == 0; /* 6C, 6D */
        unsigned bytes = (unsigned)cases[i].moved * cases[i].bytes;
        uint64_t info = in ? INFO_INSB_REP : INFO_OUTSB_REP;

        start(cases[i].code, cases[i].length);
        world.trap.gpr[SEVC_RCX] = cases[i].count;
        for (unsigned done = 0; done < bytes; done += 2032) {
            unsigned now = bytes - done < 2032 ? bytes - done : 2032;

            expect_one(in, (info & ~(uint64_t)SEVC_IOIO_SIZE_MASK) | cases[i].bytes << 4,
                       now / cases[i].bytes, world_byte(KERNEL_DATA + done), now);
        }
        assert_int_equal(world_run(SEVC_EXIT_IOIO), complete ? SEVC_OK : SEVC_RETRY);
        assert_int_equal(world.report.vmgexits, (bytes + 2031) / 2032);
        assert_int_equal(world.trap.gpr[SEVC_RCX], cases[i].count - cases[i].moved);
        assert_int_equal(world.trap.gpr[in ? SEVC_RDI : SEVC_RSI], KERNEL_DATA + bytes);
        assert_int_equal(world.trap.rip, KERNEL_CODE + (complete ? cases[i].length : 0));
        for (unsigned at = 0; in && at < bytes; at++) {
            assert_int_equal(*world_byte(KERNEL_DATA + at), device_data[at % 2032]);
        }
        world_finish();
    }
}

static const struct {
    const char *code;
    unsigned length, bytes;
} forms[] = {
    { "\xf3\x6e", 2, 1 }, { "\xf3\x6c", 2, 1 }, { "\xf3\x6f", 2, 4 }, { "\xf3\x66\x6d", 3, 2 }
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* What a call has moved before the host lies, or memory ends, is complete. */
static void a_later_exit_that_fails_keeps_what_is_complete(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * FORMS; i++) {
        bool lie = i >= FORMS;
        const char *code = forms[i % FORMS].code;
        unsigned bytes = forms[i % FORMS].bytes;
        bool in = (code[forms[i % FORMS].length - 1] & 2) == 0;
        uint64_t info =
            ((in ? INFO_INSB_REP : INFO_OUTSB_REP) & ~(uint64_t)SEVC_IOIO_SIZE_MASK) | bytes << 4;
        uint64_t va = lie ? KERNEL_DATA : KERNEL_DATA + 0x2000 - 2100; /* two pages are mapped */
        unsigned second = lie ? 2032 : 68, moved = lie ? 2032 : 2100;
        enum sevc_result result;

        start(code, forms[i % FORMS].length);
        world.trap.gpr[in ? SEVC_RDI : SEVC_RSI] = va;
        world.trap.gpr[SEVC_RCX] = 4096 / bytes;
        if (lie) {
            expect_one(in, info, 2032 / bytes, world_byte(va), 2032);
            host_expect(&world.host, &(struct host_exchange){
                                         .event = SEVC_EXIT_IOIO,
                                         .info1 = info,
                                         .info2 = second / bytes,
                                         .scratch = true,
                                         .sent = in ? NULL : world_byte(va + 2032),
                                         .sent_bytes = in ? 0 : second,
                                         .lie = HOST_REJECTS,
                                     });
            world.moved_some = true;
            assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_HOST_ERROR);
            assert_int_equal(world.report.vmgexits, 2);
        } else {
            expect_one(in, info, 2032 / bytes, world_byte(va), 2032);
            expect_one(in, info, second / bytes, world_byte(va + 2032), second);
            do { /* the straight way leaves what it finds to the next exception */
                world_code(code, forms[i % FORMS].length);
                result = world_run(SEVC_EXIT_IOIO);
            } while (result == SEVC_RETRY);
            assert_int_equal(result, SEVC_EXCEPTION);
            world_assert_fault(SEVC_VECTOR_PF, in ? 2 : 0, KERNEL_DATA + 0x2000);
        }
        assert_int_equal(world.trap.gpr[SEVC_RCX], (4096 - moved) / bytes);
        assert_int_equal(world.trap.gpr[in ? SEVC_RDI : SEVC_RSI], va + moved);
        assert_int_equal(world.trap.rip, KERNEL_CODE);
        world_finish();
    }
}

/* Whose page is set aside, and put back: the general way's. */
static void inside_another_session_too(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FORMS; i++) {
        bool in = (forms[i].code[forms[i].length - 1] & 2) == 0;
        uint64_t info = (in ? INFO_INSB_REP : INFO_OUTSB_REP) & ~(uint64_t)SEVC_IOIO_SIZE_MASK;
        struct sevc_session outer;
        struct sevc_report report;

        start(forms[i].code, forms[i].length);
        world.trap.gpr[SEVC_RCX] = 3;
        expect_one(in, info | forms[i].bytes << 4, 3, world_byte(KERNEL_DATA), 3 * forms[i].bytes);
        assert_int_equal(sevc_session_begin(&outer, &world.cpu, &report), SEVC_OK);
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        assert_int_equal(world.cpu.depth, 1);
        assert_int_equal(world.trap.gpr[SEVC_RCX], 0);
        sevc_session_end(&outer);
        world_finish();
    }
}

/* Not the straight way's: memory that wraps around, and an instruction at the end of what is mapped. */
static void at_the_end_of_all_addresses_and_of_the_code(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        uint64_t exit_code;
    } last[] = { { "\xf3\x6e", 2, SEVC_EXIT_IOIO }, { "\x0f\xa2", 2, SEVC_EXIT_MSR } };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start(i == 0 ? "\xf3\x6e" : "\xf3\x6c", 2);
        world.trap.gpr[SEVC_RSI] = world.trap.gpr[SEVC_RDI] = ~7ull;
        world.trap.gpr[SEVC_RCX] = 100;
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
        world_assert_fault(SEVC_VECTOR_PF, i == 0 ? 0 : 2, ~7ull);
        world_assert_unchanged();
        world_finish();
    }
    for (unsigned i = 0; i < 2; i++) {
        start("", 0);
        world.trap.gpr[SEVC_RCX] = 0;
        world_code_at_end(last[i].code, last[i].length);
        assert_int_equal(world_run(last[i].exit_code), i == 0 ? SEVC_OK : SEVC_BAD_INSN);
        world_finish();
    }
}

/* T24, T26 */
static void T24_T26_only_rep_counts_rcx_and_rep_of_nothing_is_no_exit(void **state)
{
    (void)state;
    start("\x6e", 1);
    world.trap.gpr[SEVC_RCX] = 5;
    expect_out(INFO_OUTSB_REP & ~(uint64_t)SEVC_IOIO_REP, 1, world_byte(KERNEL_DATA), 1);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 5);
    assert_int_equal(world.trap.gpr[SEVC_RSI], KERNEL_DATA + 1);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 1);
    world_finish();

    for (unsigned i = 0; i < 2; i++) {
        start(i == 0 ? "\xf3\x6e" : "\xf3\x6c", 2);
        world.trap.gpr[SEVC_RCX] = 0;
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
        assert_int_equal(world.trap.gpr[SEVC_RSI], KERNEL_DATA);
        assert_int_equal(world.copies, 1); /* the fetch */
        world_finish();
    }

    start("", 0); /* no element, so no port either that user mode might not use */
    world_user();
    world.trap.gpr[SEVC_RCX] = 0;
    world_code("\xf3\x6e", 2);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    world_finish();
}

static void ins_writes_memory_as_the_device_gave_it(void **state)
{
    (void)state;
    start("\xf3\x66\x6d", 3);
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 0xFF1; /* across pages, unaligned */
    world.trap.gpr[SEVC_RCX] = 1016;
    expect_in((INFO_INSB_REP & ~SEVC_IOIO_SIZE_MASK) | 2 << 4, 1016, 2032);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    for (unsigned i = 0; i < 2032; i++) {
        assert_int_equal(*world_byte(KERNEL_DATA + 0xFF1 + i), device_data[i]);
    }
    assert_int_equal(world.trap.gpr[SEVC_RDI], KERNEL_DATA + 0xFF1 + 2032);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 0);
    world_finish();
}

static void the_direction_flag_turns_memory_round_and_not_the_buffer(void **state)
{
    uint8_t expected[12];

    (void)state;
    start("\xf3\x6f", 2);
    world.trap.rflags |= SEVC_RFLAGS_DF;
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA + 0x1004; /* down across a page */
    world.trap.gpr[SEVC_RCX] = 3;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 4; j++) {
            expected[4 * i + j] = *world_byte(KERNEL_DATA + 0x1004 - 4 * i + j);
        }
    }
    expect_out((INFO_OUTSB_REP & ~SEVC_IOIO_SIZE_MASK) | 4 << 4, 3, expected, 12);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RSI], KERNEL_DATA + 0x1004 - 12);
    world_finish();

    start("\xf3\x6c", 2);
    world.trap.rflags |= SEVC_RFLAGS_DF;
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 0x1001;
    world.trap.gpr[SEVC_RCX] = 5;
    expect_in(INFO_INSB_REP, 5, 5);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(*world_byte(KERNEL_DATA + 0x1001 - i), device_data[i]);
    }
    assert_int_equal(world.trap.gpr[SEVC_RDI], KERNEL_DATA + 0x1001 - 5);
    world_finish();
}

/* T27, T60 */
static void T27_T60_outs_takes_a_segment_override_and_ins_does_not(void **state)
{
    static const struct {
        const char *code;
        unsigned segment;
        uint64_t base;
    } cases[] = {
        { "\x6e", SEVC_DS, 0 },     { "\x26\x6e", SEVC_ES, 0 },     { "\x2e\x6e", SEVC_CS, 0 },
        { "\x36\x6e", SEVC_SS, 0 }, { "\x64\x6e", SEVC_FS, 0x123 }, { "\x65\x6e", SEVC_GS, 0x456 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].code, strlen(cases[i].code));
        world.fs_base = 0x123;
        world.gs_base = 0x456;
        expect_out((INFO_OUTSB_REP & ~(uint64_t)(SEVC_IOIO_REP | 7 << SEVC_IOIO_SEGMENT_SHIFT)) |
                       cases[i].segment << SEVC_IOIO_SEGMENT_SHIFT,
                   1, world_byte(KERNEL_DATA + cases[i].base), 1);
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RSI], KERNEL_DATA + 1);
        world_finish();
    }

    start("\x65\x6c", 2);
    world.gs_base = 0x456;
    expect_in(INFO_INSB_REP & ~(uint64_t)SEVC_IOIO_REP, 1, 1);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    assert_int_equal(*world_byte(KERNEL_DATA), device_data[0]);
    world_finish();
}

/* T28 */
static void T28_a_67_prefix_uses_and_clears_to_32_bits(void **state)
{
    (void)state;
    start("\xf3\x67\x6e", 3);
    world.trap.gpr[SEVC_RSI] = 0xFFFFFFFF00000000 | (uint32_t)USER_DATA;
    world.trap.gpr[SEVC_RCX] = 0xFFFFFFFF00000003;
    expect_out((INFO_OUTSB_REP & ~(uint64_t)SEVC_IOIO_ADDRESS_64) | SEVC_IOIO_ADDRESS_32, 3,
               world_byte(USER_DATA), 3);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RSI], USER_DATA + 3);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 0);
    world_finish();

    start("\xf3\x67\x6e", 3); /* ECX is 0, though RCX is not */
    world.trap.gpr[SEVC_RCX] = 0xFFFFFFFF00000000;
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    world_finish();
}

/* 16-bit addresses, in 32-bit code: SI and CX, and what lies above them stays. */
static void sixteen_bit_addresses_keep_the_rest_of_the_registers(void **state)
{
    (void)state;
    start("\xf3\x6e", 2);
    world_finish();
    world_start();
    world.code_bits = 32;
    world.trap.rip = USER_CODE;
    world.pages[4].va = 0x1000; /* low memory */
    world.trap.gpr[SEVC_RDX] = PORT;
    world.trap.gpr[SEVC_RSI] = 0x7777000000001002;
    world.trap.gpr[SEVC_RCX] = 0x8888000000000002;
    world_code("\xf3\x67\x6e", 3);
    expect_out((INFO_OUTSB_REP & ~(uint64_t)SEVC_IOIO_ADDRESS_64) | SEVC_IOIO_ADDRESS_16, 2,
               world_byte(0x1002), 2);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RSI], 0x7777000000001004);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 0x8888000000000000);
    world_finish();
}

/* OUTS by GS at 0xFFFFFF00 + RSI, by a user's 32-bit code that may use the port. */
static void start_at_4_gib(const char *code, unsigned bytes, unsigned count, uint64_t rsi)
{
    world_start();
    world_user();
    world.policy.user_io = SEVC_USER_IO_BITMAP;
    for (unsigned p = PORT; p < PORT + bytes; p++) {
        world.io_allowed[p] = true;
    }
    world.code_bits = 32;
    world.gs_base = 0xFFFFFF00;
    world.pages[4].va = 0xFFFFF000;
    world.pages[4].user = true;
    world.pages[5].va = 0;
    world.pages[5].at_zero = true;
    world.pages[5].user = true;
    world.moved_some = true;
    world.trap.gpr[SEVC_RDX] = PORT;
    world.trap.gpr[SEVC_RSI] = rsi;
    world.trap.gpr[SEVC_RCX] = count;
    world_code(code, 3);
}

static void expect_out_by_gs(unsigned bytes, unsigned count, const uint8_t *sent)
{
    expect_out((uint64_t)PORT << 16 | SEVC_IOIO_ADDRESS_32 | SEVC_IOIO_STRING | SEVC_IOIO_REP |
                   bytes << 4 | (uint64_t)SEVC_GS << SEVC_IOIO_SEGMENT_SHIFT,
               count, sent, bytes * count);
}

/*
 * In 32-bit code linear addresses have 32 bits, too: behind the last byte below 4 GiB comes the first
 * of memory, where a segment's base has led there in the middle of an exit, or of an element.
 */
static void in_32_bit_code_memory_goes_round_at_4_gib(void **state)
{
    static const struct {
        const char *code;
        unsigned bytes, count;
        uint64_t rsi;
        bool down;
    } cases[] = {
        { "\x65\xf3\x6e", 1, 32, 0xF0, false },
        { "\x65\xf3\x6f", 4, 4, 0xFA, false },
        { "\x65\xf3\x6e", 1, 32, 0x10F, true },
        { "\x65\xf3\x6f", 4, 4, 0x102, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned bytes = cases[i].bytes;
        uint8_t expected[32];

        start_at_4_gib(cases[i].code, bytes, cases[i].count, cases[i].rsi);
        world.trap.rflags |= cases[i].down ? SEVC_RFLAGS_DF : 0;
        for (unsigned j = 0; j < bytes * cases[i].count; j++) {
            unsigned element = j / bytes * bytes;
            uint64_t first =
                world.gs_base + cases[i].rsi + (cases[i].down ? 0u - element : element);

            expected[j] = *world_byte((uint32_t)(first + j % bytes));
        }
        expect_out_by_gs(bytes, cases[i].count, expected);
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        world_finish();
    }
}

/* On either side of 4 GiB the fault is where the byte is, whatever is mapped above. */
static void in_32_bit_code_faults_are_below_4_gib(void **state)
{
    uint8_t expected[16];

    (void)state;
    start_at_4_gib("\x65\xf3\x6e", 1, 32, 0xF0);
    world.pages[5].at_zero = false;
    world.pages[5].va = 0x100000000;
    for (unsigned j = 0; j < 16; j++) {
        expected[j] = *world_byte(0xFFFFFFF0 + j);
    }
    expect_out_by_gs(1, 16, expected);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
    assert_int_equal(world.report.fault.vector, SEVC_VECTOR_PF);
    assert_int_equal(world.report.fault.cr2, 0);
    assert_int_equal(world.trap.gpr[SEVC_RSI], 0x100);
    world_finish();

    start_at_4_gib("\x65\xf3\x6e", 1, 32, 0xF0);
    world.pages[4].absent = true;
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
    assert_int_equal(world.report.fault.vector, SEVC_VECTOR_PF);
    assert_int_equal(world.report.fault.cr2, 0xFFFFFFF0);
    assert_int_equal(world.trap.gpr[SEVC_RSI], 0xF0);
    world_finish();
}

/* With 32-bit addresses the last byte below 4 GiB is followed by the first of memory. */
static void an_address_that_wraps_ends_the_chunk(void **state)
{
    static const struct {
        bool down;
        uint64_t start, moved, next;
    } cases[] = {
        { false, 0xFFFFFFFE, 2, 0 },
        { true, 1, 2, 0xFFFFFFFF },
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t expected[2];

        start("\xf3\x67\x6e", 3);
        world.pages[4].va = 0xFFFFF000;
        world.pages[5].va = 0; /* page 0 cannot be had in this world: see below */
        world.trap.rflags |= cases[i].down ? SEVC_RFLAGS_DF : 0;
        world.trap.gpr[SEVC_RSI] = cases[i].start;
        world.trap.gpr[SEVC_RCX] = 10;
        if (cases[i].down) { /* let FS move the low addresses to where something is */
            world_code("\xf3\x64\x67\x6e", 4);
            world.fs_base = KERNEL_DATA;
        }
        for (unsigned j = 0; j < 2; j++) {
            expected[j] = *world_byte(cases[i].down ? KERNEL_DATA + 1 - j : 0xFFFFFFFEull + j);
        }
        expect_out(
            (INFO_OUTSB_REP & ~(uint64_t)(SEVC_IOIO_ADDRESS_64 | 7 << SEVC_IOIO_SEGMENT_SHIFT)) |
                SEVC_IOIO_ADDRESS_32 |
                (uint64_t)(cases[i].down ? SEVC_FS : SEVC_DS) << SEVC_IOIO_SEGMENT_SHIFT,
            2, expected, 2);
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_RETRY);
        assert_int_equal(world.trap.gpr[SEVC_RSI], cases[i].next);
        assert_int_equal(world.trap.gpr[SEVC_RCX], 8);
        world_finish();
    }
}

/* T14, upwards and downwards: KERNEL_DATA's two pages end at + 0x2000, and begin at + 0. */
static void T14_a_fault_in_the_middle_keeps_what_is_complete(void **state)
{
    static const struct {
        const char *code;
        unsigned bytes;
        bool down;
        int64_t start;
        uint64_t moved;
        int64_t cr2;
    } cases[] = {
        { "\xf3\x6e", 1, false, 0x1FF0, 16, 0x2000 },
        { "\xf3\x6c", 1, false, 0x1FF0, 16, 0x2000 },
        { "\xf3\x6f", 4, false, 0x1FF5, 2, 0x2000 }, /* the third is half there */
        { "\xf3\x6d", 4, false, 0x1FF5, 2, 0x2000 },
        { "\xf3\x6e", 1, true, 0x7, 8, -1 },
        { "\xf3\x6c", 1, true, 0x7, 8, -1 },
        { "\xf3\x6f", 4, true, 0x6, 2, -2 },
        { "\xf3\x6d", 4, true, 0x6, 2, -2 },
        { "\xf3\x6e", 1, false, 0x2000, 0, 0x2000 }, /* at once */
        { "\xf3\x6c", 1, false, 0x2000, 0, 0x2000 },
        { "\xf3\x6d", 4, true, -4, 0, -4 },
        { "\xf3\x6f", 4, false, 0x1FFE, 0, 0x2000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool in = (cases[i].code[1] & 2) == 0; /* 6C, 6D */
        unsigned pointer = in ? SEVC_RDI : SEVC_RSI;
        int64_t step = cases[i].down ? -(int64_t)cases[i].bytes : (int64_t)cases[i].bytes;
        uint64_t va = KERNEL_DATA + (uint64_t)cases[i].start;
        uint64_t size = (uint64_t)cases[i].bytes << 4;
        uint8_t sent[64];

        start(cases[i].code, 2);
        world.trap.rflags |= cases[i].down ? SEVC_RFLAGS_DF : 0;
        world.trap.gpr[pointer] = va;
        world.trap.gpr[SEVC_RCX] = 100;
        for (unsigned j = 0; j < cases[i].moved * cases[i].bytes; j++) {
            uint64_t element = va + (uint64_t)(j / cases[i].bytes * step);

            sent[j] = *world_byte(element + j % cases[i].bytes);
        }
        if (cases[i].moved != 0 && in) {
            expect_in((INFO_INSB_REP & ~SEVC_IOIO_SIZE_MASK) | size, cases[i].moved,
                      (unsigned)cases[i].moved * cases[i].bytes);
        } else if (cases[i].moved != 0) {
            expect_out((INFO_OUTSB_REP & ~SEVC_IOIO_SIZE_MASK) | size, cases[i].moved, sent,
                       (unsigned)cases[i].moved * cases[i].bytes);
        }
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
        world_assert_fault(SEVC_VECTOR_PF, in ? 2 : 0, KERNEL_DATA + (uint64_t)cases[i].cr2);
        assert_int_equal(world.report.reason, SEVC_REASON_COPY_FAULT);
        assert_int_equal(world.trap.gpr[SEVC_RCX], 100 - cases[i].moved);
        assert_int_equal(world.trap.gpr[pointer], va + (uint64_t)((int64_t)cases[i].moved * step));
        if (cases[i].moved == 0) {
            world_assert_unchanged();
        }
        world_finish();
    }
}

/* A device gives its data once: the host is not asked before it is sure that memory takes it. */
static void ins_probes_before_it_asks(void **state)
{
    (void)state;
    start("\x6c", 1);
    world_page(KERNEL_DATA)->read_only = true;
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 3, KERNEL_DATA);
    world_assert_unchanged();
    assert_int_equal(world.host.vmgexits, 0);
    assert_int_equal(world.probes, 1);
    world_finish();
}

/* Another CPU unmaps the page between the probe and the write: as good as it can be made. */
static void a_destination_that_vanishes_is_a_fault_of_the_rest(void **state)
{
    (void)state;
    start("\xf3\x6c", 2);
    world.race = true;
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 0xFFE;
    world.trap.gpr[SEVC_RCX] = 6;
    expect_in(INFO_INSB_REP, 6, 6);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 3, KERNEL_DATA + 0x1000);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 4);
    assert_int_equal(world.trap.gpr[SEVC_RDI], KERNEL_DATA + 0x1000);
    assert_int_equal(*world_byte(KERNEL_DATA + 0xFFE), device_data[0]);
    assert_int_equal(*world_byte(KERNEL_DATA + 0xFFF), device_data[1]);
    world_finish();
}

/* T8, CVE-2023-46813 */
static void T8_user_mode_reaches_no_kernel_memory(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start("", 0);
        world_user();
        world.policy.user_io = SEVC_USER_IO_BITMAP;
        world.io_allowed[PORT] = true;
        world_code(i == 0 ? "\x6c" : "\x6e", 1);
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
        world_assert_fault(SEVC_VECTOR_PF, i == 0 ? 7 : 5, KERNEL_DATA);
        world_assert_unchanged();
        assert_int_equal(world.host.vmgexits, 0);
        world_finish();
    }
}

/* Also behind an SS override, which 64-bit mode ignores (APM vol. 3, 1.2.4): not #SS. */
static void a_wild_address_is_gp(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start(i == 0 ? "\x6e" : "\x36\x6e", i + 1);
        world.trap.gpr[SEVC_RSI] = 0x0000900000000000;
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
        world_assert_fault(SEVC_VECTOR_GP, 0, 0);
        world_assert_unchanged();
        world_finish();
    }
}

static void single_stepping_traps_after_each_element(void **state)
{
    (void)state;
    start("\xf3\x6e", 2);
    world.trap.rflags |= SEVC_RFLAGS_TF;
    world.trap.gpr[SEVC_RCX] = 2;
    expect_out(INFO_OUTSB_REP, 1, world_byte(KERNEL_DATA), 1);
    expect_out(INFO_OUTSB_REP, 1, world_byte(KERNEL_DATA + 1), 1);

    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK_TRAP);
    assert_int_equal(world.report.fault.vector, SEVC_VECTOR_DB);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 1);
    assert_int_equal(world.trap.rip, KERNEL_CODE);
    assert_int_not_equal(world.trap.rflags & SEVC_RFLAGS_RF, 0);

    world_code("\xf3\x6e", 2);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK_TRAP);
    assert_int_equal(world.trap.gpr[SEVC_RCX], 0);
    assert_int_equal(world.trap.rip, KERNEL_CODE + 2);
    assert_int_equal(world.trap.rflags & SEVC_RFLAGS_RF, 0);
    world_finish();
}

/* What an unfinished OUTS has put into the shared buffer does not stay there, nor go out later. */
static void an_element_that_was_half_read_is_not_disclosed(void **state)
{
    (void)state;
    start("\xf3\x6f", 2);
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA + 0x1FFA; /* one, and a half */
    world.trap.gpr[SEVC_RCX] = 2;
    expect_out((INFO_OUTSB_REP & ~SEVC_IOIO_SIZE_MASK) | 4 << 4, 1,
               world_byte(KERNEL_DATA + 0x1FFA), 4);
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
    world_finish();

    start("\x6f", 1);
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA + 0x1FFE; /* half of one */
    assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
    world_finish();
}

/* The host flips every byte of the buffer as soon as it has been read. */
static void ins_reads_each_byte_of_the_buffer_once(void **state)
{
    (void)state;
    for (unsigned down = 0; down < 2; down++) {
        start("\xf3\x6c", 2);
        world.trap.rflags |= down ? SEVC_RFLAGS_DF : 0;
        world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 0x100;
        world.trap.gpr[SEVC_RCX] = 40;
        expect_in(INFO_INSB_REP, 40, 40);
        host_watch(&world.host);
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        for (unsigned i = 0; i < 40; i++) {
            uint64_t va = KERNEL_DATA + 0x100 + (down ? -(uint64_t)i : i);

            assert_int_equal(*world_byte(va), device_data[i]);
            assert_int_equal(host_reads(&world.host, SEVC_GHCB_OFF_SHARED_BUFFER + i), 1);
        }
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T25_T35_T48_a_call_moves_at_most_a_page),
        cmocka_unit_test(a_later_exit_that_fails_keeps_what_is_complete),
        cmocka_unit_test(inside_another_session_too),
        cmocka_unit_test(at_the_end_of_all_addresses_and_of_the_code),
        cmocka_unit_test(T24_T26_only_rep_counts_rcx_and_rep_of_nothing_is_no_exit),
        cmocka_unit_test(ins_writes_memory_as_the_device_gave_it),
        cmocka_unit_test(the_direction_flag_turns_memory_round_and_not_the_buffer),
        cmocka_unit_test(T27_T60_outs_takes_a_segment_override_and_ins_does_not),
        cmocka_unit_test(T28_a_67_prefix_uses_and_clears_to_32_bits),
        cmocka_unit_test(sixteen_bit_addresses_keep_the_rest_of_the_registers),
        cmocka_unit_test(in_32_bit_code_memory_goes_round_at_4_gib),
        cmocka_unit_test(in_32_bit_code_faults_are_below_4_gib),
        cmocka_unit_test(an_address_that_wraps_ends_the_chunk),
        cmocka_unit_test(T14_a_fault_in_the_middle_keeps_what_is_complete),
        cmocka_unit_test(ins_probes_before_it_asks),
        cmocka_unit_test(a_destination_that_vanishes_is_a_fault_of_the_rest),
        cmocka_unit_test(T8_user_mode_reaches_no_kernel_memory),
        cmocka_unit_test(a_wild_address_is_gp),
        cmocka_unit_test(single_stepping_traps_after_each_element),
        cmocka_unit_test(an_element_that_was_half_read_is_not_disclosed),
        cmocka_unit_test(ins_reads_each_byte_of_the_buffer_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
