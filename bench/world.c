/* SPDX-License-Identifier: MIT */
/* The hooks are as small as hooks can be; the hypervisor writes what the reply needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"
#include "world.h"

struct sevc_ghcb_page world_page __attribute__((aligned(4096)));
uint8_t world_backup[4096] __attribute__((aligned(4096)));
uint8_t world_ram[4096] __attribute__((aligned(4096)));
struct sevc_cpu world_cpu;
uint64_t world_ghcb_msr;
enum world_lie world_lie;
uint64_t world_requests[WORLD_REQUESTS];
unsigned world_request_count;

static const struct sevc_policy policy = { .mmio = SEVC_MMIO_EXTENDED };
static uint8_t code[16];

#define CR4_OSXSAVE (1u << 18)
#define CR4_PKE     (1u << 22)

/* ---- the cases ---- */

const struct world_case world_cases[WORLD_CASES] = {
    { "CPUID", SEVC_EXIT_CPUID, { 0x0F, 0xA2 }, 0, true },
    { "RDMSR", SEVC_EXIT_MSR, { 0x0F, 0x32 }, 0, true },
    { "WRMSR", SEVC_EXIT_MSR, { 0x0F, 0x30 }, 0, false },
    { "OUT", SEVC_EXIT_IOIO, { 0xEE }, 0, false },
    { "IN", SEVC_EXIT_IOIO, { 0xEC }, 0, true },
    { "RDTSC", SEVC_EXIT_RDTSC, { 0x0F, 0x31 }, 0, true },
    { "MMIO_read", SEVC_EXIT_NPF, { 0x42, 0x8B, 0x84, 0xC7, 0, 1, 0, 0 }, 0, false },
    { "MMIO_write", SEVC_EXIT_NPF, { 0x89, 0x48, 0x20 }, 0, false },
    { "MMIO_immediate", SEVC_EXIT_NPF, { 0xC7, 0x00, 1, 2, 3, 4 }, 0, false },
    { "MOVZX", SEVC_EXIT_NPF, { 0x0F, 0xB6, 0x02 }, 0, false },
    { "REP_OUTSB_512", SEVC_EXIT_IOIO, { 0xF3, 0x6E }, 512, false },
    { "REP_OUTSB_4096", SEVC_EXIT_IOIO, { 0xF3, 0x6E }, 4096, false },
    { "REP_INSB_512", SEVC_EXIT_IOIO, { 0xF3, 0x6C }, 512, false },
    { "REP_INSB_4096", SEVC_EXIT_IOIO, { 0xF3, 0x6C }, 4096, false },
    { "REP_MOVSB_256", SEVC_EXIT_NPF, { 0xF3, 0xA4 }, 256, false },
};

void world_start(size_t i, struct sevc_trap *trap)
{
    const struct world_case *c = &world_cases[i];
    bool is_mmio = c->exit_code == SEVC_EXIT_NPF;

    *trap = (struct sevc_trap){
        .cs = 0x10, .rflags = 2, .rip = 0xFFFFFFFF81000000, .error_code = c->exit_code
    };
    world_cpu = (struct sevc_cpu){
        .magic = SEVC_CPU_MAGIC,
        .ghcb = { &world_page, WORLD_GHCB },
        .backup = world_backup,
        .policy = &policy,
        .platform = { .sev_status = SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES,
                      .version = 2,
                      .c_bit = 51 },
    };
    world_ghcb_msr = WORLD_GHCB;
    world_request_count = 0;
    for (unsigned r = 0; r < 16; r++) {
        trap->gpr[r] = WORLD_MMIO + 0x10 * r;
    }
    trap->gpr[SEVC_R8] = 4;
    trap->gpr[SEVC_RAX] = is_mmio ? WORLD_MMIO : 1;
    trap->gpr[SEVC_RCX] = 1;
    if (c->rcx != 0) {
        trap->gpr[SEVC_RCX] = c->rcx;
        trap->gpr[SEVC_RSI] = (uint64_t)world_ram;
        trap->gpr[SEVC_RDI] = is_mmio ? WORLD_MMIO : (uint64_t)world_ram;
    }
    memcpy(code, c->code, sizeof(c->code));
}

void world_set_code(const uint8_t *bytes, size_t count)
{
    memcpy(code, bytes, count);
}

/* ---- the hypervisor ---- */

static void mark(unsigned offset)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    world_page.valid_bitmap[index / 64] |= 1ull << (index % 64);
}

/*
 * The leaves of an EPYC 7003 on which it depends what a kernel asks for, and where a table has it: all
 * others are zero.
 */
static const struct {
    uint32_t leaf, subleaf;
    struct sevc_cpuid_regs regs;
} leaves[] = {
    { 0x0, 0, { .eax = 0x10 } },
    { 0x1, 0, { .eax = 0xA00F11, .ebx = 0x05080800, .ecx = 0x76DA320B, .edx = 0x178BFBFF } },
    { 0x7, 0, { .ebx = 0x219C97A9, .ecx = 0x40069C } },
    { 0xB, 0, { .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 5 } },
    { 0xB, 1, { .eax = 3, .ebx = 8, .ecx = 0x201, .edx = 5 } },
    { 0xB, 2, { .ecx = 2, .edx = 5 } },
    { 0xD, 0, { .eax = 0x207, .ebx = 0x340, .ecx = 0x988 } }, /* AVX, and PKRU */
    { 0xD, 1, { .eax = 0xF, .ebx = 0x340, .ecx = 0x1800 } },  /* CET_U and CET_S */
    { 0xD, 2, { .eax = 0x100, .ebx = 0x240 } },
    { 0xD, 9, { .eax = 0x8, .ebx = 0x980 } },
    { 0xD, 11, { .eax = 0x10, .ecx = 1 } },
    { 0xD, 12, { .eax = 0x18, .ecx = 1 } },
    { 0x80000000, 0, { .eax = 0x80000023 } },
    { 0x80000001, 0, { .eax = 0xA00F11, .ecx = 0x75C237FF, .edx = 0x2FD3FBFF } },
    { 0x80000008, 0, { .eax = 0x3030, .ebx = 0x111EF657, .ecx = 0x3007 } },
    { 0x8000001D, 0, { .eax = 0x4121, .ebx = 0x1C0003F, .ecx = 0x3F } },
    { 0x8000001D, 1, { .eax = 0x4122, .ebx = 0x1C0003F, .ecx = 0x3F } },
    { 0x8000001D, 2, { .eax = 0x4143, .ebx = 0x1C0003F, .ecx = 0x3FF } },
    { 0x8000001D, 3, { .eax = 0x1C163, .ebx = 0x3C0003F, .ecx = 0x7FFF } },
    { 0x8000001E, 0, { .eax = 5, .ebx = 0x102, .ecx = 0 } },
    { 0x8000001F, 0, { .eax = 0xA, .ebx = 51 } }, /* SEV and SEV-ES; the C-bit */
};

static void answer_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct sevc_cpuid_regs regs = { 0 };

    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf) {
            regs = leaves[i].regs;
        }
    }
    world_page.rax = regs.eax;
    world_page.rbx = regs.ebx;
    world_page.rcx = regs.ecx;
    world_page.rdx = regs.edx;
}

static void msr_protocol(void)
{
    if (world_request_count < WORLD_REQUESTS) {
        world_requests[world_request_count++] = world_ghcb_msr;
    }
    switch (world_ghcb_msr & SEVC_GHCB_MSR_INFO_MASK) {
    case SEVC_GHCB_MSR_SEV_INFO_REQ:
        world_ghcb_msr = WORLD_SEV_INFO;
        break;
    case SEVC_GHCB_MSR_CPUID_REQ:
        world_ghcb_msr = (world_ghcb_msr & 0xC0000000u) | SEVC_GHCB_MSR_CPUID_RESP;
        break;
    default:
        abort();
    }
}

void world_vmgexit(void)
{
    if ((world_ghcb_msr & SEVC_GHCB_MSR_INFO_MASK) != SEVC_GHCB_MSR_GPA) {
        msr_protocol();
        return;
    }
    if (world_page.sw_exitcode == SEVC_EXIT_CPUID) {
        answer_cpuid((uint32_t)world_page.rax, (uint32_t)world_page.rcx);
    } else {
        world_page.rax = 0x1234;
        world_page.rbx = world_page.rcx = world_page.rdx = 0;
    }
    mark(SEVC_GHCB_OFF_RAX);
    mark(SEVC_GHCB_OFF_RBX);
    mark(SEVC_GHCB_OFF_RCX);
    mark(SEVC_GHCB_OFF_RDX);
    world_page.sw_exitinfo1 = 0;
    world_page.sw_exitinfo2 = 0;
    if (world_lie == REJECTS || world_lie == UNDEFINED) {
        world_page.sw_exitinfo1 = world_lie == REJECTS ? SEVC_REPLY_REJECTED : 3;
    } else if (world_lie == INJECTS_PAGE_FAULT) {
        world_page.sw_exitinfo1 = SEVC_REPLY_EXCEPTION;
        world_page.sw_exitinfo2 = 0x80000B0E;
    } else if (world_lie == MARKS_NOTHING) {
        world_page.valid_bitmap[0] = world_page.valid_bitmap[1] = 0;
    }
}

/* ---- the hooks ---- */

static inline void move(void *to, const void *from, size_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

STEP_HOOK static bool copy_data(struct sevc_copy *copy)
{
    bool good = true;

    __asm__("" : "+r"(good)); /* so that the fetch need not keep a frame for a constant */
    if (copy->access == SEVC_ACCESS_READ) {
        move(copy->buffer, (const void *)copy->va, copy->bytes);
    } else if (copy->access == SEVC_ACCESS_WRITE) {
        move((void *)copy->va, copy->buffer, copy->bytes);
    }
    return good;
}

STEP_HOOK bool sevc_os_copy(struct sevc_copy *copy)
{
    if (copy->access != SEVC_ACCESS_FETCH) {
        return copy_data(copy);
    }
    memcpy(copy->buffer, code, 15);
    return true;
}

STEP_HOOK bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va,
                                 struct sevc_mapping *mapping)
{
    (void)trap;
    *mapping = (struct sevc_mapping){
        .gpa = va, .page_bytes = 4096, .encrypted = va - WORLD_MMIO >= 0x10000, .writable = true
    };
    return true;
}

STEP_HOOK uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    static const uint64_t values[] = {
        [SEVC_OS_CR4] = CR4_OSXSAVE | CR4_PKE, [SEVC_OS_XCR0] = 0x207, [SEVC_OS_CODE_BITS] = 64
    };

    (void)trap;
    return values[which];
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
    abort();
}
