/* SPDX-License-Identifier: MIT */
/* MMIO by MOV, MOVZX, MOVSX, MOVSXD. */
#include "world.h"

#define OLD 0xD1D2D3D4C0C1C2C3ull /* every register of the cases below */

/* What the device answers: the sign bit of each width is set. */
static const uint8_t answer[8] = { 0x81, 0x92, 0xA3, 0xB4, 0xC5, 0xD6, 0xE7, 0xF8 };

static void start(const char *code, size_t length)
{
    world_start();
    for (unsigned i = 0; i < 16; i++) {
        *sevc_trap_gpr(&world.trap, i) = OLD;
    }
    world.trap.gpr[SEVC_RDI] = DEVICE;
    world_code(code, length);
}

static void expect_read(uint64_t gpa, unsigned bytes)
{
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_NAE_MMIO_READ,
                                 .info1 = gpa,
                                 .info2 = bytes,
                                 .scratch = true,
                                 .returned = answer,
                                 .returned_bytes = 8, /* more than asked for: ignored */
                             });
}

static void expect_write(uint64_t gpa, const void *sent, unsigned bytes)
{
    host_expect(&world.host, &(struct host_exchange){
                                 .event = SEVC_NAE_MMIO_WRITE,
                                 .info1 = gpa,
                                 .info2 = bytes,
                                 .scratch = true,
                                 .sent = sent,
                                 .sent_bytes = bytes,
                             });
}

/* T30, T32 */
static void T30_T32_a_load_writes_its_register_as_the_processor_does(void **state)
{
    static const struct {
        const char *code;
        unsigned length, bytes, reg;
        uint64_t value;
    } cases[] = {
        { "\x8a\x07", 2, 1, SEVC_RAX, 0xD1D2D3D4C0C1C281 },
        { "\x8a\x27", 2, 1, SEVC_RAX, 0xD1D2D3D4C0C181C3 },     /* AH */
        { "\x8a\x2f", 2, 1, SEVC_RCX, 0xD1D2D3D4C0C181C3 },     /* CH */
        { "\x8a\x3f", 2, 1, SEVC_RBX, 0xD1D2D3D4C0C181C3 },     /* BH */
        { "\x40\x8a\x27", 3, 1, SEVC_RSP, 0xD1D2D3D4C0C1C281 }, /* SPL */
        { "\x44\x8a\x07", 3, 1, SEVC_R8, 0xD1D2D3D4C0C1C281 },
        { "\x66\x8b\x07", 3, 2, SEVC_RAX, 0xD1D2D3D4C0C19281 },
        { "\x8b\x07", 2, 4, SEVC_RAX, 0xB4A39281 },
        { "\x8b\x27", 2, 4, SEVC_RSP, 0xB4A39281 },
        { "\x48\x8b\x07", 3, 8, SEVC_RAX, 0xF8E7D6C5B4A39281 },
        { "\x4c\x8b\x3f", 3, 8, SEVC_R15, 0xF8E7D6C5B4A39281 },
        { "\x66\x0f\xb6\x07", 4, 1, SEVC_RAX, 0xD1D2D3D4C0C10081 },
        { "\x0f\xb6\x07", 3, 1, SEVC_RAX, 0x81 },
        { "\x48\x0f\xb6\x07", 4, 1, SEVC_RAX, 0x81 },
        { "\x0f\xb7\x07", 3, 2, SEVC_RAX, 0x9281 },
        { "\x48\x0f\xb7\x07", 4, 2, SEVC_RAX, 0x9281 },
        { "\x66\x0f\xbe\x07", 4, 1, SEVC_RAX, 0xD1D2D3D4C0C1FF81 },
        { "\x0f\xbe\x07", 3, 1, SEVC_RAX, 0xFFFFFF81 },
        { "\x48\x0f\xbe\x07", 4, 1, SEVC_RAX, 0xFFFFFFFFFFFFFF81 },
        { "\x0f\xbf\x07", 3, 2, SEVC_RAX, 0xFFFF9281 },
        { "\x48\x0f\xbf\x07", 4, 2, SEVC_RAX, 0xFFFFFFFFFFFF9281 },
        { "\x48\x63\x07", 3, 4, SEVC_RAX, 0xFFFFFFFFB4A39281 },
        { "\x63\x07", 2, 4, SEVC_RAX, 0xB4A39281 },
        { "\x48\x8b\x3f", 3, 8, SEVC_RDI, 0xF8E7D6C5B4A39281 }, /* its own address */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sevc_trap expected;

        start(cases[i].code, cases[i].length);
        expect_read(DEVICE_GPA, cases[i].bytes);
        expected = world.trap;
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
        expected.error_code = SEVC_EXIT_NPF;
        expected.rip += cases[i].length;
        expected.rflags &= ~SEVC_RFLAGS_RF;
        *sevc_trap_gpr(&expected, cases[i].reg) = cases[i].value;
        assert_memory_equal(&world.trap, &expected, sizeof(expected));
        world_finish();
    }
}

/* T31, T32; and not one byte more. */
static void T31_T32_a_store_sends_its_operand_and_changes_nothing_but_rip(void **state)
{
    static const struct {
        const char *code;
        unsigned length, bytes;
        uint64_t sent;
    } cases[] = {
        { "\x88\x07", 2, 1, 0xC3 },
        { "\x88\x27", 2, 1, 0xC2 },     /* AH */
        { "\x40\x88\x27", 3, 1, 0xC3 }, /* SPL */
        { "\x66\x89\x07", 3, 2, 0xC2C3 },
        { "\x89\x07", 2, 4, 0xC0C1C2C3 },
        { "\x48\x89\x07", 3, 8, OLD },
        { "\x4c\x89\x27", 3, 8, OLD }, /* R12 */
        { "\x48\x89\x27", 3, 8, OLD }, /* RSP */
        { "\xc6\x07\xfe", 3, 1, 0xFE },
        { "\x66\xc7\x07\xfe\xff", 5, 2, 0xFFFE },
        { "\xc7\x07\x78\x56\x34\x92", 6, 4, 0x92345678 },
        { "\x48\xc7\x07\x78\x56\x34\x92", 7, 8, 0xFFFFFFFF92345678 },
        { "\x48\xc7\x07\x78\x56\x34\x12", 7, 8, 0x12345678 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sevc_trap expected;

        start(cases[i].code, cases[i].length);
        expect_write(DEVICE_GPA, &cases[i].sent, cases[i].bytes);
        expected = world.trap;
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
        expected.error_code = SEVC_EXIT_NPF;
        expected.rip += cases[i].length;
        expected.rflags &= ~SEVC_RFLAGS_RF;
        assert_memory_equal(&world.trap, &expected, sizeof(expected));
        world_finish();
    }
}

/* A few forms end to end; src/decode's own tests have them all (T41, T47, T40). */
static void T41_T47_T40_addresses_are_found_whatever_their_form(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
    } cases[] = {
        { "\x8b\x47\x10", 3 },                         /* [rdi+0x10] */
        { "\x8b\x04\xb7", 3 },                         /* [rdi+rsi*4] */
        { "\x42\x8b\x84\xc7\x00\xff\xff\xff", 8 },     /* [rdi+r8*8-0x100] */
        { "\x65\x8b\x03", 3 },                         /* gs:[rbx] */
        { "\x64\x8b\x04\x25\x10\x00\x00\x00", 8 },     /* fs:[0x10] */
        { "\xa1\x10\x00\x00\x00\x00\xc9\xff\xff", 9 }, /* [moffs64] */
    };
    static const struct {
        const char *code;
        unsigned length;
        unsigned bytes;
        uint64_t value;
    } extended[] = {
        { "\x0f\xb6\x47\x10", 4, 1, 0x81 },                    /* movzx eax, byte [rdi+0x10] */
        { "\x0f\xb7\x04\xb7", 4, 2, 0x9281 },                  /* movzx eax, word [rdi+rsi*4] */
        { "\x0f\xbe\x87\x10\0\0\0", 7, 1, 0xFFFFFF81 },        /* movsx, disp32 */
        { "\x65\x48\x0f\xbf\x03", 5, 2, ~0xFFFFull | 0x9281 }, /* movsx rax, word gs:[rbx] */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].code, cases[i].length);
        world.trap.gpr[SEVC_RSI] = 4;
        world.trap.gpr[SEVC_R8] = 0x110 / 8;
        world.trap.gpr[SEVC_RBX] = 0x1000;
        world.gs_base = DEVICE - 0x1000 + 0x10;
        world.fs_base = DEVICE;
        expect_read(DEVICE_GPA + 0x10, 4);
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RAX], 0xB4A39281);
        world_finish();
    }
    for (size_t i = 0; i < sizeof(extended) / sizeof(extended[0]); i++) {
        start(extended[i].code, extended[i].length);
        world.trap.gpr[SEVC_RSI] = 4;
        world.trap.gpr[SEVC_RBX] = 0x1000;
        world.gs_base = DEVICE - 0x1000 + 0x10;
        expect_read(DEVICE_GPA + 0x10, extended[i].bytes);
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RAX], extended[i].value);
        assert_int_equal(world.trap.rip, KERNEL_CODE + extended[i].length);
        world_finish();
    }
}

/* T4, T5: in both directions; a straddling access by either of its pages. */
static void T4_T5_an_encrypted_page_is_no_device(void **state)
{
    static const struct {
        uint64_t offset;
        bool first, second; /* encrypted */
        bool refused;
    } cases[] = {
        { 0x000, true, false, true }, { 0xFFC, true, false, true }, { 0xFFC, false, true, false },
        { 0xFFD, false, true, true }, { 0xFFD, true, false, true }, { 0xFFF, false, true, true },
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        bool write = i % 2 != 0;

        start(write ? "\x89\x07" : "\x8b\x07", 2);
        world.trap.gpr[SEVC_RDI] = DEVICE + cases[i / 2].offset;
        world_page(DEVICE)->encrypted = cases[i / 2].first;
        world_page(DEVICE + 4096)->encrypted = cases[i / 2].second;
        if (cases[i / 2].refused) {
            assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_FORBIDDEN);
            assert_int_equal(world.report.reason, SEVC_REASON_ENCRYPTED_MMIO);
        } else if (write) {
            expect_write(DEVICE_GPA + 0xFFC, "\xc3\xc2\xc1\xc0", 4);
            assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
        } else {
            expect_read(DEVICE_GPA + 0xFFC, 4);
            assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
        }
        world_finish();
    }
}

/* T33 */
static void T33_an_access_across_pages_is_one_event_if_they_adjoin(void **state)
{
    (void)state;
    start("\x48\x8b\x07", 3);
    world.trap.gpr[SEVC_RDI] = DEVICE + 0xFFA;
    expect_read(DEVICE_GPA + 0xFFA, 8);
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RAX], 0xF8E7D6C5B4A39281);
    world_finish();

    start("\x48\x8b\x07", 3);
    world.trap.gpr[SEVC_RDI] = DEVICE + 0xFFA;
    world_page(DEVICE + 4096)->gpa = DEVICE_GPA + 0x5000;
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_UNSUPPORTED);
    assert_int_equal(world.report.reason, SEVC_REASON_MMIO_SPLIT);
    world_finish();
}

/* In 32-bit code the page behind the last one below 4 GiB is page 0, whatever there is above. */
static void in_32_bit_code_an_access_across_4_gib_runs_into_page_0(void **state)
{
    static const uint64_t second[] = { 0x100000000, 0x7000 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start("\x8b\x07", 2); /* MOV EAX, [EDI] */
        world.trap.rip = USER_CODE;
        world.code_bits = 32;
        world_code("\x8b\x07", 2);
        world_page(DEVICE + 4096)->va = second[i];
        world_page(DEVICE)->va = 0xFFFFF000;
        world.trap.gpr[SEVC_RDI] = 0xFFFFFFFE;
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_EXCEPTION);
        assert_int_equal(world.report.fault.vector, SEVC_VECTOR_PF);
        assert_int_equal(world.report.fault.cr2, 0);
        world_finish();
    }
}

static void what_is_not_mapped_faults_as_on_bare_metal(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        uint64_t address;
        bool read_only; /* the second page of the device */
        unsigned vector, error_code;
        uint64_t cr2;
        enum sevc_reason reason;
    } cases[] = {
        { "\x8b\x07", 2, DEVICE + 0x2000, false, SEVC_VECTOR_PF, 0, DEVICE + 0x2000,
          SEVC_REASON_NOT_MAPPED },
        { "\x89\x07", 2, DEVICE + 0x2000, false, SEVC_VECTOR_PF, 2, DEVICE + 0x2000,
          SEVC_REASON_NOT_MAPPED },
        { "\x8b\x07", 2, DEVICE + 0x1FFE, false, SEVC_VECTOR_PF, 0, DEVICE + 0x2000,
          SEVC_REASON_NOT_MAPPED },
        { "\x89\x07", 2, DEVICE + 0x1000, true, SEVC_VECTOR_PF, 3, DEVICE + 0x1000,
          SEVC_REASON_NOT_WRITABLE },
        { "\x89\x07", 2, DEVICE + 0xFFE, true, SEVC_VECTOR_PF, 3, DEVICE + 0x1000,
          SEVC_REASON_NOT_WRITABLE },
        { "\xc7\x07\x00\x00\x00\x00", 6, DEVICE + 0x1000, true, SEVC_VECTOR_PF, 3, DEVICE + 0x1000,
          SEVC_REASON_NOT_WRITABLE },
        { "\x8b\x07", 2, 0x0000800000000000, false, SEVC_VECTOR_GP, 0, 0,
          SEVC_REASON_NOT_CANONICAL },
        { "\x8b\x45\x00", 3, 0x0000800000000000, false, SEVC_VECTOR_SS, 0, 0,
          SEVC_REASON_NOT_CANONICAL }, /* through RBP */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].code, cases[i].length);
        world.trap.gpr[SEVC_RDI] = cases[i].address;
        world.trap.gpr[SEVC_RBP] = cases[i].address;
        world_page(DEVICE + 4096)->read_only = cases[i].read_only;
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_EXCEPTION);
        world_assert_fault(cases[i].vector, cases[i].error_code, cases[i].cr2);
        assert_int_equal(world.report.reason, cases[i].reason);
        world_assert_unchanged();
        world_finish();
    }

    start("\x8b\x07", 2); /* reading what is read-only */
    world_page(DEVICE)->read_only = true;
    expect_read(DEVICE_GPA, 4);
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
    world_finish();
}

/* With 57 address bits more is canonical: #PF, then. */
static void la57_widens_what_is_canonical(void **state)
{
    (void)state;
    start("\x8b\x07", 2);
    world.cr4 = 1ull << 12;
    world.trap.gpr[SEVC_RDI] = 0x0000800000000000;
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_EXCEPTION);
    world_assert_fault(SEVC_VECTOR_PF, 0, 0x0000800000000000);
    world_finish();
}

/* T10 and the policies. */
static void T10_policy_decides_first(void **state)
{
    (void)state;
    for (unsigned cpl = 1; cpl <= 3; cpl++) {
        start("\x8b\x07", 2);
        world_user();
        world.trap.cs = 0x30 | cpl;
        world_page(DEVICE)->user = true;
        world_code("\x8b\x07", 2);
        assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_FORBIDDEN);
        assert_int_equal(world.report.reason, SEVC_REASON_USER_MMIO);
        assert_int_equal(world.translations, 0);
        world_finish();
    }

    start("\x8b\x07", 2);
    world.policy.mmio = SEVC_MMIO_OFF;
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_FORBIDDEN);
    assert_int_equal(world.report.reason, SEVC_REASON_MMIO_OFF);
    world_finish();

    start("\x8b\x07", 2);
    world.mmio_denied = DEVICE_GPA;
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_FORBIDDEN);
    assert_int_equal(world.report.reason, SEVC_REASON_MMIO_RANGE);
    world_finish();
}

/* T71: the GHCB is unencrypted too; an exit for an access to it was injected. */
static void T71_the_ghcb_is_no_device(void **state)
{
    static const struct {
        uint64_t gpa;
        bool refused;
    } cases[] = {
        { HOST_GHCB_GPA, true },           { HOST_GHCB_GPA + 0xFFF, true },
        { HOST_GHCB_GPA - 7, true },       { HOST_GHCB_GPA - 8, false },
        { HOST_GHCB_GPA + 0x1000, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start("\x48\x8b\x07", 3);
        world.trap.gpr[SEVC_RDI] = DEVICE + (cases[i].gpa & 0xFFF);
        world_page(DEVICE)->gpa = cases[i].gpa & ~0xFFFull;
        world_page(DEVICE + 4096)->gpa = (cases[i].gpa & ~0xFFFull) + 0x1000;
        if (cases[i].refused) {
            assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_FORBIDDEN);
            assert_int_equal(world.report.reason, SEVC_REASON_MMIO_RANGE);
        } else {
            expect_read(cases[i].gpa, 8);
            assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
        }
        world_finish();
    }
}

static void the_buffer_is_read_once(void **state)
{
    (void)state;
    start("\x8b\x07", 2);
    expect_read(DEVICE_GPA, 4);
    host_watch(&world.host);
    assert_int_equal(world_run(SEVC_EXIT_NPF), SEVC_OK);
    assert_int_equal(world.trap.gpr[SEVC_RAX], 0xB4A39281);
    for (unsigned i = 0; i < 4; i++) {
        assert_in_range(host_reads(&world.host, SEVC_GHCB_OFF_SHARED_BUFFER + i), 0, 1);
    }
    world_finish();
}

static void what_is_not_emulated_is_refused_by_name(void **state)
{
    static const struct {
        const char *code;
        unsigned length;
        enum sevc_result result;
        enum sevc_reason reason;
    } cases[] = {
        { "\x0f\x10\x07", 3, SEVC_UNSUPPORTED, SEVC_REASON_VECTOR_INSN },     /* MOVUPS */
        { "\xc5\xf8\x10\x07", 4, SEVC_UNSUPPORTED, SEVC_REASON_VECTOR_INSN }, /* VMOVUPS */
        { "\xff\x37", 2, SEVC_UNSUPPORTED, SEVC_REASON_UNKNOWN_INSN },        /* PUSH */
        { "\xf0\x09\x07", 3, SEVC_UNSUPPORTED, SEVC_REASON_LOCKED },
        /* VMOVUPS [RDI], ZMM0: AVX-512 */
        { "\x62\xf1\x7c\x48\x11\x07", 6, SEVC_UNSUPPORTED, SEVC_REASON_VECTOR_INSN },
        { "\x8f\x07", 2, SEVC_UNSUPPORTED, SEVC_REASON_UNKNOWN_INSN }, /* POP */
        { "\x8b\xc7", 2, SEVC_UNSUPPORTED, SEVC_REASON_UNKNOWN_INSN }, /* no memory operand */
        { "\xf0\x89\x07", 3, SEVC_BAD_INSN, SEVC_REASON_NO_INSN },     /* #UD by LOCK */
        { "\x06", 1, SEVC_BAD_INSN, SEVC_REASON_NO_INSN },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(cases[i].code, cases[i].length);
        assert_int_equal(world_run(SEVC_EXIT_NPF), cases[i].result);
        assert_int_equal(world.report.reason, cases[i].reason);
        assert_memory_equal(world.report.insn, cases[i].code, cases[i].length); /* T52 */
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T30_T32_a_load_writes_its_register_as_the_processor_does),
        cmocka_unit_test(T31_T32_a_store_sends_its_operand_and_changes_nothing_but_rip),
        cmocka_unit_test(T41_T47_T40_addresses_are_found_whatever_their_form),
        cmocka_unit_test(T4_T5_an_encrypted_page_is_no_device),
        cmocka_unit_test(T33_an_access_across_pages_is_one_event_if_they_adjoin),
        cmocka_unit_test(in_32_bit_code_an_access_across_4_gib_runs_into_page_0),
        cmocka_unit_test(what_is_not_mapped_faults_as_on_bare_metal),
        cmocka_unit_test(la57_widens_what_is_canonical),
        cmocka_unit_test(T10_policy_decides_first),
        cmocka_unit_test(T71_the_ghcb_is_no_device),
        cmocka_unit_test(the_buffer_is_read_once),
        cmocka_unit_test(what_is_not_emulated_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
