/* SPDX-License-Identifier: MIT */
#include "calls.h"

#define RAX SEVC_GHCB_OFF_RAX
#define RBX SEVC_GHCB_OFF_RBX
#define RCX SEVC_GHCB_OFF_RCX
#define RDX SEVC_GHCB_OFF_RDX
#define RSI SEVC_GHCB_OFF_RSI
#define CPL 0x0C8

static uint8_t device[CALL_WINDOW_BYTES];
const struct sevc_mmio_window call_window = { device, CALL_WINDOW_GPA, CALL_WINDOW_BYTES };

/* The only hook: what leaf 0xD needs. */
uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    assert_null(trap);
    switch (which) {
    case SEVC_OS_CR4:
        return 1u << 18;
    case SEVC_OS_XCR0:
        return 0x207;
    case SEVC_OS_XSS:
        return 0x1800;
    default:
        fail_msg("no explicit call needs register %d", (int)which);
        return 0;
    }
}

static enum sevc_result cpuid(struct sevc_cpu *cpu, uint32_t leaf, uint32_t subleaf, uint64_t *out)
{
    struct sevc_cpuid_regs regs;
    enum sevc_result result = sevc_cpuid(cpu, leaf, subleaf, &regs);

    if (result == SEVC_OK) {
        out[0] = regs.eax;
        out[1] = regs.ebx;
        out[2] = regs.ecx;
        out[3] = regs.edx;
    }
    return result;
}

static enum sevc_result cpuid_4_1(struct sevc_cpu *cpu, uint64_t *out)
{
    return cpuid(cpu, 4, 1, out);
}

static enum sevc_result cpuid_d_1(struct sevc_cpu *cpu, uint64_t *out)
{
    return cpuid(cpu, 0xD, 1, out);
}

static enum sevc_result rdmsr(struct sevc_cpu *cpu, uint64_t *out)
{
    return sevc_rdmsr(cpu, 0xC0000080, &out[0]);
}

static enum sevc_result wrmsr(struct sevc_cpu *cpu, uint64_t *out)
{
    (void)out;
    return sevc_wrmsr(cpu, 0xC0000080, 0x1122334455667788);
}

/* The typed forms write exactly as much as they say. */
static enum sevc_result in8(struct sevc_cpu *cpu, uint64_t *out)
{
    uint8_t value[2] = { 0, 0x77 };
    enum sevc_result result = sevc_in8(cpu, 0x3F8, value);

    assert_int_equal(value[1], 0x77);
    out[0] = result == SEVC_OK ? value[0] : out[0];
    return result;
}

static enum sevc_result in16(struct sevc_cpu *cpu, uint64_t *out)
{
    uint16_t value[2] = { 0, 0x7777 };
    enum sevc_result result = sevc_in16(cpu, 0xFFFF, value);

    assert_int_equal(value[1], 0x7777);
    out[0] = result == SEVC_OK ? value[0] : out[0];
    return result;
}

static enum sevc_result in32(struct sevc_cpu *cpu, uint64_t *out)
{
    uint32_t value = 0;
    enum sevc_result result = sevc_in32(cpu, 0xCFC, &value);

    out[0] = result == SEVC_OK ? value : out[0];
    return result;
}

static enum sevc_result in_byte(struct sevc_cpu *cpu, uint64_t *out)
{
    uint32_t value = 0x99999999;
    enum sevc_result result = sevc_in(cpu, 0x60, 1, &value);

    out[0] = result == SEVC_OK ? value : out[0];
    return result;
}

static enum sevc_result out8(struct sevc_cpu *cpu, uint64_t *out)
{
    (void)out;
    return sevc_out8(cpu, 0x3F8, 0x41);
}

static enum sevc_result out16(struct sevc_cpu *cpu, uint64_t *out)
{
    (void)out;
    return sevc_out16(cpu, 0xE0, 0xFEED);
}

static enum sevc_result out32(struct sevc_cpu *cpu, uint64_t *out)
{
    (void)out;
    return sevc_out32(cpu, 0xCF8, 0x80000010);
}

/* T66: of a byte eight bits go out. */
static enum sevc_result out_byte(struct sevc_cpu *cpu, uint64_t *out)
{
    (void)out;
    return sevc_out(cpu, 0x80, 1, 0xDEADBE41);
}

static enum sevc_result mmio_read2(struct sevc_cpu *cpu, uint64_t *out)
{
    return sevc_mmio_read(cpu, &call_window, 0x12, 2, &out[0]);
}

static enum sevc_result mmio_read4(struct sevc_cpu *cpu, uint64_t *out)
{
    return sevc_mmio_read(cpu, &call_window, 0x20, 4, &out[0]);
}

static enum sevc_result mmio_read8(struct sevc_cpu *cpu, uint64_t *out)
{
    return sevc_mmio_read(cpu, &call_window, CALL_WINDOW_BYTES - 8, 8, &out[0]);
}

static enum sevc_result mmio_write1(struct sevc_cpu *cpu, uint64_t *out)
{
    (void)out;
    return sevc_mmio_write(cpu, &call_window, 3, 1, 0xDEADBEEFDEADBE5A);
}

static enum sevc_result mmio_write8(struct sevc_cpu *cpu, uint64_t *out)
{
    (void)out;
    return sevc_mmio_write(cpu, &call_window, 0, 8, 0x0123456789ABCDEF);
}

static enum sevc_result vmmcall(struct sevc_cpu *cpu, uint64_t *out)
{
    uint64_t gpr[16] = { 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
                         0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF };
    enum sevc_result result = sevc_vmmcall(cpu, &sevc_hypercall_kvm, gpr);

    for (unsigned i = 1; i < 16; i++) {
        assert_int_equal(gpr[i], 0xA0 + i); /* KVM's convention returns RAX alone */
    }
    if (result == SEVC_OK) {
        out[0] = gpr[0];
    } else {
        assert_int_equal(gpr[0], 0xA0);
    }
    return result;
}

static const uint8_t byte_5a[8] = { 0x5A };
static const uint8_t bytes_of_quadword[8] = { 0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01 };
static const uint8_t zeros[8];
static const uint8_t returned[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

#define INFO(port, bytes, extra) ((uint64_t)(port) << 16 | (bytes) << 4 | 1u << 9 | (extra))
#define IN_                      1u

const struct direct_call direct_calls[] = {
    { "CPUID",
      cpuid_4_1,
      { .event = 0x72,
        .inputs = { { RAX, 4 }, { RCX, 1 } },
        .outputs = { { RAX, 0x8000000A }, { RBX, 11 }, { RCX, 12 }, { RDX, 13 } } },
      { 0x8000000A, 11, 12, 13 },
      4,
      { HOST_NATIVE_CPUID, 4, 1, 0, { 0 } },
      { 20, 21, 22, 23 },
      { 20, 21, 22, 23 } },
    { "CPUID of leaf 0xD",
      cpuid_d_1,
      { .event = 0x72,
        .inputs = { { RAX, 0xD }, { RCX, 1 }, { 0x3E8, 0x207 }, { 0x140, 0x1800 } },
        .outputs = { { RAX, 10 }, { RBX, 11 }, { RCX, 12 }, { RDX, 13 } } },
      { 10, 11, 12, 13 },
      4,
      { HOST_NATIVE_CPUID, 0xD, 1, 0, { 0 } },
      { 20, 21, 22, 23 },
      { 20, 21, 22, 23 } },
    { "RDMSR",
      rdmsr,
      { .event = 0x7C,
        .inputs = { { RCX, 0xC0000080 } },
        .outputs = { { RAX, 0x89ABCDEF }, { RDX, 0x01234567 } } },
      { 0x0123456789ABCDEF },
      1,
      { HOST_NATIVE_RDMSR, 0xC0000080, 0, 0, { 0 } },
      { 0xFEDCBA9876543210 },
      { 0xFEDCBA9876543210 } },
    { "WRMSR",
      wrmsr,
      { .event = 0x7C,
        .info1 = 1,
        .inputs = { { RCX, 0xC0000080 }, { RAX, 0x55667788 }, { RDX, 0x11223344 } } },
      .native = { HOST_NATIVE_WRMSR, 0xC0000080, 0x1122334455667788, 0, { 0 } } },
    { "IN, 8 bits",
      in8,
      { .event = 0x7B, .info1 = INFO(0x3F8, 1, IN_), .outputs = { { RAX, 0x12345641 } } },
      { 0x41 },
      1,
      { HOST_NATIVE_IN, 0x3F8, 0, 1, { 0 } },
      { 0x42 },
      { 0x42 } },
    { "IN, 16 bits",
      in16,
      { .event = 0x7B, .info1 = INFO(0xFFFF, 2, IN_), .outputs = { { RAX, 0x1234ABCD } } },
      { 0xABCD },
      1,
      { HOST_NATIVE_IN, 0xFFFF, 0, 2, { 0 } },
      { 0x4243 },
      { 0x4243 } },
    { "IN, 32 bits",
      in32,
      { .event = 0x7B, .info1 = INFO(0xCFC, 4, IN_), .outputs = { { RAX, 0x89ABCDEF } } },
      { 0x89ABCDEF },
      1,
      { HOST_NATIVE_IN, 0xCFC, 0, 4, { 0 } },
      { 0x42434445 },
      { 0x42434445 } },
    { "IN into a wider variable",
      in_byte,
      { .event = 0x7B, .info1 = INFO(0x60, 1, IN_), .outputs = { { RAX, 0xFFFFFF41 } } },
      { 0x41 },
      1,
      { HOST_NATIVE_IN, 0x60, 0, 1, { 0 } },
      { 0x42 },
      { 0x42 } },
    { "OUT, 8 bits",
      out8,
      { .event = 0x7B, .info1 = INFO(0x3F8, 1, 0), .inputs = { { RAX, 0x41 } } },
      .native = { HOST_NATIVE_OUT, 0x3F8, 0x41, 1, { 0 } } },
    { "OUT, 16 bits",
      out16,
      { .event = 0x7B, .info1 = INFO(0xE0, 2, 0), .inputs = { { RAX, 0xFEED } } },
      .native = { HOST_NATIVE_OUT, 0xE0, 0xFEED, 2, { 0 } } },
    { "OUT, 32 bits",
      out32,
      { .event = 0x7B, .info1 = INFO(0xCF8, 4, 0), .inputs = { { RAX, 0x80000010 } } },
      .native = { HOST_NATIVE_OUT, 0xCF8, 0x80000010, 4, { 0 } } },
    { "OUT of a wider value",
      out_byte,
      { .event = 0x7B, .info1 = INFO(0x80, 1, 0), .inputs = { { RAX, 0x41 } } },
      .native = { HOST_NATIVE_OUT, 0x80, 0xDEADBE41, 1, { 0 } } },
    { "MMIO read, 2 bytes",
      mmio_read2,
      { .event = 0x80000001,
        .info1 = CALL_WINDOW_GPA + 0x12,
        .info2 = 2,
        .scratch = true,
        .sent = zeros,
        .sent_bytes = 8,
        .returned = returned,
        .returned_bytes = 8 },
      { 0x0201 },
      1,
      { HOST_NATIVE_LOAD, (uintptr_t)0x12, 0, 2, { 0 } },
      { 0x4243 },
      { 0x4243 } },
    { "MMIO read, 4 bytes",
      mmio_read4,
      { .event = 0x80000001,
        .info1 = CALL_WINDOW_GPA + 0x20,
        .info2 = 4,
        .scratch = true,
        .sent = zeros,
        .sent_bytes = 8,
        .returned = returned,
        .returned_bytes = 8 },
      { 0x04030201 },
      1,
      { HOST_NATIVE_LOAD, (uintptr_t)0x20, 0, 4, { 0 } },
      { 0x42434445 },
      { 0x42434445 } },
    { "MMIO read, the last 8 bytes",
      mmio_read8,
      { .event = 0x80000001,
        .info1 = CALL_WINDOW_GPA + CALL_WINDOW_BYTES - 8,
        .info2 = 8,
        .scratch = true,
        .sent = zeros,
        .sent_bytes = 8,
        .returned = returned,
        .returned_bytes = 8 },
      { 0x0807060504030201 },
      1,
      { HOST_NATIVE_LOAD, CALL_WINDOW_BYTES - 8, 0, 8, { 0 } },
      { 0x4243444546474849 },
      { 0x4243444546474849 } },
    { "MMIO write, 1 byte",
      mmio_write1,
      { .event = 0x80000002,
        .info1 = CALL_WINDOW_GPA + 3,
        .info2 = 1,
        .scratch = true,
        .sent = byte_5a,
        .sent_bytes = 8 },
      .native = { HOST_NATIVE_STORE, 3, 0xDEADBEEFDEADBE5A, 1, { 0 } } },
    { "MMIO write, 8 bytes",
      mmio_write8,
      { .event = 0x80000002,
        .info1 = CALL_WINDOW_GPA,
        .info2 = 8,
        .scratch = true,
        .sent = bytes_of_quadword,
        .sent_bytes = 8 },
      .native = { HOST_NATIVE_STORE, 0, 0x0123456789ABCDEF, 8, { 0 } } },
    { "VMMCALL",
      vmmcall,
      { .event = 0x81,
        .inputs = { { RAX, 0xA0 },
                    { RCX, 0xA1 },
                    { RDX, 0xA2 },
                    { RBX, 0xA3 },
                    { RSI, 0xA6 },
                    { CPL, 0 } },
        .outputs = { { RAX, 0xFFFFFFFFFFFFFC18 } } },
      { 0xFFFFFFFFFFFFFC18 },
      1,
      { HOST_NATIVE_VMMCALL, 0, 0, 0, { 0xA0, 0xA1, 0xA2, 0xA3, 0, 0, 0xA6 } },
      { 0x4242 },
      { 0x4242 } },
};
const size_t direct_call_count = COUNT_OF(direct_calls);

enum sevc_result direct_call(size_t i, struct sevc_cpu *cpu, uint64_t out[CALL_OUTPUTS])
{
    for (unsigned n = 0; n < CALL_OUTPUTS; n++) {
        out[n] = CALL_UNTOUCHED;
    }
    return direct_calls[i].call(cpu, out);
}

void assert_outputs(const uint64_t out[CALL_OUTPUTS], const uint64_t expected[CALL_OUTPUTS],
                    unsigned count)
{
    for (unsigned i = 0; i < CALL_OUTPUTS; i++) {
        assert_int_equal(out[i], i < count ? expected[i] : CALL_UNTOUCHED);
    }
}

bool direct_call_returns(const struct direct_call *call, uint64_t offset)
{
    for (unsigned i = 0; i < HOST_FIELDS_MAX && call->exchange.outputs[i].offset != 0; i++) {
        if (offset == 0 || call->exchange.outputs[i].offset == offset) {
            return true;
        }
    }
    return false;
}
