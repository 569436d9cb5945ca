/* SPDX-License-Identifier: MIT */
/*
 * What a request may tell the hypervisor. Two judges: the emulated platform's, which knows each
 * event's list (emulator/ghcb_judge.c, written from the specification and not from the library),
 * and this file, which knows where each value must have come from.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "ghcb_server.h"
#include "report.h"
#include "vm.h"

/* ---- the platform's judge; its devices answer nothing of interest ---- */

void device_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t xcr0, uint64_t xss,
                  struct cpuid_regs *out)
{
    (void)leaf;
    (void)subleaf;
    (void)xcr0;
    (void)xss;
    *out = (struct cpuid_regs){ 0 };
}

bool device_rdmsr(uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = 0;
    return true;
}

bool device_wrmsr(uint32_t msr, uint64_t value)
{
    (void)msr;
    (void)value;
    return true;
}

uint32_t device_in(uint16_t port, unsigned size)
{
    (void)port;
    (void)size;
    return 0;
}

void device_out(uint16_t port, unsigned size, uint32_t value)
{
    (void)port;
    (void)size;
    (void)value;
}

/* check_mmio() below looks, under a name of its own. */
bool device_is_guest_ram(uint64_t gpa)
{
    (void)gpa;
    return false;
}

bool device_mmio_read(uint64_t gpa, void *data, unsigned size)
{
    (void)gpa;
    memset(data, 0, size);
    return true;
}

bool device_mmio_write(uint64_t gpa, const void *data, unsigned size)
{
    (void)gpa;
    (void)data;
    (void)size;
    return true;
}

uint64_t device_tsc(void)
{
    return 0;
}

uint32_t device_tsc_aux(void)
{
    return 0;
}

bool device_pmc(uint32_t index, uint64_t *value)
{
    (void)index;
    *value = 0;
    return true;
}

void report_violation(const struct vcpu_where *where, const char *rule, const char *format, ...)
{
    char text[256];
    va_list arguments;

    (void)where;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fuzz_finding("disclosure", "%s: %s", rule, text);
}

static void platforms_judge(const uint8_t *page)
{
    static struct ghcb_server server;
    struct ghcb_platform platform;
    struct vcpu_where where = { 0 };
    uint8_t copy[SEVC_GHCB_SIZE]; /* it answers, too */

    ghcb_platform_init(&platform, fuzz_vm.cpu.platform.c_bit);
    platform.negotiated = true;
    platform.version = fuzz_vm.cpu.platform.version;
    platform.keep_going = true;
    /* Which registers a hypercall takes is a convention: this file checks it. */
    platform.allow = GHCB_ALLOW_ALL_HYPERCALL_REGISTERS;
    ghcb_server_init(&server, &platform);
    platform.negotiated = true;
    ghcb_server_write_msr(&server, FUZZ_GHCB_GPA);
    memcpy(copy, page, sizeof(copy));
    (void)ghcb_server_vmgexit(&server, copy, &where);
}

/* ---- where the values come from ---- */

static uint64_t field(const uint8_t *page, unsigned offset)
{
    uint64_t value;

    memcpy(&value, page + offset, sizeof(value));
    return value;
}

static bool is_valid(const uint8_t *page, unsigned offset)
{
    return (page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] >> (offset / 8 % 8) & 1) != 0;
}

/* The exit that raises an event: they have the same code but for MMIO, and what reports others. */
static uint64_t exit_of(const struct fuzz_call *call, uint64_t event)
{
    if (event == SEVC_NAE_MMIO_READ || event == SEVC_NAE_MMIO_WRITE) {
        return SEVC_EXIT_NPF;
    }
    return event == SEVC_NAE_UNSUPPORTED ? call->before.error_code : event;
}

/* Instruction and event, apart from src/decode/agreement.c and src/vc/general.c. */
static bool raises(const struct sevc_insn *insn, uint64_t event)
{
    switch (insn->kind) {
    case SEVC_INSN_CPUID:
        return event == SEVC_EXIT_CPUID;
    case SEVC_INSN_RDMSR:
    case SEVC_INSN_WRMSR:
        return event == SEVC_EXIT_MSR;
    case SEVC_INSN_RDTSC:
        return event == SEVC_EXIT_RDTSC;
    case SEVC_INSN_RDTSCP:
        return event == SEVC_EXIT_RDTSCP;
    case SEVC_INSN_RDPMC:
        return event == SEVC_EXIT_RDPMC;
    case SEVC_INSN_INVD:
        return event == SEVC_EXIT_INVD;
    case SEVC_INSN_WBINVD:
    case SEVC_INSN_WBNOINVD:
        return event == SEVC_EXIT_WBINVD;
    case SEVC_INSN_MONITOR:
    case SEVC_INSN_MONITORX:
        return event == SEVC_EXIT_MONITOR;
    case SEVC_INSN_MWAIT:
    case SEVC_INSN_MWAITX:
        return event == SEVC_EXIT_MWAIT;
    case SEVC_INSN_VMMCALL:
        return event == SEVC_EXIT_VMMCALL;
    case SEVC_INSN_WRITE_DR:
        return event == SEVC_EXIT_WRITE_DR7 && insn->dr == 7;
    case SEVC_INSN_IN:
    case SEVC_INSN_OUT:
    case SEVC_INSN_INS:
    case SEVC_INSN_OUTS:
        return event == SEVC_EXIT_IOIO;
    case SEVC_INSN_LOAD:
        return event == SEVC_NAE_MMIO_READ;
    case SEVC_INSN_STORE:
    case SEVC_INSN_STORE_IMM:
        return event == SEVC_NAE_MMIO_WRITE;
    case SEVC_INSN_ALU:
    case SEVC_INSN_MOVS:
        return event == SEVC_NAE_MMIO_READ || event == SEVC_NAE_MMIO_WRITE;
    case SEVC_INSN_STOS:
        return event == SEVC_NAE_MMIO_WRITE;
    case SEVC_INSN_LODS:
    case SEVC_INSN_CMPS:
    case SEVC_INSN_SCAS:
        return event == SEVC_NAE_MMIO_READ;
    default:
        return false;
    }
}

static unsigned register_bits(const struct fuzz_call *call, uint64_t event, unsigned gpr)
{
    if (event == SEVC_EXIT_VMMCALL && call->code_bits == 64) {
        return 64;
    }
    if (event == SEVC_EXIT_IOIO) {
        return 8u * call->insn.data_bytes;
    }
    if (event == SEVC_EXIT_MONITOR && gpr == SEVC_RAX) {
        return 64;
    }
    return 32;
}

/* The value that the field of a register must have. */
static uint64_t expected(const struct fuzz_call *call, uint64_t event, unsigned gpr)
{
    unsigned bits = register_bits(call, event, gpr);
    uint64_t value = call->before.gpr[gpr];

    if (event == SEVC_EXIT_MONITOR && gpr == SEVC_RAX) {
        uint64_t va = sevc_string_address(&call->insn, &call->before, SEVC_RAX);
        const struct fuzz_page *page = fuzz_page_at(va);

        return page != NULL ? page->gpa + va % FUZZ_PAGE_BYTES : ~0ull;
    }
    if (event == SEVC_EXIT_WRITE_DR7) {
        value = (sevc_trap_gpr_value(&call->before, call->insn.reg) & 0xFFFF23FF) | 0x400;
    }
    if (event == SEVC_EXIT_VMMCALL && call->code_bits != 64 && gpr >= SEVC_R8) {
        return 0;
    }
    return bits == 64 ? value : value & ((1ull << bits) - 1);
}

/* With a table the sub-leaves of leaf 0xD are asked for together. */
static bool is_xsave_leaf(const struct fuzz_call *call, uint64_t event, const uint8_t *page)
{
    return event == SEVC_EXIT_CPUID && fuzz_vm.cpu.cpuid_table != NULL &&
           (uint32_t)call->before.gpr[SEVC_RAX] == 0xD && field(page, SEVC_GHCB_OFF_RCX) < 64;
}

static void check_registers(const struct fuzz_call *call, uint64_t event, const uint8_t *page)
{
    for (unsigned gpr = 0; gpr < 16; gpr++) {
        unsigned offset = gpr == SEVC_RSP ? 0 : sevc_ghcb_gpr_offset(gpr);

        if (gpr == SEVC_RSP || !is_valid(page, offset)) {
            continue;
        }
        if (event == SEVC_EXIT_VMMCALL) {
            FUZZ_CHECK(gpr == SEVC_RAX || (fuzz_vm.abi.inputs >> gpr & 1) != 0, "disclosure",
                       "register %u is no part of the convention", gpr);
        }
        if (gpr == SEVC_RCX && is_xsave_leaf(call, event, page)) {
            continue;
        }
        FUZZ_CHECK(field(page, offset) == expected(call, event, gpr), "disclosure",
                   "event 0x%lx: register %u is sent as 0x%lx, not as 0x%lx", event, gpr,
                   field(page, offset), expected(call, event, gpr));
    }
}

/*
 * What OUTS sends is what lies in memory, where the registers stand, and INS sends nothing (the
 * platform's judge sees).
 */
static void check_outs(const struct fuzz_call *call, const uint8_t *page, uint64_t count)
{
    const struct sevc_insn *insn = &call->insn;
    bool down = (call->before.rflags & SEVC_RFLAGS_DF) != 0;
    uint64_t start = sevc_string_address(insn, &call->trap, SEVC_RSI);

    for (uint64_t i = 0; i < count * insn->data_bytes; i++) {
        uint64_t element = i / insn->data_bytes * insn->data_bytes;
        uint64_t va = (down ? start - element : start + element) + i % insn->data_bytes;
        const struct fuzz_page *memory = fuzz_page_at(va);

        FUZZ_CHECK(memory != NULL &&
                       page[SEVC_GHCB_OFF_SHARED_BUFFER + i] == memory->bytes[va % FUZZ_PAGE_BYTES],
                   "disclosure", "OUTS sends what is not at 0x%lx", va);
    }
}

static void check_port(const struct fuzz_call *call, const uint8_t *page)
{
    const struct sevc_insn *insn = &call->insn;
    uint64_t info1 = field(page, SEVC_GHCB_OFF_SW_EXITINFO1);
    uint64_t port = insn->port_immediate ? insn->immediate : call->before.gpr[SEVC_RDX];
    bool in = insn->kind == SEVC_INSN_IN || insn->kind == SEVC_INSN_INS;

    FUZZ_CHECK(info1 >> 16 == (port & 0xFFFF), "request", "port 0x%lx", info1 >> 16);
    FUZZ_CHECK((info1 & SEVC_IOIO_IN) == in, "request", "IN or OUT, but the other");
    FUZZ_CHECK((info1 >> 4 & 7) == insn->data_bytes, "request", "data size 0x%lx", info1);
    FUZZ_CHECK(((info1 & SEVC_IOIO_STRING) != 0) == fuzz_is_string(insn), "request", "string?");
    if (insn->kind == SEVC_INSN_OUTS && !call->interrupted) {
        check_outs(call, page, field(page, SEVC_GHCB_OFF_SW_EXITINFO2));
    }
}

/* A device's page, whole; what is encrypted is no device's, whatever the host says. */
static void check_mmio(const uint8_t *page)
{
    uint64_t gpa = field(page, SEVC_GHCB_OFF_SW_EXITINFO1);
    uint64_t bytes = field(page, SEVC_GHCB_OFF_SW_EXITINFO2);

    for (uint64_t i = 0; i < bytes; i++) {
        const struct fuzz_page *memory = fuzz_page_at_gpa(gpa + i);

        FUZZ_CHECK(memory != NULL && (memory->bits & FUZZ_PAGE_SHARED) != 0, "encrypted",
                   "MMIO at 0x%lx, which is no device", gpa + i);
    }
    FUZZ_CHECK((fuzz_vm.scenario->io_denied & 2) == 0, "policy", "MMIO that the kernel denies");
}

static void check_xcr0(const uint8_t *page)
{
    if (is_valid(page, SEVC_GHCB_OFF_XCR0)) {
        FUZZ_CHECK(field(page, SEVC_GHCB_OFF_XCR0) == fuzz_xcr0(), "disclosure",
                   "XCR0 is sent as 0x%lx", field(page, SEVC_GHCB_OFF_XCR0));
    }
    if (is_valid(page, SEVC_GHCB_OFF_XSS)) {
        FUZZ_CHECK(field(page, SEVC_GHCB_OFF_XSS) == fuzz_vm.scenario->xss, "disclosure",
                   "XSS is sent as 0x%lx", field(page, SEVC_GHCB_OFF_XSS));
    }
}

void fuzz_disclosure_check(const struct fuzz_call *call, const uint8_t *page)
{
    uint64_t event = field(page, SEVC_GHCB_OFF_SW_EXITCODE);

    platforms_judge(page);
    FUZZ_CHECK(exit_of(call, event) == call->before.error_code, "agreement",
               "event 0x%lx for exit 0x%lx", event, call->before.error_code);
    if (event == SEVC_NAE_UNSUPPORTED) {
        FUZZ_CHECK(fuzz_vm.policy.unsupported == SEVC_UNSUPPORTED_TELL, "policy",
                   "the host is told of what is not supported");
        return;
    }
    FUZZ_CHECK(call->decoded == SEVC_OK && !call->insn.locked && raises(&call->insn, event),
               "agreement", "event 0x%lx for an instruction that cannot raise it", event);
    check_registers(call, event, page);
    check_xcr0(page);
    if (event == SEVC_EXIT_IOIO) {
        check_port(call, page);
    } else if (event == SEVC_NAE_MMIO_READ || event == SEVC_NAE_MMIO_WRITE) {
        check_mmio(page);
    }
}

unsigned fuzz_event_outputs(const struct fuzz_call *call, uint64_t event, uint64_t info1)
{
    (void)call;
    switch (event) {
    case SEVC_EXIT_CPUID:
        return SEVC_OUT_RAX | SEVC_OUT_RBX | SEVC_OUT_RCX | SEVC_OUT_RDX;
    case SEVC_EXIT_MSR:
        return info1 == SEVC_MSR_INFO1_READ ? SEVC_OUT_RAX | SEVC_OUT_RDX : 0;
    case SEVC_EXIT_RDTSC:
    case SEVC_EXIT_RDPMC:
        return SEVC_OUT_RAX | SEVC_OUT_RDX;
    case SEVC_EXIT_RDTSCP:
        return SEVC_OUT_RAX | SEVC_OUT_RCX | SEVC_OUT_RDX;
    case SEVC_EXIT_IOIO:
        return (info1 & (SEVC_IOIO_IN | SEVC_IOIO_STRING)) == SEVC_IOIO_IN ? SEVC_OUT_RAX : 0;
    case SEVC_EXIT_VMMCALL:
        return SEVC_OUT_RAX | fuzz_vm.abi.outputs;
    default:
        return 0;
    }
}
