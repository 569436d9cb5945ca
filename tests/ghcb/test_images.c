/* SPDX-License-Identifier: MIT */
/*
 * The GHCB as the hypervisor must find it at VMGEXIT, for every event, byte by byte (T37, T63, T65,
 * T66). The images are written by hand from the layout (GHCB spec 2.03, 2.6) and the table of
 * events (4.1); what a line does not name is zero. Neither the library's constants nor the scripted
 * host's comparison are used.
 *
 * Valid bits, by byte and bit of the bitmap at 3F0:
 * CPL 3F3.1  XSS 3F5.0  DR7 3F5.4  RIP 3F5.7  RAX 3F7.7  RCX 3FC.1  RDX 3FC.2  RBX 3FC.3  RBP 3FC.5  RSI 3FC.6  RDI 3FC.7  R8-R15 3FD.0-7
 * code 3FE.2  info1 3FE.3  info2 3FE.4 (together 1C; with SW_SCRATCH, bit 5, 3C)  XCR0 3FF.5
 */
#include <stdlib.h>

#include "common.h"

static uint64_t wide;
static uint32_t narrow;

#define SESSION struct sevc_session *s

static void cpuid_1(SESSION)
{
    struct sevc_cpuid_regs regs = { 1, 0xBADBAD, 0, 0xBADBAD };
    sevc_event_cpuid(s, &regs, 7, 0x1800);
}
static void cpuid_d_0(SESSION)
{
    struct sevc_cpuid_regs regs = { 0xD, 0xBADBAD, 0, 0xBADBAD };
    sevc_event_cpuid(s, &regs, 7, 0x1800);
}
static void cpuid_d_1(SESSION)
{
    struct sevc_cpuid_regs regs = { 0xD, 0xBADBAD, 1, 0xBADBAD };
    sevc_event_cpuid(s, &regs, 0x207, 0x1800);
}
static void cpuid_1f(SESSION)
{
    struct sevc_cpuid_regs regs = { 0x8000001F, 0, 0xFFFFFFFF, 0 };
    sevc_event_cpuid(s, &regs, 7, 0x1800);
}
static void rdmsr(SESSION)
{
    sevc_event_rdmsr(s, 0xC0010015, &wide);
}
static void wrmsr(SESSION)
{
    sevc_event_wrmsr(s, 0x0000001B, 0x11223344FEE00D00);
}
static void in_8_imm(SESSION)
{
    sevc_event_in(s, 0x60, 1, 8, &narrow);
}
static void in_16(SESSION)
{
    sevc_event_in(s, 0xFFFE, 2, 4, &narrow);
}
static void in_32(SESSION)
{
    sevc_event_in(s, 0xCFC, 4, 2, &narrow);
}
static void out_8(SESSION)
{
    sevc_event_out(s, 0x3F8, 1, 8, 0x99887766);
}
static void out_16(SESSION)
{
    sevc_event_out(s, 0x3F8, 2, 8, 0x99887766);
}
static void out_32(SESSION)
{
    sevc_event_out(s, 0x3F8, 4, 8, 0x99887766);
}
static void ins(SESSION)
{
    const struct sevc_string_io io = { 0x1F0, 2, 8, SEVC_ES, true, true };
    sevc_event_string_io(s, &io, 256);
}
static void ins_once(SESSION)
{
    const struct sevc_string_io io = { 0x1F0, 4, 4, SEVC_ES, false, true };
    sevc_event_string_io(s, &io, 1);
}
static void outs(SESSION)
{
    const struct sevc_string_io io = { 0x402, 1, 8, SEVC_DS, true, false };
    for (unsigned i = 0; i < 3; i++) {
        s->page->shared_buffer[i] = (uint8_t) "abc"[i];
    }
    sevc_event_string_io(s, &io, 3);
}
static void outs_full(SESSION)
{
    const struct sevc_string_io io = { 0x402, 4, 2, SEVC_FS, true, false };
    for (unsigned i = 0; i < 2032; i++) {
        s->page->shared_buffer[i] = 0xEE;
    }
    sevc_event_string_io(s, &io, 508);
}
static void mmio_read(SESSION)
{
    sevc_event_mmio_read(s, 0x00000080FED000F0, 8, &wide);
}
static void mmio_write_1(SESSION)
{
    sevc_event_mmio_write(s, 0xFEE000B0, 1, 0xF1F2F3F4F5F6F7F8);
}
static void mmio_write_4(SESSION)
{
    sevc_event_mmio_write(s, 0xFEE000B0, 4, 0xF1F2F3F4F5F6F7F8);
}
static void mmio_write_8(SESSION)
{
    sevc_event_mmio_write(s, 0xFEE000B0, 8, 0xF1F2F3F4F5F6F7F8);
}
static void rdtsc(SESSION)
{
    sevc_event_rdtsc(s, &wide);
}
static void rdtscp(SESSION)
{
    sevc_event_rdtscp(s, &wide, &narrow);
}
static void rdpmc(SESSION)
{
    sevc_event_rdpmc(s, 0x40000001, &wide);
}
static void invd(SESSION)
{
    sevc_event_invd(s);
}
static void wbinvd(SESSION)
{
    sevc_event_wbinvd(s);
}
static void monitor(SESSION)
{
    sevc_event_monitor(s, 0x123456789000, 1, 2);
}
static void mwait(SESSION)
{
    sevc_event_mwait(s, 0x10, 1);
}
static void vmmcall_none(SESSION)
{
    const struct sevc_hypercall_abi abi = { 0 };
    uint64_t gpr[16];
    memset(gpr, 0xBB, sizeof(gpr));
    gpr[SEVC_RAX] = 9;
    sevc_event_vmmcall(s, &abi, 0, 0xBBBB, gpr);
}
static void vmmcall_all(SESSION)
{
    const struct sevc_hypercall_abi abi = { .inputs = 0xFFEF, .rip = true };
    uint64_t gpr[16];
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = 0x10 + i;
    }
    sevc_event_vmmcall(s, &abi, 3, 0x401000, gpr);
}
static void write_dr7(SESSION)
{
    sevc_event_write_dr7(s, 0x00000700);
}
static void nmi_complete(SESSION)
{
    sevc_event_nmi_complete(s);
}
static void ap_reset_hold(SESSION)
{
    bool woken;
    sevc_event_ap_reset_hold(s, &woken);
}
static void get_jump_table(SESSION)
{
    sevc_event_get_jump_table(s, &wide);
}
static void set_jump_table(SESSION)
{
    sevc_event_set_jump_table(s, 0x9F000);
}
static void hv_features(SESSION)
{
    sevc_event_hv_features(s, &wide);
}
static void terminate(SESSION)
{
    sevc_event_terminate(s, 0x1, 0x23);
}
static void terminate_cut(SESSION)
{
    sevc_event_terminate(s, 0xF5, 0xF67);
}
static void unsupported(SESSION)
{
    sevc_event_unsupported(s, 0x40D);
}

struct golden {
    const char *name;
    void (*call)(SESSION);
    uint16_t version;
    const char *image; /* lines "OFFSET BYTES...", hexadecimal; "*N" repeats a byte N (hex) times */
};

#define ALWAYS_V2 "3fe 1c\nffa 02\n"
#define BUFFER_V2 "3fe 3c\nffa 02\n3a8 00 78 56 34 12\n" /* HOST_GHCB_GPA + 0x800 */

static const struct golden goldens[] = {
    { "CPUID 1", cpuid_1, 2, ALWAYS_V2 "390 72\n1f8 01\n3f7 80\n3fc 02\n" },
    { "CPUID 1, version 1", cpuid_1, 1, "3fe 1c\nffa 01\n390 72\n1f8 01\n3f7 80\n3fc 02\n" },
    { "CPUID D/0", cpuid_d_0, 2, ALWAYS_V2 "390 72\n1f8 0d\n3e8 07\n3f7 80\n3fc 02\n3ff 20\n" },
    { "CPUID D/1", cpuid_d_1, 2,
      ALWAYS_V2 "390 72\n1f8 0d\n308 01\n3e8 07 02\n140 00 18\n3f5 01\n3f7 80\n3fc 02\n3ff 20\n" },
    { "CPUID D/1, version 1: no XSS", cpuid_d_1, 1,
      "3fe 1c\nffa 01\n390 72\n1f8 0d\n308 01\n3e8 07 02\n3f7 80\n3fc 02\n3ff 20\n" },
    { "CPUID 8000_001F", cpuid_1f, 2,
      ALWAYS_V2 "390 72\n1f8 1f 00 00 80\n308 ff ff ff ff\n3f7 80\n3fc 02\n" },
    { "RDMSR", rdmsr, 2, ALWAYS_V2 "390 7c\n308 15 00 01 c0\n3fc 02\n" },
    { "WRMSR", wrmsr, 2,
      ALWAYS_V2 "390 7c\n398 01\n308 1b\n1f8 00 0d e0 fe\n310 44 33 22 11\n3f7 80\n3fc 06\n" },
    { "IN AL, 60h", in_8_imm, 2, ALWAYS_V2 "390 7b\n398 11 02 60 00\n" },
    { "IN AX, DX", in_16, 2, ALWAYS_V2 "390 7b\n398 21 01 fe ff\n" },
    { "IN EAX, DX", in_32, 2, ALWAYS_V2 "390 7b\n398 c1 00 fc 0c\n" },
    { "OUT DX, AL", out_8, 2, ALWAYS_V2 "390 7b\n398 10 02 f8 03\n1f8 66\n3f7 80\n" },
    { "OUT DX, AX", out_16, 2, ALWAYS_V2 "390 7b\n398 20 02 f8 03\n1f8 66 77\n3f7 80\n" },
    { "OUT DX, EAX", out_32, 2, ALWAYS_V2 "390 7b\n398 40 02 f8 03\n1f8 66 77 88 99\n3f7 80\n" },
    { "REP INSW", ins, 2, BUFFER_V2 "390 7b\n398 2d 02 f0 01\n3a0 00 01\n" },
    { "INSD", ins_once, 2, BUFFER_V2 "390 7b\n398 45 01 f0 01\n3a0 01\n" },
    { "REP OUTSB", outs, 2, BUFFER_V2 "390 7b\n398 1c 0e 02 04\n3a0 03\n800 61 62 63\n" },
    { "REP OUTSD, the whole buffer", outs_full, 2,
      BUFFER_V2 "390 7b\n398 cc 10 02 04\n3a0 fc 01\n800 ee *7f0\n" },
    { "MMIO read", mmio_read, 2, BUFFER_V2 "390 01 00 00 80\n398 f0 00 d0 fe 80\n3a0 08\n" },
    { "MMIO write of 1", mmio_write_1, 2,
      BUFFER_V2 "390 02 00 00 80\n398 b0 00 e0 fe\n3a0 01\n800 f8\n" },
    { "MMIO write of 4", mmio_write_4, 2,
      BUFFER_V2 "390 02 00 00 80\n398 b0 00 e0 fe\n3a0 04\n800 f8 f7 f6 f5\n" },
    { "MMIO write of 8", mmio_write_8, 2,
      BUFFER_V2 "390 02 00 00 80\n398 b0 00 e0 fe\n3a0 08\n800 f8 f7 f6 f5 f4 f3 f2 f1\n" },
    { "RDTSC", rdtsc, 2, ALWAYS_V2 "390 6e\n" },
    { "RDTSCP", rdtscp, 2, ALWAYS_V2 "390 87\n" },
    { "RDPMC", rdpmc, 2, ALWAYS_V2 "390 6f\n308 01 00 00 40\n3fc 02\n" },
    { "INVD", invd, 2, ALWAYS_V2 "390 76\n" },
    { "WBINVD", wbinvd, 2, ALWAYS_V2 "390 89\n" },
    { "MONITOR", monitor, 2,
      ALWAYS_V2 "390 8a\n1f8 00 90 78 56 34 12\n308 01\n310 02\n3f7 80\n3fc 06\n" },
    { "MWAIT", mwait, 2, ALWAYS_V2 "390 8b\n1f8 10\n308 01\n3f7 80\n3fc 02\n" },
    { "VMMCALL, nothing but RAX", vmmcall_none, 2, ALWAYS_V2 "390 81\n1f8 09\n3f3 02\n3f7 80\n" },
    { "VMMCALL from user mode, everything", vmmcall_all, 2,
      ALWAYS_V2 "390 81\n0cb 03\n1f8 10\n308 11\n310 12\n318 13\n328 15\n330 16\n338 17\n340 18\n"
                "348 19\n350 1a\n358 1b\n360 1c\n368 1d\n370 1e\n378 1f\n"
                "178 00 10 40\n3f3 02\n3f5 80\n3f7 80\n3fc ee\n3fd ff\n" },
    { "write of DR7", write_dr7, 2, ALWAYS_V2 "390 37\n1f8 00 07\n3f7 80\n" },
    { "NMI complete", nmi_complete, 2, ALWAYS_V2 "390 03 00 00 80\n" },
    { "AP reset hold", ap_reset_hold, 2, ALWAYS_V2 "390 04 00 00 80\n" },
    { "get AP jump table", get_jump_table, 2, ALWAYS_V2 "390 05 00 00 80\n398 01\n" },
    { "set AP jump table", set_jump_table, 2, ALWAYS_V2 "390 05 00 00 80\n3a0 00 f0 09\n" },
    { "hypervisor features", hv_features, 2, ALWAYS_V2 "390 fd ff 00 80\n" },
    { "terminate", terminate, 2, ALWAYS_V2 "390 fe ff 00 80\n398 31 02\n" },
    { "terminate, cut", terminate_cut, 2, ALWAYS_V2 "390 fe ff 00 80\n398 75 06\n" },
    { "unsupported", unsupported, 2, ALWAYS_V2 "390 ff ff 00 80\n398 0d 04\n" },
};

/* Reads the lines of a golden image. */
static void draw(const char *text, uint8_t image[4096])
{
    memset(image, 0, 4096);
    while (*text != '\0') {
        char *end;
        unsigned long offset = strtoul(text, &end, 16);

        while (*end == ' ') {
            if (end[1] == '*') {
                unsigned long repeat = strtoul(end + 2, &end, 16);

                memset(image + offset, image[offset - 1], repeat - 1);
            } else {
                image[offset++] = (uint8_t)strtoul(end + 1, &end, 16);
            }
        }
        text = end + 1;
    }
}

static void answer_anything(struct scripted_host *host, struct sevc_ghcb_page *page)
{
    (void)host;
    memset(page->valid_bitmap, 0xFF, sizeof(page->valid_bitmap));
    page->sw_exitinfo1 = 0;
    page->sw_exitinfo2 = 0;
}

static void compare(const struct golden *golden, const uint8_t *seen, const uint8_t *expected)
{
    for (unsigned i = 0; i < 4096; i++) {
        if (seen[i] != expected[i]) {
            fail_msg("%s: byte 0x%03x is 0x%02x, expected 0x%02x", golden->name, i, seen[i],
                     expected[i]);
        }
    }
}

static void T37_T63_T65_T66_each_event_sends_exactly_its_image(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(goldens); i++) {
        struct sevc_report report = { 0 };
        struct sevc_session session;
        struct scripted_host host;
        struct sevc_cpu cpu;
        uint8_t image[4096];

        host_start(&host);
        host_make_cpu(&host, &cpu, goldens[i].version);
        host.lenient = true;
        host.serve = answer_anything;
        assert_int_equal(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
        goldens[i].call(&session);
        sevc_session_end(&session);
        assert_int_equal(host.page_exits, 1);
        draw(goldens[i].image, image);
        compare(&goldens[i], (const uint8_t *)&host.last, image);
        host_finish(&host);
    }
}

/* Nothing of one event is in the image of the next, in any order, in one session. */
static void no_event_carries_anything_of_the_one_before(void **state)
{
    (void)state;
    for (size_t first = 0; first < COUNT_OF(goldens); first++) {
        struct sevc_report report = { 0 };
        struct sevc_session session;
        struct scripted_host host;
        struct sevc_cpu cpu;

        host_start(&host);
        host_make_cpu(&host, &cpu, 2);
        host.lenient = true;
        host.serve = answer_anything;
        assert_int_equal(sevc_session_begin(&session, &cpu, &report), SEVC_OK);
        for (size_t second = 0; second < COUNT_OF(goldens); second++) {
            uint8_t image[4096];

            if (goldens[second].version != 2 || goldens[first].version != 2) {
                continue;
            }
            if (goldens[second].call == ins || goldens[second].call == ins_once) {
                continue; /* the buffer is the caller's from exchange to exchange (ghcb.h) */
            }
            goldens[first].call(&session);
            goldens[second].call(&session);
            draw(goldens[second].image, image);
            compare(&goldens[second], (const uint8_t *)&host.last, image);
        }
        sevc_session_end(&session);
        host_finish(&host);
    }
}

/* The request does not exist in version 1: not sent. */
static void version_1_is_not_asked_for_features(void **state)
{
    struct sevc_report report = { 0 };
    struct sevc_session session;
    struct scripted_host host;
    struct sevc_cpu cpu;
    uint64_t features = 77;

    (void)state;
    host_start(&host);
    host_make_cpu(&host, &cpu, 1);
    sevc_session_begin(&session, &cpu, &report);
    assert_int_equal(sevc_event_hv_features(&session, &features), SEVC_UNSUPPORTED);
    assert_int_equal(report.reason, SEVC_REASON_NO_FEATURE);
    sevc_session_end(&session);
    assert_int_equal(features, 77);
    assert_int_equal(host.vmgexits, 0);
    host_finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T37_T63_T65_T66_each_event_sends_exactly_its_image),
        cmocka_unit_test(no_event_carries_anything_of_the_one_before),
        cmocka_unit_test(version_1_is_not_asked_for_features),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
