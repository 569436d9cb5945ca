/* SPDX-License-Identifier: MIT */
/*
 * The MSRs that exist. QEMU answers 0 for those that it does not know instead of raising #GP, so
 * the list is here. Those that are not reflected (privileged.c, vcpu.c) are not in it.
 */
#include "device.h"

#include <stddef.h>

#include "cpu.h"

enum msr_access { MSR_READ, MSR_READ_WRITE, MSR_WRITE_IGNORED };

static const struct {
    uint32_t first, last;
    enum msr_access access;
} msrs[] = {
    { 0x00000010, 0x00000010, MSR_WRITE_IGNORED }, /* TSC */
    { 0x00000017, 0x00000017, MSR_READ },          /* platform id */
    { 0x0000001B, 0x0000001B, MSR_READ_WRITE },    /* APIC_BASE */
    { 0x0000008B, 0x0000008B, MSR_WRITE_IGNORED }, /* microcode patch level */
    { 0x000000FE, 0x000000FE, MSR_READ },          /* MTRRcap */
    { 0x00000179, 0x00000179, MSR_READ },          /* MCG_CAP */
    { 0x0000017A, 0x0000017B, MSR_READ_WRITE },    /* MCG_STATUS, MCG_CTL */
    { 0x000001A0, 0x000001A0, MSR_READ_WRITE },    /* MISC_ENABLE */
    { 0x00000200, 0x0000020F, MSR_READ_WRITE },    /* variable MTRRs */
    { 0x00000250, 0x00000250, MSR_READ_WRITE },    /* fixed MTRRs */
    { 0x00000258, 0x00000259, MSR_READ_WRITE },    { 0x00000268, 0x0000026F, MSR_READ_WRITE },
    { 0x00000277, 0x00000277, MSR_READ_WRITE },    /* PAT */
    { 0x000002FF, 0x000002FF, MSR_READ_WRITE },    /* MTRRdefType */
    { 0x00000400, 0x00000427, MSR_READ_WRITE },    /* machine check banks */
    { 0xC0000103, 0xC0000103, MSR_READ_WRITE },    /* TSC_AUX */
    { 0xC0010010, 0xC0010010, MSR_READ },          /* SYSCFG */
    { 0xC0010015, 0xC0010015, MSR_WRITE_IGNORED }, /* HWCR */
    { 0xC001001F, 0xC001001F, MSR_WRITE_IGNORED }, /* NB_CFG */
};

#define MSR_TSC           0x10
#define MSR_APIC_BASE     0x1B
#define APIC_DEFAULT_BASE 0xFEE00000ull

/* Result: index in msrs, -1 if there is none. */
static int find(uint32_t msr)
{
    for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        if (msr >= msrs[i].first && msr <= msrs[i].last)
            return (int)i;
    }
    return -1;
}

bool device_rdmsr(uint32_t msr, uint64_t *value)
{
    if (find(msr) < 0)
        return false;
    *value = msr == MSR_TSC ? device_tsc() : cpu_rdmsr(msr);
    return true;
}

bool device_wrmsr(uint32_t msr, uint64_t value)
{
    int index = find(msr);

    if (index < 0 || msrs[index].access == MSR_READ)
        return false;
    /* The local APIC stays where the nested tables leave their hole. */
    if (msr == MSR_APIC_BASE && (value & ~0xFFFull) != APIC_DEFAULT_BASE)
        return false;
    if (msrs[index].access == MSR_READ_WRITE)
        cpu_wrmsr(msr, value);
    return true;
}
