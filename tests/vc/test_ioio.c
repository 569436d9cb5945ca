/* SPDX-License-Identifier: MIT */
/* IN and OUT. */
#include "world.h"

#define RAX SEVC_GHCB_OFF_RAX

#define OLD_RAX 0xD1D2D3D4C0C1C2C3ull

struct form {
    const char *code;
    unsigned length;
    unsigned bits; /* of the code segment */
    uint16_t port;
    unsigned bytes, address_bytes;
};

static uint64_t info1(const struct form *form)
{
    return (uint64_t)form->port << 16 | form->bytes << 4 | form->address_bytes << 6;
}

static void start(const struct form *form)
{
    world_start();
    world.code_bits = form->bits;
    if (form->bits == 32) {
        world.trap.rip = USER_CODE;
    }
    world.trap.gpr[SEVC_RAX] = OLD_RAX;
    world.trap.gpr[SEVC_RDX] = 0xFFFFFFFFFFFF03F8; /* DX is the port */
    world_code(form->code, form->length);
}

/* T29: what an IN does not write, it keeps; but 32 bits clear the upper half. */
static void T29_in_writes_as_many_bits_as_it_reads(void **state)
{
    static const struct {
        struct form form;
        uint64_t rax;
    } cases[] = {
        { { "\xec", 1, 64, 0x3F8, 1, 8 }, 0xD1D2D3D4C0C1C277 },
        { { "\x66\xed", 2, 64, 0x3F8, 2, 8 }, 0xD1D2D3D4C0C16677 },
        { { "\xed", 1, 64, 0x3F8, 4, 8 }, 0x44556677 },
        { { "\x48\xed", 2, 64, 0x3F8, 4, 8 }, 0x44556677 }, /* no 64-bit ports */
        { { "\x67\xec", 2, 64, 0x3F8, 1, 4 }, 0xD1D2D3D4C0C1C277 },
        { { "\xe4\x60", 2, 64, 0x60, 1, 8 }, 0xD1D2D3D4C0C1C277 },
        { { "\x66\xe5\x61", 3, 64, 0x61, 2, 8 }, 0xD1D2D3D4C0C16677 },
        { { "\xe5\xfe", 2, 64, 0xFE, 4, 8 }, 0x44556677 },
        { { "\xec", 1, 32, 0x3F8, 1, 4 }, 0xD1D2D3D4C0C1C277 },
        { { "\x67\xed", 2, 32, 0x3F8, 4, 2 }, 0x44556677 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct form *form = &cases[i].form;

        start(form);
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_IOIO,
                                     .info1 = info1(form) | SEVC_IOIO_IN,
                                     .outputs = { { RAX, 0x2233445544556677 } },
                                 });
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RAX], cases[i].rax);
        assert_int_equal(world.trap.rip,
                         (form->bits == 32 ? USER_CODE : KERNEL_CODE) + form->length);
        world_finish();
    }
}

/* T66: and no other bit leaves the guest. */
static void T66_out_sends_as_many_bits_as_it_writes(void **state)
{
    static const struct {
        struct form form;
        uint64_t sent;
    } cases[] = {
        { { "\xee", 1, 64, 0x3F8, 1, 8 }, 0xC3 },
        { { "\x66\xef", 2, 64, 0x3F8, 2, 8 }, 0xC2C3 },
        { { "\xef", 1, 64, 0x3F8, 4, 8 }, 0xC0C1C2C3 },
        { { "\x48\xef", 2, 64, 0x3F8, 4, 8 }, 0xC0C1C2C3 },
        { { "\xe6\x80", 2, 64, 0x80, 1, 8 }, 0xC3 },
        { { "\xe7\x80", 2, 64, 0x80, 4, 8 }, 0xC0C1C2C3 },
        { { "\x67\xee", 2, 64, 0x3F8, 1, 4 }, 0xC3 },
        { { "\x66\xef", 2, 32, 0x3F8, 2, 4 }, 0xC2C3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct form *form = &cases[i].form;

        start(form);
        host_expect(&world.host, &(struct host_exchange){
                                     .event = SEVC_EXIT_IOIO,
                                     .info1 = info1(form),
                                     .inputs = { { RAX, cases[i].sent } },
                                 });
        assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        assert_int_equal(world.trap.gpr[SEVC_RAX], OLD_RAX);
        world_finish();
    }
}

/* T9: who may use a port. The bitmap has 0x3F8 to 0x3FB, and 0xFFFF. */
static void T9_user_mode_gets_a_port_only_by_policy(void **state)
{
    static const struct {
        enum sevc_user_io_policy policy;
        unsigned cpl, iopl;
        const char *code;
        unsigned length;
        uint16_t port;
        bool allowed;
    } cases[] = {
        { SEVC_USER_IO_OFF, 0, 0, "\xee", 1, 0x70, true },
        { SEVC_USER_IO_OFF, 3, 0, "\xee", 1, 0x3F8, false },
        { SEVC_USER_IO_OFF, 3, 3, "\xee", 1, 0x3F8, false },
        { SEVC_USER_IO_OFF, 1, 1, "\xee", 1, 0x3F8, false },
        { SEVC_USER_IO_BITMAP, 3, 0, "\xee", 1, 0x3F8, true },
        { SEVC_USER_IO_BITMAP, 3, 0, "\xee", 1, 0x3F7, false },
        { SEVC_USER_IO_BITMAP, 3, 0, "\xef", 1, 0x3F8, true },
        { SEVC_USER_IO_BITMAP, 3, 0, "\xef", 1, 0x3F9, false }, /* its last byte is not */
        { SEVC_USER_IO_BITMAP, 3, 0, "\x66\xef", 2, 0x3FA, true },
        { SEVC_USER_IO_BITMAP, 3, 0, "\x66\xef", 2, 0x3FB, false },
        { SEVC_USER_IO_BITMAP, 3, 0, "\x66\xef", 2, 0xFFFF, false }, /* beyond the last port */
        { SEVC_USER_IO_BITMAP, 3, 3, "\xee", 1, 0x70, true },        /* CPL <= IOPL: not asked */
        { SEVC_USER_IO_BITMAP, 3, 2, "\xee", 1, 0x70, false },
        { SEVC_USER_IO_BITMAP, 1, 1, "\xee", 1, 0x70, true },
        { SEVC_USER_IO_BITMAP, 3, 0, "\xec", 1, 0x70, false },
        { SEVC_USER_IO_BITMAP, 3, 0, "\x6e", 1, 0x70, false },
        { SEVC_USER_IO_BITMAP, 3, 0, "\xf3\x6c", 2, 0x70, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_start();
        world_user();
        world.trap.cs = 0x30 | cases[i].cpl;
        world.trap.rflags |= (uint64_t)cases[i].iopl << SEVC_RFLAGS_IOPL_SHIFT;
        world.trap.gpr[SEVC_RDX] = cases[i].port;
        world.policy.user_io = cases[i].policy;
        memset(&world.io_allowed[0x3F8], true, 4);
        world.io_allowed[0xFFFF] = true;
        world_code(cases[i].code, cases[i].length);
        if (cases[i].allowed) {
            unsigned bytes = cases[i].length == 2 ? 2 : cases[i].code[0] == '\xef' ? 4 : 1;

            host_expect(
                &world.host,
                &(struct host_exchange){
                    .event = SEVC_EXIT_IOIO,
                    .info1 = (uint64_t)cases[i].port << 16 | bytes << 4 | SEVC_IOIO_ADDRESS_64,
                    .inputs = { { RAX, world.trap.gpr[SEVC_RAX] & (~0ull >> (64 - 8 * bytes)) } },
                });
            assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_OK);
        } else {
            assert_int_equal(world_run(SEVC_EXIT_IOIO), SEVC_EXCEPTION);
            world_assert_fault(SEVC_VECTOR_GP, 0, 0);
            assert_int_equal(world.report.reason, SEVC_REASON_USER_IO);
            world_assert_unchanged();
        }
        world_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T29_in_writes_as_many_bits_as_it_reads),
        cmocka_unit_test(T66_out_sends_as_many_bits_as_it_writes),
        cmocka_unit_test(T9_user_mode_gets_a_port_only_by_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
