/* SPDX-License-Identifier: MIT */
/*
 * What stock Linux and stock firmware do and our other guests do not: "do=NAME" on the command line
 * chooses. They themselves run in tests/linux and tests/firmware; here each habit stands alone.
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

/*
 * Firmware asks CMOS and fw_cfg how much memory there is (QEMU, hw/i386/pc.c; docs/specs/fw_cfg.txt),
 * and gets the guest's part, by whatever way it asks.
 */
#define FW_CFG_SELECT    0x510
#define FW_CFG_DATA      0x511
#define FW_CFG_DMA       0x514
#define FW_CFG_RAM_SIZE  3
#define FW_CFG_DIRECTORY 0x19
#define FW_CFG_READ      2u
#define FW_CFG_SELECTS   8u

struct fw_cfg_dma { /* big-endian */
    uint32_t control, bytes;
    uint64_t gpa;
};

struct e820_entry {
    uint64_t gpa, bytes;
    uint32_t type;
} __attribute__((packed));

static void fw_cfg_bytes(void *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)to)[i] = in8(FW_CFG_DATA);
}

static uint16_t fw_cfg_find(const char *name)
{
    uint32_t count;
    struct {
        uint32_t bytes;
        uint16_t item, reserved;
        char name[56];
    } file;

    out16(FW_CFG_SELECT, FW_CFG_DIRECTORY);
    fw_cfg_bytes(&count, sizeof(count));
    for (uint32_t i = 0; i < __builtin_bswap32(count); i++) {
        fw_cfg_bytes(&file, sizeof(file));
        if (memcmp(file.name, name, strlen(name) + 1) == 0)
            return __builtin_bswap16(file.item);
    }
    panic("an item of fw_cfg is missing");
}

/* SHARED: a page for the request; what comes lies behind it. */
static void *fw_cfg_by_dma(uint16_t item, uint32_t bytes, volatile struct fw_cfg_dma *shared)
{
    uint64_t gpa = gpa_of((const void *)shared);

    shared->control = __builtin_bswap32((uint32_t)item << 16 | FW_CFG_SELECTS | FW_CFG_READ);
    shared->bytes = __builtin_bswap32(bytes);
    shared->gpa = __builtin_bswap64(gpa + sizeof(*shared));
    out32(FW_CFG_DMA, __builtin_bswap32((uint32_t)(gpa >> 32)));
    out32(FW_CFG_DMA + 4, __builtin_bswap32((uint32_t)gpa));
    CHECK_EQUAL(shared->control, 0);
    return (void *)(uintptr_t)(shared + 1);
}

static uint8_t cmos(uint8_t index)
{
    out8(0x70, index);
    return in8(0x71);
}

static void test_memory_size(void)
{
    uint64_t bytes, end;
    uint32_t entries = 0;
    struct e820_entry map;
    void *page = page_alloc();
    uint16_t e820 = fw_cfg_find("etc/e820");

    CHECK_EQUAL(sevc_page_share(&paging, (uint64_t)page, PAGE_BYTES, NULL), SEVC_OK);
    out16(FW_CFG_SELECT, FW_CFG_RAM_SIZE);
    fw_cfg_bytes(&bytes, sizeof(bytes));
    CHECK(bytes > bootinfo_ram_bytes() &&
          bytes < 512ull << 20); /* the monitor keeps some of 512 MiB */
    CHECK(memcmp(fw_cfg_by_dma(FW_CFG_RAM_SIZE, 8, page), &bytes, 8) == 0);

    out16(FW_CFG_SELECT, e820);
    do {
        fw_cfg_bytes(&map, sizeof(map));
        entries++;
    } while (map.gpa != 0);
    CHECK_EQUAL(map.bytes, bytes);
    const struct e820_entry *by_dma = fw_cfg_by_dma(e820, entries * sizeof(map), page);
    CHECK(memcmp(&by_dma[entries - 1], &map, sizeof(map)) == 0);

    end = ((uint64_t)cmos(0x35) << 8 | cmos(0x34)) * 0x10000 + 0x1000000;
    CHECK_EQUAL(end, bytes & ~0xFFFFull);
    CHECK_EQUAL((unsigned)cmos(0x31) << 8 | cmos(0x30),
                0xFFFF);        /* KiB above 1 MiB: all it can say */
    CHECK_EQUAL(cmos(0x5B), 0); /* nothing above 4 GiB */

    /* The last page is there, and is the guest's own. */
    page_map(ROM_MAP, bytes - PAGE_BYTES, PTE_WRITABLE | PTE_NX, true);
    *(volatile uint64_t *)ROM_MAP = bytes;
    CHECK_EQUAL(*(volatile uint64_t *)ROM_MAP, bytes);
}

static const struct {
    const char *name;
    void (*act)(void);
} habits[] = {
    { "memory-size", test_memory_size }, { "odd-msrs", test_odd_msrs },   { "rom", test_rom },
    { "stale-ghcb", test_stale_ghcb },   { "power-off", test_power_off },
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
