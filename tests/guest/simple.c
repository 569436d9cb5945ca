/* SPDX-License-Identifier: MIT */
/* CPUID, RDMSR, WRMSR, RDTSC, RDTSCP: whole registers before and after, and nothing else touched. */
#include "guest.h"

#define HIGH          0xA5A5A5A500000000ull
#define MSR_TSC_AUX   0xC0000103
#define MSR_APIC_BASE 0x1B

struct registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
};

/* simple_run.S: loads all registers, executes one instruction, stores all registers. */
void simple_cpuid(struct registers *r);
void simple_rdmsr(struct registers *r);
void simple_wrmsr(struct registers *r);
void simple_rdtsc(struct registers *r);
void simple_rdtscp(struct registers *r);

static struct registers before, after;

static void run(void (*instruction)(struct registers *), uint64_t rax, uint64_t rcx, uint64_t rdx)
{
    uint64_t *word = (uint64_t *)&before;

    for (unsigned i = 0; i < sizeof(before) / sizeof(*word); i++)
        word[i] = 0x0101010101010101ull * (i + 1);
    before.rax = rax;
    before.rcx = rcx;
    before.rdx = rdx;
    before.flags =
        0x8D7; /* CF PF AF ZF SF OF: an instruction that changes no flag must keep them */
    after = before;
    instruction(&after);
    /* No instruction here changes these. */
    CHECK_EQUAL(after.rsi, before.rsi);
    CHECK_EQUAL(after.rdi, before.rdi);
    CHECK_EQUAL(after.rbp, before.rbp);
    CHECK(memcmp(&after.r8, &before.r8, 8 * sizeof(uint64_t)) == 0);
    CHECK_EQUAL(after.flags & 0xCD5, before.flags & 0xCD5);
}

static void test_cpuid(void)
{
    struct cpuid r = cpuid(0, 0);

    run(simple_cpuid, HIGH, HIGH, HIGH);
    CHECK(after.rax == r.eax && after.rbx == r.ebx && after.rcx == r.ecx && after.rdx == r.edx);
    CHECK_EQUAL(r.ebx, 0x68747541); /* "Auth" */

    /* Sub-leaves, and 0xD, whose answer depends on XCR0 = 1. */
    run(simple_cpuid, HIGH | 0xD, HIGH | 0, HIGH);
    CHECK_EQUAL(after.rbx, 576);
    CHECK(after.rcx >= after.rbx);
    run(simple_cpuid, 0xD, 2, 0);
    CHECK_EQUAL(after.rax, 256); /* AVX */
    CHECK_EQUAL(after.rbx, 576);
    run(simple_cpuid, 0xD, 1, 0);
    CHECK(after.rbx == 0 || after.rbx == 576); /* compacted size, if XSAVEC is there */
    run(simple_cpuid, SEVC_CPUID_MEMORY_ENCRYPTION, 0, 0);
    CHECK_EQUAL(after.rbx & 0x3F, 47);
}

static void test_msr(void)
{
    run(simple_wrmsr, HIGH | 0x12345, HIGH | MSR_TSC_AUX, HIGH | 0);
    CHECK(after.rax == before.rax && after.rcx == before.rcx && after.rdx == before.rdx);
    run(simple_rdmsr, HIGH, HIGH | MSR_TSC_AUX, HIGH);
    CHECK_EQUAL(after.rax, 0x12345);
    CHECK_EQUAL(after.rdx, 0);
    CHECK(after.rcx == before.rcx && after.rbx == before.rbx);
    run(simple_rdmsr, 0, MSR_APIC_BASE, 0);
    CHECK_EQUAL(after.rax, 0xFEE00900);
}

static void test_tsc(void)
{
    uint64_t first, second;

    run(simple_rdtsc, HIGH, HIGH, HIGH);
    CHECK(after.rax >> 32 == 0 && after.rdx >> 32 == 0 && after.rcx == before.rcx);
    first = after.rdx << 32 | after.rax;
    run(simple_rdtscp, HIGH, HIGH, HIGH);
    CHECK(after.rax >> 32 == 0 && after.rdx >> 32 == 0);
    CHECK_EQUAL(after.rcx, 0x12345);
    second = after.rdx << 32 | after.rax;
    CHECK(second > first);
    CHECK_EQUAL(account_vc(SEVC_EXIT_RDTSC), 1);
    CHECK_EQUAL(account_vc(SEVC_EXIT_RDTSCP), 1);
}

static void wrmsr_bad(void *msr)
{
    wrmsr((uint32_t)(uintptr_t)msr, 0);
}

static void rdmsr_bad(void *msr)
{
    (void)rdmsr((uint32_t)(uintptr_t)msr);
}

/* #GP arrives at the instruction, with error code 0, and registers as they were. */
static void test_gp(void)
{
    struct guest_fault fault;

    CHECK(guest_try(rdmsr_bad, (void *)0xC0FFEE00, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_GP);
    CHECK_EQUAL(fault.trap.error_code, 0);
    CHECK_EQUAL(*(const uint8_t *)fault.trap.rip, 0x0F);
    CHECK_EQUAL(((const uint8_t *)fault.trap.rip)[1], 0x32);
    CHECK_EQUAL(fault.trap.gpr[SEVC_RCX], 0xC0FFEE00);
    CHECK(guest_try(wrmsr_bad, (void *)0xC0FFEE00, &fault));
    CHECK_EQUAL(fault.vector, VECTOR_GP);
    CHECK(guest_try(wrmsr_bad, (void *)0xFE, &fault)); /* MTRRcap is read-only */
    CHECK_EQUAL(fault.vector, VECTOR_GP);
}

/* With TF set, #DB comes behind the emulated instruction, as behind every other. */
extern const char simple_stepped_next[];
void simple_step(void *unused);

static void test_single_step(void)
{
    struct guest_fault fault;

    CHECK(guest_try(simple_step, NULL, &fault));
    CHECK_EQUAL(fault.vector, 1);
    CHECK_EQUAL(fault.trap.rip, (uint64_t)simple_stepped_next);
    CHECK_EQUAL(fault.trap.gpr[SEVC_RBX], 0x68747541);
}

void guest_main(void)
{
    test_cpuid();
    test_msr();
    test_tsc();
    test_gp();
    test_single_step();
}
