/* SPDX-License-Identifier: MIT */
/*
 * GHCB pages as a guest sends them and as a host answers, and requests that break one rule each:
 * written by hand from the GHCB specification. Offsets, bits and values are plain numbers and not
 * those of sevc/ghcb_abi.h, so that a wrong constant there fails.
 *
 * A request is an image over a zeroed page, and an answer an image over the request.
 */
#ifndef TESTS_UNIT_GHCB_IMAGES_H
#define TESTS_UNIT_GHCB_IMAGES_H

#include <stdint.h>

#include "ghcb_server.h"

#define GPA          UINT64_C(0x123000)
#define BUFFER       (GPA + 0x800)
#define C_BIT        47
#define FAKE_RAM     UINT64_C(0x1000000) /* what the fake device takes for the guest's */
#define FAKE_RAM_END UINT64_C(0x1400000)
#define MAX_POKES    16

struct poke {
    uint16_t offset;
    uint8_t size; /* 0 ends the list */
    uint64_t value;
};

#define POKE(offset, size, value)                                                                  \
    {                                                                                              \
        offset, size, value                                                                        \
    }

#define VERSION2   POKE(0xFFA, 2, 2)
#define CODE(code) POKE(0x390, 8, code)
#define INFO1(v)   POKE(0x398, 8, v)
#define INFO2(v)   POKE(0x3A0, 8, v)
#define RAX(v)     POKE(0x1F8, 8, v)
#define RCX(v)     POKE(0x308, 8, v)
#define RDX(v)     POKE(0x310, 8, v)
#define RBX(v)     POKE(0x318, 8, v)
#define SCRATCH(v) POKE(0x3A8, 8, v)

/* Bytes of the bitmap. Code, info1 and info2 are bits 114 to 116: byte 14, 0x1C. */
#define MARK_ALWAYS      POKE(0x3FE, 1, 0x1C)
#define MARK_SCRATCH     POKE(0x3FE, 1, 0x3C) /* and bit 117 */
#define MARK_RAX         POKE(0x3F7, 1, 0x80) /* bit 63 */
#define MARK_RCX         POKE(0x3FC, 1, 0x02) /* bit 97 */
#define MARK_RDX         POKE(0x3FC, 1, 0x04) /* bit 98 */
#define MARK_RCX_RDX     POKE(0x3FC, 1, 0x06)
#define MARK_RBX_RCX_RDX POKE(0x3FC, 1, 0x0E) /* bits 97 to 99 */

struct golden {
    const char *name;
    struct poke request[MAX_POKES];
    struct poke reply[MAX_POKES]; /* over the request, after the bitmap was cleared to info1/2 */
    const char *device;           /* what the device was asked */
    enum ghcb_outcome outcome;
};

static const struct golden goldens[] = {
    { "CPUID",
      { CODE(0x72), RAX(0x80000002), RCX(0), MARK_RAX, MARK_RCX, MARK_ALWAYS, VERSION2 },
      { RAX(0x11111111), RBX(0xB2222222), RCX(0xC3333333), RDX(0xD4444444), MARK_RAX,
        MARK_RBX_RCX_RDX },
      "cpuid 80000002 0 1 0;",
      GHCB_RESUME },
    { "CPUID leaf D",
      { CODE(0x72),
        RAX(0xD),
        RCX(2),
        { 0x3E8, 8, 7 },
        MARK_RAX,
        MARK_RCX,
        MARK_ALWAYS,
        { 0x3FF, 1, 0x20 },
        VERSION2 },
      { RAX(0x11111111), RBX(0xB2222222), RCX(0xC3333333), RDX(0xD4444444), MARK_RAX,
        MARK_RBX_RCX_RDX },
      "cpuid d 2 7 0;",
      GHCB_RESUME },
    { "CPUID leaf D, sub-leaf 1",
      { CODE(0x72),
        RAX(0xD),
        RCX(1),
        { 0x3E8, 8, 3 },
        { 0x140, 8, 0x1800 },
        { 0x3F5, 1, 1 },
        MARK_RAX,
        MARK_RCX,
        MARK_ALWAYS,
        { 0x3FF, 1, 0x20 },
        VERSION2 },
      { RAX(0x11111111), RBX(0xB2222222), RCX(0xC3333333), RDX(0xD4444444), MARK_RAX,
        MARK_RBX_RCX_RDX },
      "cpuid d 1 3 1800;",
      GHCB_RESUME },
    { "RDMSR",
      { CODE(0x7C), RCX(0xC0000080), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { RAX(0x76543210), RDX(0xFEDCBA98), MARK_RAX, MARK_RDX },
      "rdmsr c0000080;",
      GHCB_RESUME },
    { "RDMSR refused",
      { CODE(0x7C), RCX(0xBAD), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { INFO1(1), INFO2(0x80000B0D) },
      "rdmsr bad;",
      GHCB_RESUME },
    { "WRMSR",
      { CODE(0x7C), INFO1(1), RCX(0x1B), RAX(0xFEE00900), RDX(0x12), MARK_RAX, MARK_RCX_RDX,
        MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "wrmsr 1b 12fee00900;",
      GHCB_RESUME },
    { "WRMSR refused",
      { CODE(0x7C), INFO1(1), RCX(0xBAD), MARK_RAX, MARK_RCX_RDX, MARK_ALWAYS, VERSION2 },
      { INFO1(1), INFO2(0x80000B0D) },
      "wrmsr bad 0;",
      GHCB_RESUME },
    { "OUT DX, AL",
      { CODE(0x7B), INFO1(0x03F80210), RAX(0x41), MARK_RAX, MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "out 3f8 1 41;",
      GHCB_RESUME },
    { "OUT DX, EAX",
      { CODE(0x7B), INFO1(0x0CF80240), RAX(0x80000000), MARK_RAX, MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "out cf8 4 80000000;",
      GHCB_RESUME },
    { "IN AL, DX",
      { CODE(0x7B), INFO1(0x03FD0211), MARK_ALWAYS, VERSION2 },
      { INFO1(0), RAX(0xD8), MARK_RAX },
      "in 3fd 1;",
      GHCB_RESUME },
    { "IN AX, DX",
      { CODE(0x7B), INFO1(0x01F00221), MARK_ALWAYS, VERSION2 },
      { INFO1(0), RAX(0xC7D8), MARK_RAX },
      "in 1f0 2;",
      GHCB_RESUME },
    { "IN EAX, DX",
      { CODE(0x7B), INFO1(0x0CFC0241), MARK_ALWAYS, VERSION2 },
      { INFO1(0), RAX(0xA5B6C7D8), MARK_RAX },
      "in cfc 4;",
      GHCB_RESUME },
    { "OUTSB",
      { CODE(0x7B),
        INFO1(0x00E90E14),
        INFO2(1),
        SCRATCH(BUFFER),
        { 0x800, 1, 'A' },
        MARK_SCRATCH,
        VERSION2 },
      { INFO1(0), INFO2(0) },
      "out e9 1 41;",
      GHCB_RESUME },
    { "REP OUTSW, FS",
      { CODE(0x7B),
        INFO1(0x00E0122C),
        INFO2(3),
        SCRATCH(BUFFER),
        { 0x800, 4, 0x34127856 },
        { 0x804, 2, 0x9ABC },
        MARK_SCRATCH,
        VERSION2 },
      { INFO1(0), INFO2(0) },
      "out e0 2 7856;out e0 2 3412;out e0 2 9abc;",
      GHCB_RESUME },
    { "REP INSD",
      { CODE(0x7B), INFO1(0x01F0024D), INFO2(2), SCRATCH(BUFFER), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0x800, 8, UINT64_C(0xA5B6C7D8A5B6C7D8) } },
      "in 1f0 4;in 1f0 4;",
      GHCB_RESUME },
    { "INSB at the end of the buffer",
      { CODE(0x7B), INFO1(0x00E90215), INFO2(1), SCRATCH(GPA + 0xFEF), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0xFEF, 1, 0xD8 } },
      "in e9 1;",
      GHCB_RESUME },
    { "RDTSC",
      { CODE(0x6E), MARK_ALWAYS, VERSION2 },
      { RAX(0x55667788), RDX(0x11223344), MARK_RAX, MARK_RDX },
      "",
      GHCB_RESUME },
    { "RDTSCP",
      { CODE(0x87), MARK_ALWAYS, VERSION2 },
      { RAX(0x55667788), RDX(0x11223344), RCX(0x99AABBCC), MARK_RAX, MARK_RCX_RDX },
      "",
      GHCB_RESUME },
    { "RDPMC",
      { CODE(0x6F), RCX(1), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { RAX(0xCCCCDDDD), RDX(0xAAAABBBB), MARK_RAX, MARK_RDX },
      "pmc 1;",
      GHCB_RESUME },
    { "RDPMC refused",
      { CODE(0x6F), RCX(0xBAD), MARK_RCX, MARK_ALWAYS, VERSION2 },
      { INFO1(1), INFO2(0x80000B0D) },
      "pmc bad;",
      GHCB_RESUME },
    { "INVD", { CODE(0x76), MARK_ALWAYS, VERSION2 }, { { 0 } }, "", GHCB_RESUME },
    { "WBINVD", { CODE(0x89), MARK_ALWAYS, VERSION2 }, { { 0 } }, "", GHCB_RESUME },
    { "MONITOR",
      { CODE(0x8A), RAX(0x1234567000), RCX(0), RDX(0), MARK_RAX, MARK_RCX_RDX, MARK_ALWAYS,
        VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "MWAIT",
      { CODE(0x8B), RAX(0x20), RCX(1), MARK_RAX, MARK_RCX, MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "VMMCALL from the kernel",
      { CODE(0x81),
        RAX(5),
        RBX(1),
        RCX(2),
        RDX(3),
        { 0x330, 8, 4 },
        MARK_RAX,
        { 0x3F3, 1, 0x02 },
        { 0x3FC, 1, 0x4E },
        MARK_ALWAYS,
        VERSION2 },
      { RAX(UINT64_C(0xFFFFFFFFFFFFFC18)), MARK_RAX },
      "",
      GHCB_RESUME },
    { "VMMCALL from user mode",
      { CODE(0x81), RAX(5), { 0x0CB, 1, 3 }, MARK_RAX, { 0x3F3, 1, 0x02 }, MARK_ALWAYS, VERSION2 },
      { RAX(UINT64_C(0xFFFFFFFFFFFFFFFF)), MARK_RAX },
      "",
      GHCB_RESUME },
    { "DR7 read",
      { CODE(0x27), MARK_ALWAYS, VERSION2 },
      { RAX(0x400), { 0x160, 8, 0x400 }, MARK_RAX, { 0x3F5, 1, 0x10 } },
      "",
      GHCB_RESUME },
    { "DR7 write",
      { CODE(0x37), RAX(0x10401), MARK_RAX, MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "MMIO read",
      { CODE(0x80000001), INFO1(0xFEE00020), INFO2(4), SCRATCH(BUFFER), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0x800, 4, 0x04030201 } },
      "read fee00020 4;",
      GHCB_RESUME },
    { "MMIO read where no device is",
      { CODE(0x80000001), INFO1(0xBAD000), INFO2(8), SCRATCH(BUFFER), MARK_SCRATCH, VERSION2 },
      { INFO1(0), INFO2(0), { 0x800, 8, UINT64_MAX } },
      "read bad000 8;",
      GHCB_RESUME },
    { "MMIO write",
      { CODE(0x80000002),
        INFO1(0xFED00010),
        INFO2(8),
        SCRATCH(BUFFER + 0x10),
        { 0x810, 8, UINT64_C(0x1020304050607080) },
        MARK_SCRATCH,
        VERSION2 },
      { INFO1(0), INFO2(0) },
      "write fed00010 8 1020304050607080;",
      GHCB_RESUME },
    { "NMI complete",
      { CODE(0x80000003), MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_NMI_COMPLETE },
    { "AP reset hold",
      { CODE(0x80000004), MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESET_HOLD },
    { "AP jump table set",
      { CODE(0x80000005), INFO2(0x9F000), MARK_ALWAYS, VERSION2 },
      { INFO2(0) },
      "",
      GHCB_RESUME },
    { "AP jump table get: none",
      { CODE(0x80000005), INFO1(1), MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "",
      GHCB_RESUME },
    { "hypervisor features",
      { CODE(0x8000FFFD), MARK_ALWAYS, VERSION2 },
      { { 0 } },
      "",
      GHCB_RESUME },
    { "terminate",
      { CODE(0x8000FFFE), INFO1(0x5A7), MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "",
      GHCB_TERMINATED },
    { "unsupported event",
      { CODE(0x8000FFFF), INFO1(0x8D), MARK_ALWAYS, VERSION2 },
      { INFO1(0) },
      "",
      GHCB_RESUME },
};

/* ---- Each rule, broken ---- */

struct broken {
    const char *rules; /* exactly these are reported, each followed by a blank */
    const char *base;  /* a correct request */
    struct poke change[MAX_POKES];
    uint8_t reject; /* what a lenient host, as KVM is, answers; 0 = it serves the request */
};

static const struct broken page_faults[] = {
    { "missing-valid ", "CPUID", { { 0x3FC, 1, 0 } }, 4 },
    { "missing-valid ", "CPUID", { { 0x3F7, 1, 0 } }, 4 },
    { "missing-valid ", "CPUID leaf D", { { 0x3FF, 1, 0 } }, 4 },
    { "missing-valid ", "WRMSR", { MARK_RCX }, 4 },
    { "missing-valid ", "OUT DX, AL", { { 0x3F7, 1, 0 } }, 4 },
    { "missing-valid ", "OUTSB", { MARK_ALWAYS }, 4 },
    { "missing-valid ", "VMMCALL from user mode", { { 0x3F3, 1, 0 } }, 4 },
    { "missing-valid ", "RDTSC", { { 0x3FE, 1, 0x18 } }, 4 },
    { "missing-valid ", "RDTSC", { { 0x3FE, 1, 0x14 } }, 4 },
    { "missing-valid ", "RDTSC", { { 0x3FE, 1, 0x0C } }, 4 },
    { "extra-valid ", "CPUID", { { 0x3FC, 1, 0x0A } }, 0 },
    { "extra-valid ", "CPUID", { { 0x3E8, 8, 7 }, { 0x3FF, 1, 0x20 } }, 0 },
    { "extra-valid ", "CPUID leaf D", { { 0x3F5, 1, 1 } }, 0 },
    { "extra-valid ", "RDMSR", { MARK_RAX }, 0 },
    { "extra-valid ", "IN AL, DX", { MARK_RAX }, 0 },
    { "extra-valid ", "RDTSC", { { 0x3FE, 1, 0x3C } }, 0 },
    { "extra-valid ", "RDTSC", { { 0x3F0, 1, 0x01 } }, 0 }, /* reserved, offset 0 */
    { "extra-valid ", "RDTSC", { { 0x3FF, 1, 0x40 } }, 0 }, /* the bitmap itself */
    { "extra-valid ", "VMMCALL from the kernel", { { 0x3FC, 1, 0xCE } }, 0 }, /* RDI */
    { "leak ", "RDTSC", { { 0x000, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0x178, 8, 0x401000 } }, 0 }, /* RIP */
    { "leak ", "RDTSC", { { 0x318, 8, 0x55 } }, 0 },
    { "leak ", "RDTSC", { { 0x3B0, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0x400, 8, 0x1000 } }, 0 },
    { "leak ", "RDTSC", { { 0x7FF, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0x800, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0xFF0, 1, 1 } }, 0 },
    { "leak ", "RDTSC", { { 0xFF9, 1, 1 } }, 0 },
    { "leak ", "OUTSB", { { 0x801, 1, 1 } }, 0 },
    { "leak ", "MMIO write", { { 0x80F, 1, 1 } }, 0 },
    { "leak ", "MMIO write", { { 0x818, 1, 1 } }, 0 },
    { "leak ", "REP INSD", { { 0x800, 1, 1 } }, 0 }, /* data of an earlier exit */
    { "leak ", "VMMCALL from user mode", { { 0x0CA, 1, 1 } }, 0 },
    { "leak ", "VMMCALL from user mode", { { 0x0CC, 1, 1 } }, 0 },
    { "leak ", "VMMCALL from user mode", { RBX(1) }, 0 }, /* optional, filled but not marked */
    { "leak-width ", "OUT DX, AL", { RAX(0x141) }, 0 },
    { "leak-width ", "OUT DX, EAX", { RAX(UINT64_C(0x180000000)) }, 0 },
    { "leak-width ", "RDMSR", { RCX(UINT64_C(0x1C0000080)) }, 0 },
    { "leak-width ", "WRMSR", { RAX(UINT64_C(0x1FEE00900)) }, 0 },
    { "leak-width ", "WRMSR", { RDX(UINT64_C(0x8000000000000012)) }, 0 },
    { "leak-width ", "CPUID", { RAX(UINT64_C(0xFFFF000080000002)) }, 0 },
    { "leak-width ", "CPUID", { RCX(UINT64_C(0x100000000)) }, 0 },
    { "leak-width ", "RDPMC", { RCX(UINT64_C(0x100000001)) }, 0 },
    { "leak-width ", "DR7 write", { RAX(UINT64_C(0x100000400)) }, 0 },
    { "version ", "RDTSC", { { 0xFFA, 2, 0 } }, 0 },
    { "version ", "RDTSC", { { 0xFFA, 2, 3 } }, 0 },
    { "version ", "RDTSC", { { 0xFFA, 2, 0x0200 } }, 0 },
    { "usage ", "RDTSC", { { 0xFFC, 4, 1 } }, 2 },
    { "usage ", "RDTSC", { { 0xFFC, 4, 0x80000000 } }, 2 },
    { "scratch ", "OUTSB", { SCRATCH(GPA + 0x7FF) }, 3 },
    { "scratch ", "OUTSB", { SCRATCH(GPA + 0xFF0) }, 3 },
    { "scratch ", "OUTSB", { SCRATCH(GPA + 0x10800) }, 3 },
    { "scratch ", "OUTSB", { SCRATCH(UINT64_MAX) }, 3 },
    { "scratch ", "MMIO read", { SCRATCH(GPA + 0xFED) }, 3 },
    { "scratch ", "REP INSD", { SCRATCH(GPA + 0xFEC) }, 3 },
    { "scratch ", "REP INSD", { SCRATCH(BUFFER + 1), INFO2(508) }, 3 },
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0213) }, 5 },            /* bit 1 */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD8211) }, 5 },            /* bit 15 */
    { "ioio-info ", "IN AL, DX", { INFO1(UINT64_C(0x103FD0211)) }, 5 }, /* bit 32 */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0201) }, 5 },            /* no size */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0231) }, 5 },            /* two sizes */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0311) }, 5 },            /* two address sizes */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0219) }, 5 },            /* REP */
    { "ioio-info ", "IN AL, DX", { INFO1(0x03FD0E11) }, 5 },            /* a segment */
    { "ioio-info ", "OUTSB", { INFO1(0x00E90C14) }, 5 },                /* no address size */
    { "ioio-info ", "OUTSB", { INFO1(0x00E91A14) }, 5 },                /* segment 6 */
    { "ioio-info ", "REP INSD", { INFO1(0x01F00E4D) }, 5 },             /* INS to DS */
    { "ioio-info ", "REP INSD", { INFO2(0) }, 5 },
    { "ioio-info ", "REP INSD", { INFO2(509) }, 5 }, /* 2036 bytes */
    { "ioio-info ", "REP INSD", { INFO2(UINT64_C(0x4000000000000001)) }, 5 },
    { "ioio-info ", "INSB at the end of the buffer", { SCRATCH(BUFFER), INFO2(2) }, 5 },
    { "exit-info ", "RDTSC", { INFO1(1) }, 5 },
    { "exit-info ", "RDTSC", { INFO2(1) }, 5 },
    { "exit-info ", "IN AL, DX", { INFO2(1) }, 5 },
    { "exit-info ", "RDMSR", { INFO1(2) }, 5 },
    { "exit-info ", "AP jump table get: none", { INFO1(2) }, 5 },
    { "exit-info ", "AP jump table get: none", { INFO2(0x1000) }, 5 },
    { "exit-info ", "terminate", { INFO1(0x1000) }, 5 },
    { "exit-code ", "RDTSC", { CODE(0x78) }, 6 },  /* HLT exits by itself */
    { "exit-code ", "RDTSC", { CODE(0x400) }, 6 }, /* NPF is sent as MMIO */
    { "exit-code ", "RDTSC", { CODE(UINT64_C(0x10000006E)) }, 6 },
    { "exit-code ", "RDTSC", { CODE(0x80000006) }, 6 },
    { "snp-only ", "RDTSC", { CODE(0x80000010) }, 6 },
    { "snp-only ", "RDTSC", { CODE(0x80000013) }, 6 },
    { "snp-only ", "RDTSC", { CODE(0x80000018) }, 6 },
    { "mmio ", "MMIO read", { INFO2(3) }, 5 },
    { "mmio ", "MMIO read", { INFO2(0) }, 5 },
    { "mmio ", "MMIO read", { INFO2(16) }, 5 },
    { "mmio ", "MMIO read", { INFO1(UINT64_C(0x8000FEE00020)) }, 5 }, /* the C-bit */
    { "mmio ", "MMIO read", { INFO1(UINT64_C(0x7FFFFFFFFFFD)) }, 5 }, /* runs into it */
    { "mmio ", "MMIO write", { INFO1(UINT64_C(0x7FFFFFFFFFFC)) }, 5 },
    { "mmio ", "MMIO read", { INFO1(FAKE_RAM) }, 5 },
    { "mmio ", "MMIO write", { INFO1(FAKE_RAM_END - 8) }, 5 },
    { "mmio ", "MMIO write", { INFO1(FAKE_RAM - 1) }, 5 },     /* runs into RAM */
    { "mmio ", "MMIO write", { INFO1(FAKE_RAM_END - 1) }, 5 }, /* runs out of it */
    { "xcr0 ", "CPUID leaf D", { { 0x3E8, 8, 6 } }, 5 },
    { "cpl ", "VMMCALL from user mode", { { 0x0CB, 1, 4 } }, 5 },
    { "dr7 ", "DR7 write", { RAX(0x1) }, 5 },
    { "dr7 ", "DR7 write", { RAX(0x8400) }, 5 },
    { "gpa ", "AP jump table set", { INFO2(0x9F010) }, 5 },
    { "gpa ", "AP jump table set", { INFO2(UINT64_C(0x80000009F000)) }, 5 },
    { "gpa ", "MONITOR", { RAX(UINT64_C(0xFFFF888000000000)) }, 5 }, /* a virtual address */
    { "never-intercepted ", "RDMSR", { RCX(0xC0010130) }, 0 },
    { "never-intercepted ", "RDMSR", { RCX(0xC0010131) }, 0 },
    { "never-intercepted ", "WRMSR", { RCX(0xC0010130) }, 0 },
    /* Two faults are two reports. */
    { "extra-valid leak ", "RDTSC", { { 0x3F0, 1, 0x01 }, { 0x208, 1, 1 } }, 0 },
    { "leak-width missing-valid ", "WRMSR", { MARK_RCX, RCX(UINT64_C(0x10000001B)) }, 4 },
};

/* ---- The same for the MSR protocol ---- */

static const struct {
    const char *rules;
    uint64_t request;
} msr_faults[] = {
    { "msr-request ", 0x001 }, /* a response */
    { "msr-request ", 0x005 },
    { "msr-request ", 0x003 },
    { "msr-request ", 0x101 },
    { "msr-request ", 0xF00 },
    { "msr-request ", GPA + 0x800 }, /* the address of a GHCB is a multiple of 4096 */
    { "msr-reserved ", 0x1002 },
    { "msr-reserved ", UINT64_C(0x8000000100001004) },
    { "msr-reserved ", UINT64_C(0x8000000120000004) },
    { "msr-reserved ", 0x1006 },
    { "msr-reserved ", 0x1080 },
    { "msr-reserved ", 0x1000100 },
    { "msr-snp-only ", 0x010 },
    { "msr-snp-only ", GPA | 0x012 },
    { "msr-snp-only ", GPA | 0x014 },
    { "msr-snp-only ", 0x016 },
    { "msr-cpuid-leaf ", UINT64_C(0xD00000004) },
};

#endif
