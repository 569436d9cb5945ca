/* SPDX-License-Identifier: MIT */
/*
 * Calls the handler for one case, so that callgrind can count its instructions: bench/count runs it.
 * The hooks are as small as hooks can be; the hypervisor writes what the reply needs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sevc/sevc.h>

static struct sevc_ghcb_page page __attribute__((aligned(4096)));
static uint8_t backup[4096] __attribute__((aligned(4096)));
static struct sevc_policy policy = { .mmio = SEVC_MMIO_EXTENDED };
static struct sevc_cpu cpu;
static uint8_t code[16];

/* ---- the hypervisor ---- */

/* Where RDMSR stands, CMPXCHG8B loads EDX:EAX from here: one instruction, too. */
uint64_t count_ghcb_msr = 0x12345000;

__attribute__((target("general-regs-only"), always_inline)) static inline void mark(unsigned offset)
{
    unsigned index = SEVC_GHCB_VALID_INDEX(offset);

    page.valid_bitmap[index / 64] |= 1ull << (index % 64);
}

/* Called where VMGEXIT stands, which changes no register. */
__attribute__((no_caller_saved_registers, target("general-regs-only"), noinline)) void
count_vmgexit(void)
{
    page.rax = 0x1234;
    page.rbx = page.rcx = page.rdx = 0;
    mark(SEVC_GHCB_OFF_RAX);
    mark(SEVC_GHCB_OFF_RBX);
    mark(SEVC_GHCB_OFF_RCX);
    mark(SEVC_GHCB_OFF_RDX);
    page.sw_exitinfo1 = 0;
    page.sw_exitinfo2 = 0;
}

/* ---- the hooks ---- */

bool sevc_os_copy(struct sevc_copy *copy)
{
    memcpy(copy->buffer, code, 15);
    return true;
}

bool sevc_os_translate(const struct sevc_trap *trap, uint64_t va, struct sevc_mapping *mapping)
{
    (void)trap;
    *mapping = (struct sevc_mapping){ .gpa = va, .page_bytes = 4096, .writable = true };
    return true;
}

uint64_t sevc_os_register(const struct sevc_trap *trap, enum sevc_os_register which)
{
    (void)trap;
    return which == SEVC_OS_CODE_BITS ? 64 : 0;
}

void sevc_os_raise(struct sevc_trap *trap, const struct sevc_report *report)
{
    (void)trap;
    (void)report;
    abort();
}

/* ---- the cases ---- */

static const struct {
    const char *name;
    uint64_t exit_code;
    uint8_t code[15];
} cases[] = {
    { "CPUID", SEVC_EXIT_CPUID, { 0x0F, 0xA2 } },
    { "RDMSR", SEVC_EXIT_MSR, { 0x0F, 0x32 } },
    { "WRMSR", SEVC_EXIT_MSR, { 0x0F, 0x30 } },
    { "OUT", SEVC_EXIT_IOIO, { 0xEE } },
    { "IN", SEVC_EXIT_IOIO, { 0xEC } },
    { "RDTSC", SEVC_EXIT_RDTSC, { 0x0F, 0x31 } },
    { "MMIO_read", SEVC_EXIT_NPF, { 0x42, 0x8B, 0x84, 0xC7, 0, 1, 0, 0 } },
    { "MMIO_write", SEVC_EXIT_NPF, { 0x89, 0x48, 0x20 } },
    { "MMIO_immediate", SEVC_EXIT_NPF, { 0xC7, 0x00, 1, 2, 3, 4 } },
    { "MOVZX", SEVC_EXIT_NPF, { 0x0F, 0xB6, 0x02 } },
};

int main(int argc, char **argv)
{
    struct sevc_trap trap = { .cs = 0x10, .rflags = 2, .rip = 0xFFFFFFFF81000000 };
    struct sevc_report report;
    size_t i = argc == 2 ? (size_t)atoi(argv[1]) : sizeof(cases);
    enum sevc_result result;

    if (i >= sizeof(cases) / sizeof(cases[0])) {
        return 2;
    }
    cpu = (struct sevc_cpu){
        .magic = SEVC_CPU_MAGIC,
        .ghcb = { &page, 0x12345000 },
        .backup = backup,
        .policy = &policy,
        .platform = { .sev_status = 3, .version = 2, .c_bit = 51 },
    };
    for (unsigned r = 0; r < 16; r++) {
        trap.gpr[r] = 0xFED00000u + 0x10 * r;
    }
    trap.gpr[SEVC_R8] = 4;
    trap.gpr[SEVC_RAX] = trap.gpr[SEVC_RCX] = 1;
    if (cases[i].exit_code == SEVC_EXIT_NPF) {
        trap.gpr[SEVC_RAX] = 0xFED00000u;
    }
    trap.error_code = cases[i].exit_code;
    memcpy(code, cases[i].code, sizeof(cases[i].code));
    result = sevc_handle_vc(&cpu, &trap, &report);
    printf("%s %s\n", cases[i].name, sevc_result_name(result));
    return result == SEVC_OK ? 0 : 1;
}
