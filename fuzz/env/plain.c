/* SPDX-License-Identifier: MIT */
#include "plain.h"

#include "traced.h"

#include "../../src/arch/arch.h"
#include "../../src/arch/native.h"

struct fuzz_plain fuzz_plain;
uint8_t fuzz_plain_page[SEVC_GHCB_SIZE] __attribute__((aligned(4096)));
uint8_t fuzz_plain_backup[SEVC_GHCB_SIZE] __attribute__((aligned(4096)));

void fuzz_plain_start(void (*answer)(void))
{
    memset(&fuzz_plain, 0, sizeof(fuzz_plain));
    memset(fuzz_plain_page, 0, sizeof(fuzz_plain_page));
    fuzz_plain.answer = answer;
    fuzz_plain.ghcb_msr = FUZZ_PLAIN_GPA;
    fuzz_plain.sev_status = SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES;
    fuzz_plain.most_vmgexits = 1000;
}

void fuzz_plain_cpu(struct sevc_cpu *cpu, uint16_t version)
{
    static const struct sevc_policy policy = { 0 };

    *cpu = (struct sevc_cpu){
        .magic = SEVC_CPU_MAGIC,
        .ghcb = { fuzz_plain_page, FUZZ_PLAIN_GPA },
        .backup = fuzz_plain_backup,
        .policy = &policy,
        .platform = { .sev_status = fuzz_plain.sev_status, .version = version, .c_bit = 51 },
        .dr7 = SEVC_DR7_RESET,
    };
}

void fuzz_plain_check_at_rest(void)
{
    for (unsigned i = 0; i < SEVC_GHCB_SIZE; i++) {
        FUZZ_CHECK(fuzz_plain_page[i] == 0, "at-rest", "byte 0x%x of the GHCB is 0x%02x", i,
                   fuzz_plain_page[i]);
    }
    FUZZ_CHECK(fuzz_plain.ghcb_msr == FUZZ_PLAIN_GPA, "at-rest", "the GHCB MSR is 0x%lx",
               fuzz_plain.ghcb_msr);
}

uint64_t fuzz_plain_field(const uint8_t *page, unsigned offset)
{
    uint64_t value;

    memcpy(&value, page + offset, sizeof(value));
    return value;
}

void fuzz_plain_put(unsigned offset, uint64_t value)
{
    memcpy(fuzz_plain_page + offset, &value, sizeof(value));
}

bool fuzz_plain_is_valid(const uint8_t *page, unsigned offset)
{
    return (page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] >> (offset / 8 % 8) & 1) != 0;
}

void fuzz_plain_mark(unsigned offset)
{
    fuzz_plain_page[SEVC_GHCB_OFF_VALID_BITMAP + offset / 64] |= (uint8_t)(1u << (offset / 8 % 8));
}

/* ---- each load of the library's (clang) ---- */

void fuzz_traced(const volatile void *address, size_t bytes, bool store)
{
    size_t offset = (uintptr_t)address - (uintptr_t)fuzz_plain_page;

    if (store || !fuzz_plain.busy || offset >= SEVC_GHCB_SIZE) {
        return;
    }
    for (size_t i = offset; i < offset + bytes && i < SEVC_GHCB_SIZE; i++) {
        FUZZ_CHECK(fuzz_plain.reads[i]++ == 0, "double-fetch",
                   "byte 0x%zx of the GHCB is read twice", i);
    }
}

/* ---- src/arch/arch.h ---- */

void sevc_arch_vmgexit(void)
{
    fuzz_plain.vmgexits++;
    FUZZ_CHECK(fuzz_plain.vmgexits <= fuzz_plain.most_vmgexits, "bounded", "more than %u VMGEXITs",
               fuzz_plain.most_vmgexits);
    fuzz_plain.answer();
    memset(fuzz_plain.reads, 0, sizeof(fuzz_plain.reads));
}

uint64_t sevc_arch_rdmsr(uint32_t msr)
{
    FUZZ_CHECK(msr == SEVC_MSR_GHCB || msr == SEVC_MSR_SEV_STATUS, "msr", "RDMSR of 0x%x", msr);
    return msr == SEVC_MSR_GHCB ? fuzz_plain.ghcb_msr : fuzz_plain.sev_status;
}

void sevc_arch_wrmsr(uint32_t msr, uint64_t value)
{
    FUZZ_CHECK(msr == SEVC_MSR_GHCB, "msr", "WRMSR of 0x%x", msr);
    fuzz_plain.ghcb_msr = value;
}

void sevc_arch_zero(volatile void *p, size_t count)
{
    memset((void *)(uintptr_t)p, 0, 8 * count);
}

void sevc_arch_halt(void)
{
    fuzz_finding("halt", "the guest halts");
}

/* ---- src/arch/native.h, as far as explicit calls in an SEV-ES guest go ---- */

uint64_t sevc_arch_interrupts_save(void)
{
    return SEVC_RFLAGS_IF;
}

void sevc_arch_interrupts_on(void)
{
}

void sevc_arch_native_cpuid(uint32_t regs[4])
{
    (void)regs;
    fuzz_finding("native", "CPUID is executed in an SEV-ES guest");
}
