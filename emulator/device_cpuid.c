/* SPDX-License-Identifier: MIT */
/* What CPUID tells the guest: QEMU's processor, made into that of an SEV-ES guest. */
#include "device.h"

#include <stddef.h>

#include <sevc/svm.h>

#include "cpu.h"
#include "libc.h"

enum cpuid_register { REG_EAX, REG_EBX, REG_ECX, REG_EDX };

/* Bits forced to a value; everything else is as QEMU's processor says. */
static const struct {
    uint32_t leaf;
    uint8_t reg;
    uint32_t mask, value;
} overrides[] = {
    /* MONITOR and MWAIT would park processors where no INIT-SIPI can reach them. */
    { 0x00000001, REG_ECX, 1u << 3, 0 },
    { 0x80000001, REG_ECX, 1u << 2, 0 }, /* SVM */
    { 0x8000000A, REG_EAX, ~0u, 0 },
    { 0x8000000A, REG_EBX, ~0u, 0 },
    { 0x8000000A, REG_ECX, ~0u, 0 },
    { 0x8000000A, REG_EDX, ~0u, 0 },
    { SEVC_CPUID_MEMORY_ENCRYPTION, REG_EAX, ~0u, SEVC_CPUID_EAX_SEV | SEVC_CPUID_EAX_SEV_ES },
    { SEVC_CPUID_MEMORY_ENCRYPTION, REG_EBX, ~0u, DEVICE_C_BIT | DEVICE_PHYS_BITS_REDUCTION << 6 },
    { SEVC_CPUID_MEMORY_ENCRYPTION, REG_ECX, ~0u, 0 },
    { SEVC_CPUID_MEMORY_ENCRYPTION, REG_EDX, ~0u, 0 },
};

/* Bits that mirror a bit of the guest's CR4. */
static const struct {
    uint32_t leaf;
    uint8_t bit;
    uint32_t cr4;
} mirrors[] = {
    { 1, 27, CR4_OSXSAVE },
    { 7, 4, CR4_PKE },
};

#define LEAF_CLASS_MASK     0xFFFF0000
#define LEAF_MAX_HYPERVISOR 0x40000000
#define LEAF_MAX_EXTENDED   0x80000000
#define LEAF_XSAVE          0x0000000D
#define XSAVE_LEGACY_AREA   0x240

static uint64_t guest_cr4;

void device_note_cr4(uint64_t cr4)
{
    guest_cr4 = cr4;
}

/* The size of the XSAVE area for the guest's XCR0, not for what QEMU's register happens to hold. */
static uint32_t xsave_bytes(uint64_t xcr0)
{
    uint32_t bytes = XSAVE_LEGACY_AREA;

    for (uint32_t feature = 2; feature < 63; feature++) {
        uint32_t regs[4];
        if ((xcr0 >> feature & 1) == 0)
            continue;
        cpu_cpuid(LEAF_XSAVE, feature, regs);
        if (regs[REG_EAX] + regs[REG_EBX] > bytes)
            bytes = regs[REG_EAX] + regs[REG_EBX];
    }
    return bytes;
}

/* The compacted area: no gaps, and features of XSS too (APM vol. 3, E.3.8). */
static uint32_t xsave_compacted_bytes(uint64_t features)
{
    uint32_t bytes = XSAVE_LEGACY_AREA;

    for (uint32_t feature = 2; feature < 63; feature++) {
        uint32_t regs[4];
        if ((features >> feature & 1) == 0)
            continue;
        cpu_cpuid(LEAF_XSAVE, feature, regs);
        if ((regs[REG_ECX] & 2) != 0)
            bytes = (bytes + 63) & ~63u;
        bytes += regs[REG_EAX];
    }
    return bytes;
}

/* Each class of leaves says in EAX of its first one which is its last (APM vol. 3, E.3.1, E.4.1). */
static bool leaf_exists(uint32_t leaf)
{
    uint32_t first = leaf & LEAF_CLASS_MASK, regs[4];

    if (first != 0 && first != LEAF_MAX_HYPERVISOR && first != LEAF_MAX_EXTENDED)
        return false;
    cpu_cpuid(first, 0, regs);
    return leaf == first || leaf <= regs[REG_EAX];
}

/* Zeros for what is not there, as AMD has it; QEMU answers its last standard leaf, as Intel does. */
static void native_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    if (leaf_exists(leaf))
        cpu_cpuid(leaf, subleaf, regs);
    else
        memset(regs, 0, 4 * sizeof(regs[0]));
}

void device_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t xcr0, uint64_t xss,
                  struct cpuid_regs *out)
{
    uint32_t regs[4];

    native_cpuid(leaf, subleaf, regs);
    for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
        if (overrides[i].leaf == leaf)
            regs[overrides[i].reg] =
                (regs[overrides[i].reg] & ~overrides[i].mask) | overrides[i].value;
    }
    for (size_t i = 0; i < sizeof(mirrors) / sizeof(mirrors[0]); i++) {
        if (mirrors[i].leaf == leaf && (leaf != 7 || subleaf == 0)) {
            regs[REG_ECX] &= ~(1u << mirrors[i].bit);
            if ((guest_cr4 & mirrors[i].cr4) != 0)
                regs[REG_ECX] |= 1u << mirrors[i].bit;
        }
    }
    if (leaf == LEAF_MAX_EXTENDED && regs[REG_EAX] < SEVC_CPUID_MEMORY_ENCRYPTION)
        regs[REG_EAX] = SEVC_CPUID_MEMORY_ENCRYPTION;
    if (leaf == LEAF_XSAVE && subleaf == 0)
        regs[REG_EBX] = xsave_bytes(xcr0);
    if (leaf == LEAF_XSAVE && subleaf == 1)
        regs[REG_EBX] = (regs[REG_EAX] & 0xA) != 0 ? xsave_compacted_bytes(xcr0 | xss) : 0;
    *out = (struct cpuid_regs){ regs[REG_EAX], regs[REG_EBX], regs[REG_ECX], regs[REG_EDX] };
}
