/* SPDX-License-Identifier: MIT */
/*
 * What stock Linux does and our other guests do not: "do=NAME" on the command line chooses. Linux
 * itself runs in tests/linux; here each of its habits stands alone.
 */
#include "guest.h"

#define MSR_SYSCFG 0xC0010010
#define MSR_NB_CFG 0xC001001F

/* At boot Linux reads and writes MSRs that few hypervisors emulate, some without catching #GP. */
static void odd_msrs(void *unused)
{
    (void)unused;
    (void)rdmsr(MSR_SYSCFG);
    wrmsr(MSR_NB_CFG, rdmsr(MSR_NB_CFG) | 1ull << 46);
}

static void test_odd_msrs(void)
{
    struct guest_fault fault;

    CHECK(!guest_try(odd_msrs, NULL, &fault));
    CHECK_EQUAL(account_vc(SEVC_EXIT_MSR), 3);
}

#define ROM_AREA 0xC0000ull
#define ROM_END  0x100000ull
#define ROM_MAP  0xC00000ull

/* Linux looks for the signatures of ROMs through its encrypted mapping, and sees garbage. */
static void test_rom(void)
{
    for (uint64_t gpa = ROM_AREA; gpa < ROM_END; gpa += PAGE_BYTES) {
        volatile uint16_t *page = (volatile uint16_t *)ROM_MAP;
        page_map(ROM_MAP, gpa, PTE_NX, true);
        CHECK(page[0] != 0xAA55 && page[0] != 0 && page[0] != 0xFFFF);
        CHECK(page[0] != page[4]);
    }
    CHECK_EQUAL(account_vc(SEVC_EXIT_NPF), 0);
}

/* Linux's decompressor uses its GHCB as ordinary memory, while the MSR still names it. */
static void test_stale_ghcb(void)
{
    volatile uint8_t *page = cpu.ghcb.va;

    CHECK_EQUAL(sevc_page_unshare(&paging, (uint64_t)page, PAGE_BYTES, NULL), SEVC_OK);
    memset(cpu.ghcb.va, 0x5A, PAGE_BYTES);
    CHECK_EQUAL(page[PAGE_BYTES - 1], 0x5A);
    CHECK_EQUAL(sevc_page_share(&paging, (uint64_t)page, PAGE_BYTES, NULL), SEVC_OK);
    memset(cpu.ghcb.va, 0, PAGE_BYTES);
    CHECK_EQUAL(cpuid(0, 0).ebx, 0x68747541); /* "Auth" */
}

/* q35's ICH9: PMBASE, ACPI_CNTL; ACPI's PM1a control register. */
#define PM_BASE      0x1800
#define PM1_CONTROL  (PM_BASE + 4)
#define SCI_ENABLE   0x0001
#define SLEEP_ENABLE 0x2000 /* type 0: S5 */

static void test_power_off(void)
{
    out16(0x604, SLEEP_ENABLE); /* where the register is not */
    out16(PM1_CONTROL, SLEEP_ENABLE);
    pci_write(0, 31, 0, 0x40, PM_BASE | 1);
    out16(PM1_CONTROL, SLEEP_ENABLE); /* is there, but switched off */
    pci_write(0, 31, 0, 0x44, pci_read(0, 31, 0, 0x44) | 0x80);
    out16(0x604, SLEEP_ENABLE);
    out16(PM1_CONTROL, SCI_ENABLE);
    kprintf("power off\n");
    out16(PM1_CONTROL, SLEEP_ENABLE);
    CHECK(false); /* alive behind the power-off */
}

static const struct {
    const char *name;
    void (*act)(void);
} habits[] = {
    { "odd-msrs", test_odd_msrs },
    { "rom", test_rom },
    { "stale-ghcb", test_stale_ghcb },
    { "power-off", test_power_off },
};

void guest_main(void)
{
    bool found = false;

    for (unsigned i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
        if (!cmdline_has("do", habits[i].name))
            continue;
        found = true;
        habits[i].act();
    }
    CHECK(found);
}
