/* SPDX-License-Identifier: MIT */
/* The host lies, injects, interrupts. */
#include "world.h"

#define RAX SEVC_GHCB_OFF_RAX
#define RBX SEVC_GHCB_OFF_RBX
#define RCX SEVC_GHCB_OFF_RCX
#define RDX SEVC_GHCB_OFF_RDX

#define PORT      0x3F8u
#define PORT_INFO ((uint64_t)PORT << 16 | SEVC_IOIO_ADDRESS_64)

/* ---- each exit once, with what an honest host answers ---- */

struct scene {
    const char *code;
    unsigned length;
    uint64_t exit_code;
    struct host_exchange honest;
};

static const struct scene scenes[] = {
    { "\x0f\xa2",
      2,
      SEVC_EXIT_CPUID,
      { .event = SEVC_EXIT_CPUID,
        .inputs = { { RAX, 7 }, { RCX, 4 } },
        .outputs = { { RAX, 1 }, { RBX, 2 }, { RCX, 3 }, { RDX, 4 } } } },
    { "\x0f\x32",
      2,
      SEVC_EXIT_MSR,
      { .event = SEVC_EXIT_MSR, .inputs = { { RCX, 4 } }, .outputs = { { RAX, 5 }, { RDX, 6 } } } },
    { "\x0f\x30",
      2,
      SEVC_EXIT_MSR,
      { .event = SEVC_EXIT_MSR, .info1 = 1, .inputs = { { RCX, 4 }, { RAX, 7 }, { RDX, PORT } } } },
    { "\x0f\x31",
      2,
      SEVC_EXIT_RDTSC,
      { .event = SEVC_EXIT_RDTSC, .outputs = { { RAX, 5 }, { RDX, 6 } } } },
    { "\x0f\x01\xf9",
      3,
      SEVC_EXIT_RDTSCP,
      { .event = SEVC_EXIT_RDTSCP, .outputs = { { RAX, 5 }, { RDX, 6 }, { RCX, 7 } } } },
    { "\xec",
      1,
      SEVC_EXIT_IOIO,
      { .event = SEVC_EXIT_IOIO,
        .info1 = PORT_INFO | SEVC_IOIO_IN | 1 << 4,
        .outputs = { { RAX, 0x42 } } } },
    { "\xef",
      1,
      SEVC_EXIT_IOIO,
      { .event = SEVC_EXIT_IOIO, .info1 = PORT_INFO | 4 << 4, .inputs = { { RAX, 7 } } } },
    { "\xf3\x6c",
      2,
      SEVC_EXIT_IOIO,
      { .event = SEVC_EXIT_IOIO,
        .info1 = PORT_INFO | SEVC_IOIO_IN | SEVC_IOIO_STRING | SEVC_IOIO_REP | 1 << 4,
        .info2 = 4,
        .scratch = true,
        .returned = "abcd",
        .returned_bytes = 4 } },
    { "\xf3\x6e",
      2,
      SEVC_EXIT_IOIO,
      { .event = SEVC_EXIT_IOIO,
        .info1 = PORT_INFO | SEVC_IOIO_STRING | SEVC_IOIO_REP | 1 << 4 |
                 SEVC_DS << SEVC_IOIO_SEGMENT_SHIFT,
        .info2 = 4,
        .scratch = true,
        .sent = "wxyz",
        .sent_bytes = 4 } },
    { "\x8b\x03",
      2,
      SEVC_EXIT_NPF,
      { .event = SEVC_NAE_MMIO_READ,
        .info1 = DEVICE_GPA,
        .info2 = 4,
        .scratch = true,
        .returned = "abcd",
        .returned_bytes = 4 } },
    { "\x66\x89\x03",
      3,
      SEVC_EXIT_NPF,
      { .event = SEVC_NAE_MMIO_WRITE,
        .info1 = DEVICE_GPA,
        .info2 = 2,
        .scratch = true,
        .sent = "\x07",
        .sent_bytes = 2 } },
    { "\x8a\x23", /* AH: by the general way */
      2,
      SEVC_EXIT_NPF,
      { .event = SEVC_NAE_MMIO_READ,
        .info1 = DEVICE_GPA,
        .info2 = 1,
        .scratch = true,
        .returned = "a",
        .returned_bytes = 1 } },
    { "\x0f\x33",
      2,
      SEVC_EXIT_RDPMC,
      { .event = SEVC_EXIT_RDPMC,
        .inputs = { { RCX, 4 } },
        .outputs = { { RAX, 5 }, { RDX, 6 } } } },
    { "\x0f\x08", 2, SEVC_EXIT_INVD, { .event = SEVC_EXIT_INVD } },
    { "\x0f\x09", 2, SEVC_EXIT_WBINVD, { .event = SEVC_EXIT_WBINVD } },
    { "\xf3\x0f\x09", 3, SEVC_EXIT_WBINVD, { .event = SEVC_EXIT_WBINVD } },
    { "\x0f\x01\xc8",
      3,
      SEVC_EXIT_MONITOR,
      { .event = SEVC_EXIT_MONITOR, .inputs = { { RAX, 0x10040 }, { RCX, 4 }, { RDX, PORT } } } },
    { "\x0f\x01\xfa",
      3,
      SEVC_EXIT_MONITOR,
      { .event = SEVC_EXIT_MONITOR, .inputs = { { RAX, 0x10040 }, { RCX, 4 }, { RDX, PORT } } } },
    { "\x0f\x01\xc9",
      3,
      SEVC_EXIT_MWAIT,
      { .event = SEVC_EXIT_MWAIT, .inputs = { { RAX, 7 }, { RCX, 4 } } } },
    { "\x0f\x01\xfb",
      3,
      SEVC_EXIT_MWAIT,
      { .event = SEVC_EXIT_MWAIT, .inputs = { { RAX, 7 }, { RCX, 4 } } } },
    /* A hypercall returns RAX, which was sent: one that was not made looks like one that gave RAX. */
    { "\x0f\x01\xd9",
      3,
      SEVC_EXIT_VMMCALL,
      { .event = SEVC_EXIT_VMMCALL,
        .inputs = { { RAX, 7 },
                    { RBX, DEVICE },
                    { RCX, 4 },
                    { RDX, PORT },
                    { SEVC_GHCB_OFF_RSI, KERNEL_DATA },
                    { SEVC_GHCB_OFF_CPL & ~7u, 0 } },
        .outputs = { { RAX, 7 } } } },
    { "\x0f\x23\xf8",
      3,
      SEVC_EXIT_WRITE_DR7,
      { .event = SEVC_EXIT_WRITE_DR7, .inputs = { { RAX, 0x407 } } } },
};
#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

static void set(const struct scene *scene)
{
    world_start();
    /* Nothing may be refused by policy that ought to be refused for a better reason. */
    world.policy = (struct sevc_policy){
        .mmio = SEVC_MMIO_EXTENDED,
        .user_io = SEVC_USER_IO_BITMAP,
        .invd = SEVC_INVD_FORWARD,
        .monitor = SEVC_MONITOR_FORWARD,
        .hypercall = &sevc_hypercall_kvm,
    };
    world.trap.gpr[SEVC_RAX] = scene->exit_code == SEVC_EXIT_MONITOR ? KERNEL_DATA + 0x40 : 7;
    world.trap.gpr[SEVC_RBX] = DEVICE;
    world.trap.gpr[SEVC_RCX] = 4;
    world.trap.gpr[SEVC_RDX] = PORT;
    world.trap.gpr[SEVC_RSI] = KERNEL_DATA;
    world.trap.gpr[SEVC_RDI] = KERNEL_DATA + 0x100;
    memcpy(world_byte(KERNEL_DATA), "wxyz", 4);
    world_code(scene->code, scene->length);
}

/* How the frame and the destination of INS look when all went well. */
static struct sevc_trap good_trap;
static uint8_t good_data[4];

static void play_honestly(const struct scene *scene)
{
    set(scene);
    host_expect(&world.host, &scene->honest);
    assert_int_equal(world_run(scene->exit_code), SEVC_OK);
    good_trap = world.trap;
    memcpy(good_data, world_byte(KERNEL_DATA + 0x100), 4);
    world_finish();
}

static void assert_good(void)
{
    assert_memory_equal(&world.trap, &good_trap, sizeof(good_trap));
    assert_memory_equal(world_byte(KERNEL_DATA + 0x100), good_data, 4);
}

/*
 * Is no answer at all an answer? SW_EXITINFO1 still is what was sent, and if that is 0 the host did, or
 * says it did, what it was asked to. A hypercall returns RAX, which has been sent.
 */
static bool may_be_silent(const struct scene *scene)
{
    const struct host_exchange *honest = &scene->honest;

    return honest->info1 == 0 &&
           (honest->outputs[0].offset == 0 || honest->event == SEVC_EXIT_VMMCALL);
}

static bool applies(const struct host_lie_facts *lie, const struct host_exchange *exchange)
{
    bool returns = lie->needs_output == 0;

    for (unsigned i = 0; i < HOST_FIELDS_MAX; i++) {
        returns = returns || exchange->outputs[i].offset == lie->needs_output;
    }
    if (lie == &host_lies[HOST_DIRTY_HIGH] && exchange->event == SEVC_EXIT_VMMCALL) {
        return false; /* a hypercall returns whole registers */
    }
    return lie->page && returns && (!lie->needs_any_output || exchange->outputs[0].offset != 0);
}

/* T36, T51, T61, T69: every exit, every lie. */
static void T36_T51_T61_T69_a_lie_is_an_error_and_changes_nothing(void **state)
{
    unsigned lies = 0;

    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        play_honestly(&scenes[i]);
        for (unsigned j = 0; j < HOST_LIE_COUNT; j++) {
            const struct host_lie_facts *lie = &host_lies[j];
            struct host_exchange exchange = scenes[i].honest;
            enum sevc_result result;

            if (!applies(lie, &exchange)) {
                continue;
            }
            exchange.lie = (enum host_lie)j;
            set(&scenes[i]);
            host_expect(&world.host, &exchange);
            result = world_run(scenes[i].exit_code);
            if (result == SEVC_OK) {
                assert_good();
            } else {
                world_assert_unchanged();
            }
            if (lie->depends) {
                assert_int_equal(result, may_be_silent(&scenes[i]) ? SEVC_OK : SEVC_HOST_ERROR);
            } else {
                assert_int_equal(result, lie->result);
                assert_int_equal(world.report.reason, lie->reason);
            }
            world_finish();
            lies++;
        }
    }
    print_message("%u lies told\n", lies);
}

/* T11: a value that changes as soon as it has been read. */
static void T11_what_was_read_first_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        play_honestly(&scenes[i]);
        set(&scenes[i]);
        host_expect(&world.host, &scenes[i].honest);
        host_watch(&world.host);
        assert_int_equal(world_run(scenes[i].exit_code), SEVC_OK);
        assert_good();
        world_finish();
    }
}

/* ---- injection at the wrong instruction ---- */

/* Exits that concern no instruction, and are passed on: their own tests are in test_debug.c. */
static bool is_forwarded(uint64_t exit_code)
{
    return exit_code == SEVC_EXIT_DB || exit_code == SEVC_EXIT_NOT_VALIDATED;
}

/* Every exit code that SVM or the GHCB specification knows, and some that are one but for high bits. */
static uint64_t exit_code_number(unsigned i)
{
    static const uint64_t others[] = {
        0x400,
        0x401,
        0x402,
        0x403,
        0x404,
        0x405,
        0x406,
        ~0ull,
        ~1ull,
        0x80000001,
        0x80000002,
        0x80000003,
        0x80000010,
        0x8000FFFF,
        1ull << 32 | SEVC_EXIT_CPUID,
        1ull << 32 | SEVC_EXIT_NPF,
        1ull << 63 | SEVC_EXIT_MSR,
        1ull << 16 | SEVC_EXIT_IOIO,
        1ull << 32 | SEVC_EXIT_DB,
        1ull << 32 | SEVC_EXIT_NOT_VALIDATED,
    };

    return i < 0x100 ? i : others[i - 0x100];
}
#define EXIT_CODES (0x100 + 20)

/* T1, T4: each exit at each instruction that cannot raise it. */
static void T1_T4_an_exit_at_another_instruction_does_nothing(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        uint64_t exit_code; /* the one that it can raise, or 0 */
    } insns[] = {
        { "\x90", 1, 0 },
        { "\xcc", 1, 0 },
        { "\x0f\xa2", 2, SEVC_EXIT_CPUID },
        { "\x0f\x30", 2, SEVC_EXIT_MSR },
        { "\x0f\x31", 2, SEVC_EXIT_RDTSC },
        { "\x0f\x32", 2, SEVC_EXIT_MSR },
        { "\x0f\x33", 2, SEVC_EXIT_RDPMC },
        { "\x0f\x01\xf9", 3, SEVC_EXIT_RDTSCP },
        { "\x0f\x01\xd9", 3, SEVC_EXIT_VMMCALL },
        { "\xf3\x0f\x01\xd9", 4, 0 }, /* VMGEXIT */
        { "\xf2\x0f\x01\xd9", 4, 0 }, /* VMGEXIT */
        { "\x0f\x01\xf8", 3, 0 },     /* SWAPGS */
        { "\x0f\x01\xca", 3, 0 },     /* CLAC */
        { "\x0f\x08", 2, SEVC_EXIT_INVD },
        { "\x0f\x09", 2, SEVC_EXIT_WBINVD },
        { "\x0f\x23\xf0", 3, 0 }, /* MOV DR6 */
        { "\x0f\x23\xf8", 3, SEVC_EXIT_WRITE_DR7 },
        { "\xa2\0\0\0\0\0\xc9\xff\xff", 9, SEVC_EXIT_NPF }, /* CPUID's second byte */
        { "\x30\xc0", 2, 0 },                               /* those of the MSRs and of RDTSC */
        { "\x31\xc0", 2, 0 },
        { "\x32\xc0", 2, 0 },
        { "\x01\xf9", 2, 0 },
        { "\xf3\x0f\x09", 3, SEVC_EXIT_WBINVD }, /* WBNOINVD */
        { "\x0f\x21\xf0", 3, 0 },                /* MOV from DR6 */
        { "\x0f\x21\xf8", 3, SEVC_EXIT_READ_DR7 },
        { "\x0f\x01\xc8", 3, SEVC_EXIT_MONITOR },
        { "\x0f\x01\xfa", 3, SEVC_EXIT_MONITOR },
        { "\x0f\x01\xc9", 3, SEVC_EXIT_MWAIT },
        { "\x0f\x01\xfb", 3, SEVC_EXIT_MWAIT },
        { "\xf3\x0f\x01\xfa", 4, 0 }, /* MCOMMIT (T70) */
        { "\x66\x0f\x01\xd9", 4, 0 },
        { "\x0f\x01\xd8", 3, 0 }, /* VMRUN */
        { "\x0f\x01\xd1", 3, 0 }, /* XSETBV */
        { "\x33\xc0", 2, 0 },
        { "\x09\xc0", 2, 0 },
        { "\x08\xc0", 2, 0 },
        { "\xf0\x0f\xa2", 3, 0 }, /* LOCK CPUID: undefined (T3) */
        { "\xec", 1, SEVC_EXIT_IOIO },
        { "\xe6\x80", 2, SEVC_EXIT_IOIO },
        { "\xf3\x6c", 2, SEVC_EXIT_IOIO },
        { "\x6f", 1, SEVC_EXIT_IOIO },
        { "\x8b\x03", 2, SEVC_EXIT_NPF },
        { "\x88\x03", 2, SEVC_EXIT_NPF },
        { "\xc6\x03\x01", 3, SEVC_EXIT_NPF },
        { "\x0f\xa3\x03", 3, SEVC_EXIT_NPF }, /* BT: MOV's A3, behind an escape (T45) */
        { "\x0f\xc7\x0b", 3, 0 },             /* CMPXCHG8B: C7, likewise */
        { "\xc6\xf8\x01", 3, 0 },             /* XABORT: C6 with mod 3 (T46) */
        { "\xc7\x4b\x01", 3, 0 },             /* C7 with reg 1 */
        { "\x06", 1, 0 },
    };
    unsigned injections = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(insns) / sizeof(insns[0]); i++) {
        set(&scenes[0]);
        for (unsigned j = 0; j < EXIT_CODES; j++) {
            uint64_t exit_code = exit_code_number(j);

            if ((exit_code == insns[i].exit_code && exit_code != 0) || is_forwarded(exit_code)) {
                continue;
            }
            world_code(insns[i].code, insns[i].length);
            assert_true(world_run(exit_code) >= SEVC_UNSUPPORTED);
            assert_int_equal(world.host.vmgexits, 0);
            injections++;
        }
        world_finish();
    }
    print_message("%u injections\n", injections);
}

/* T1. One exit code and no other, of all that there are; and none by its low bits. */
static void T1_no_exit_code_stands_for_another(void **state)
{
    static const uint64_t high[] = { 0, 1ull << 16, 1ull << 32 };

    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        set(&scenes[i]);
        for (uint64_t j = 0; j < 3 * 0x480; j++) {
            uint64_t exit_code = j / 3 | high[j % 3];

            if (exit_code == scenes[i].exit_code || is_forwarded(exit_code)) {
                continue;
            }
            world_code(scenes[i].code, scenes[i].length);
            assert_true(world_run(exit_code) >= SEVC_UNSUPPORTED);
            assert_int_equal(world.host.vmgexits, 0);
        }
        world_finish();
    }
}

/* T52. The reason tells an integrator what to do. */
static void T52_the_report_says_why(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        uint64_t exit_code;
        enum sevc_result result;
        enum sevc_reason reason;
    } cases[] = {
        { "\x90", 1, SEVC_EXIT_CPUID, SEVC_BAD_INSN, SEVC_REASON_MISMATCH },
        { "\x0f\x01\xd1", 3, SEVC_EXIT_XSETBV, SEVC_UNSUPPORTED, SEVC_REASON_NO_SUCH_EXIT },
        { "\x90", 1, SEVC_EXIT_VMGEXIT, SEVC_UNSUPPORTED, SEVC_REASON_NO_SUCH_EXIT },
        { "\x06", 1, SEVC_EXIT_SHUTDOWN, SEVC_UNSUPPORTED, SEVC_REASON_NO_SUCH_EXIT },
        { "\x06", 1, SEVC_EXIT_CPUID, SEVC_BAD_INSN, SEVC_REASON_NO_INSN },
        { "\x0f\xa2", 2, SEVC_EXIT_NPF, SEVC_BAD_INSN, SEVC_REASON_MISMATCH },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set(&scenes[0]);
        world_code(cases[i].code, cases[i].length);
        assert_int_equal(world_run(cases[i].exit_code), cases[i].result);
        assert_int_equal(world.report.reason, cases[i].reason);
        assert_memory_equal(world.report.insn, cases[i].code, cases[i].length); /* T52 */
        world_finish();
    }
}

/* ---- nesting (T16, T71) ---- */

/* Handles another #VC while the one in WORLD.TRAP is at the host: an NMI's handler raised it. */
static enum sevc_result nested(const struct scene *scene, struct sevc_report *report)
{
    struct sevc_trap outer = world.trap;
    uint8_t code[16];
    enum sevc_result result;

    memcpy(code, world_byte(USER_CODE), sizeof(code));
    world.trap = (struct sevc_trap){ .error_code = scene->exit_code, .cs = 0x10 };
    world.trap.rip = USER_CODE;
    memcpy(world_byte(USER_CODE), scene->code, scene->length);
    result = sevc_handle_vc(&world.cpu, &world.trap, report);
    memcpy(world_byte(USER_CODE), code, sizeof(code));
    world.trap = outer;
    return result;
}

static const struct scene *const rdtsc = &scenes[3];
static unsigned nested_runs;

static void third_level(void *argument)
{
    struct sevc_ghcb_page before = *world.host.alias;
    struct sevc_report report;

    (void)argument;
    assert_int_equal(nested(rdtsc, &report), SEVC_FORBIDDEN);
    assert_int_equal(report.reason, SEVC_REASON_NESTING);
    assert_int_equal(report.vmgexits, 0);
    assert_memory_equal(&before, world.host.alias, sizeof(before));
    nested_runs++;
}

static void second_level(void *argument)
{
    struct sevc_report report;

    (void)argument;
    assert_int_equal(nested(rdtsc, &report), SEVC_OK);
    nested_runs++;
}

/* T16 */
static void T16_a_nested_exception_is_served_and_a_third_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCENES; i++) {
        struct host_exchange outer = scenes[i].honest;
        struct host_exchange inner = rdtsc->honest;

        play_honestly(&scenes[i]);
        set(&scenes[i]);
        outer.meanwhile = second_level;
        inner.meanwhile = third_level;
        host_expect(&world.host, &outer);
        host_expect(&world.host, &inner);
        nested_runs = 0;
        world.trap.error_code = scenes[i].exit_code;
        assert_int_equal(sevc_handle_vc(&world.cpu, &world.trap, &world.report), SEVC_OK);
        assert_int_equal(world.report.vmgexits, 1);
        assert_int_equal(nested_runs, 2);
        assert_good();
        world_finish();
    }
}

static const struct scene *const interrupted[] = { &scenes[6], &scenes[9] };
static size_t at_work; /* of these */

/* A host without a script: which of the two comes first depends on where the other interrupts it. */
static void serve(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    (void)host;
    assert_non_null(page);
    if (page->sw_exitcode == SEVC_EXIT_RDTSC) {
        page->rax = 5;
        page->rdx = 6;
        page->valid_bitmap[0] |= 1ull << SEVC_GHCB_VALID_INDEX(RAX);
        page->valid_bitmap[1] |= 1ull << (SEVC_GHCB_VALID_INDEX(RDX) - 64);
    } else {
        const struct host_exchange *honest = &interrupted[at_work]->honest;

        assert_int_equal(page->sw_exitcode, honest->event);
        assert_int_equal(page->sw_exitinfo1, honest->info1);
        assert_int_equal(page->sw_exitinfo2, honest->info2);
        assert_int_equal(page->rax, honest->inputs[0].value);
        if (honest->returned != NULL) {
            memcpy(page->shared_buffer, honest->returned, honest->returned_bytes);
        }
    }
    page->sw_exitinfo1 = 0;
    page->sw_exitinfo2 = 0;
}

static void handle_it(void *argument)
{
    (void)argument;
    sevc_handle_vc(&world.cpu, &world.trap, &world.report);
}

static enum sevc_result nmi_result;

static void nmi_reads_the_time(void *argument)
{
    struct sevc_report report;

    (void)argument;
    nmi_result = nested(rdtsc, &report);
}

static bool both_are_right(void *argument)
{
    (void)argument;
    return nmi_result == SEVC_OK && world.report.result == SEVC_OK && world.cpu.depth == 0 &&
           memcmp(&world.trap, &good_trap, sizeof(good_trap)) == 0 && world.host.page_exits == 2 &&
           host_is_at_rest(&world.host);
}

/* T16: an NMI before any instruction of the handler, in whose handler another #VC is handled. */
static void T16_an_nmi_at_any_instruction_changes_nothing(void **state)
{
    uint64_t instructions, failed;

    (void)state;
    for (at_work = 0; at_work < sizeof(interrupted) / sizeof(interrupted[0]); at_work++) {
        play_honestly(interrupted[at_work]);
        set(interrupted[at_work]);
        world.host.lenient = true;
        world.host.serve = serve;
        world.trap.error_code = interrupted[at_work]->exit_code;
        instructions = host_interrupt_everywhere(&world.host, handle_it, nmi_reads_the_time,
                                                 both_are_right, NULL, &failed);
        print_message("%u instructions\n", (unsigned)instructions);
        assert_int_equal(failed, 0);
        world_finish();
    }
}

/* ---- a CPU that is not ready (T18, T39) ---- */

static const uint8_t cpuid_code[] = { 0x0f, 0xa2 };

static void assert_cpuid_by_msr_protocol(struct sevc_cpu *cpu)
{
    struct sevc_trap trap = { .error_code = SEVC_EXIT_CPUID, .cs = 0x10 };
    struct sevc_report report;

    trap.rip = (uint64_t)cpuid_code;
    trap.gpr[SEVC_RAX] = 1;
    for (unsigned i = 0; i < 4; i++) {
        host_expect_msr(&world.host, 1ull << 32 | (uint64_t)i << 30 | 4,
                        (uint64_t)(i + 10) << 32 | (uint64_t)i << 30 | 5);
    }
    assert_int_equal(sevc_handle_vc(cpu, &trap, &report), SEVC_OK);
    assert_int_equal(trap.gpr[SEVC_RAX], 10);
    assert_int_equal(trap.gpr[SEVC_RDX], 13);
    assert_int_equal(trap.rip, (uint64_t)cpuid_code + 2);
}

static void assert_not_ready(struct sevc_cpu *cpu, const struct scene *scene, unsigned cpl)
{
    struct sevc_trap trap = { .error_code = scene->exit_code, .rip = USER_CODE, .cs = 0x10 | cpl };
    struct sevc_trap before = trap;
    struct sevc_report report;

    memset(&report, 0xA5, sizeof(report));
    assert_int_equal(sevc_handle_vc(cpu, &trap, &report), SEVC_FORBIDDEN);
    assert_int_equal(report.result, SEVC_FORBIDDEN);
    assert_int_equal(report.reason, SEVC_REASON_NOT_READY);
    assert_int_equal(report.vmgexits, 0);
    assert_memory_equal(&trap, &before, sizeof(trap));
}

/* T18, T39 */
static void T18_T39_a_cpu_that_is_not_ready_gets_cpuid_and_nothing_else(void **state)
{
    static struct sevc_cpu garbage;
    struct sevc_cpu *cpus[] = { NULL, &garbage };

    (void)state;
    memset(&garbage, 0xA5, sizeof(garbage));
    for (size_t i = 0; i < 2; i++) {
        world_start();
        assert_cpuid_by_msr_protocol(cpus[i]);
        for (size_t j = 0; j < SCENES; j++) {
            assert_not_ready(cpus[i], &scenes[j], 3);
            if (scenes[j].exit_code != SEVC_EXIT_CPUID) {
                assert_not_ready(cpus[i], &scenes[j], 0);
            }
        }
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T36_T51_T61_T69_a_lie_is_an_error_and_changes_nothing),
        cmocka_unit_test(T11_what_was_read_first_counts),
        cmocka_unit_test(T1_T4_an_exit_at_another_instruction_does_nothing),
        cmocka_unit_test(T1_no_exit_code_stands_for_another),
        cmocka_unit_test(T52_the_report_says_why),
        cmocka_unit_test(T16_a_nested_exception_is_served_and_a_third_refused),
        cmocka_unit_test(T16_an_nmi_at_any_instruction_changes_nothing),
        cmocka_unit_test(T18_T39_a_cpu_that_is_not_ready_gets_cpuid_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
