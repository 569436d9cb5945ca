/* SPDX-License-Identifier: MIT */
/* Cases that must end in success: encryption, and the memory that a guest starts with. */
#include "smoke.h"

static uint8_t page_a[PAGE] __attribute__((aligned(PAGE)));

/* What is written privately is not what the other alias shows, and comes back unharmed. */
static void ciphertext(void)
{
    volatile uint8_t *secret = window(1, phys(page_a), C_BIT);
    volatile uint8_t *shared = window(2, phys(page_a), 0);
    unsigned same = 0;

    for (unsigned i = 0; i < PAGE; i++)
        secret[i] = (uint8_t)i;
    for (unsigned i = 0; i < PAGE; i++)
        same += shared[i] == (uint8_t)i;
    CHECK(same < 64);
    for (unsigned i = 0; i < PAGE; i++)
        CHECK(secret[i] == (uint8_t)i);
    shared[7] = 0x55;
    CHECK(shared[7] == 0x55 && secret[7] != 0x55 && secret[8] == 8);
    secret[7] = 7;
    CHECK(shared[7] != 7 && secret[7] == 7);
}

/* RAM that nobody has written: zero on the bus, hence garbage to a private reader. */
static void fresh_memory(void)
{
    volatile uint64_t *secret = (volatile uint64_t *)window(1, 0x2000000, C_BIT);
    volatile uint64_t *shared = (volatile uint64_t *)window(2, 0x2000000, 0);

    CHECK(shared[5] == 0 && secret[5] != 0 && secret[6] != secret[5]);
    CHECK(shared[5] == 0);
}

/* The monitor makes a row of fresh pages private at the first access to one: nobody can tell. */
static void fresh_row(void)
{
    uint64_t row = 0x2010000;
    volatile uint64_t *first = (volatile uint64_t *)window(1, row, C_BIT);
    volatile uint64_t *written = (volatile uint64_t *)window(2, row + 3 * PAGE, 0);
    volatile uint64_t *same = (volatile uint64_t *)window(3, row + 3 * PAGE, C_BIT);
    volatile uint64_t *other = (volatile uint64_t *)window(4, row + 5 * PAGE, C_BIT);

    written[5] = 0x1234;
    first[5] = 7;
    CHECK(other[5] != 0 && other[6] != other[5]);
    other[5] = 9;
    CHECK(same[5] != 0x1234 && same[6] != 0);
    CHECK(written[5] == 0x1234 && written[6] == 0);
    written[6] = 0x5678;
    CHECK(first[5] == 7 && other[5] == 9 && written[5] == 0x1234 && written[6] == 0x5678);
}

/* mov $42, %eax; ret */
static uint8_t code[PAGE] __attribute__((aligned(PAGE))) = { 0xB8, 42, 0, 0, 0, 0xC3 };

/* Fetches decrypt whatever the C-bit of the mapping, and whatever view the page was in. */
static void fetch_decrypts(void)
{
    volatile uint8_t *shared = window(6, phys(code), 0);
    unsigned (*through_shared)(void) = (unsigned (*)(void))(uintptr_t)shared;

    shared[100] = 0; /* the page is in its shared view, and has to leave it */
    CHECK(through_shared() == 42);
    code[1] = 43;
    CHECK(through_shared() == 43);
}

/* So do page-table walks: the same tables named without C-bit. */
static void walk_decrypts(void)
{
    static uint64_t pt[512] __attribute__((aligned(PAGE)));
    uint64_t *pml4 = (uint64_t *)(read_cr3() & ~C_BIT);
    uint64_t *pdpt = (uint64_t *)(pml4[1] & 0x7FFFFFFFF000);

    page_a[3] = 0x77;
    pt[0] = phys(page_a) | 3 | C_BIT;
    uint64_t *pd = (uint64_t *)(pdpt[0] & 0x7FFFFFFFF000);
    pd[1] = phys(pt) | 3; /* no C-bit */
    CHECK(*(volatile uint8_t *)(0x8000000000ull + 0x200003) == 0x77);
}

static bool is_free(uint64_t pa)
{
    const uint64_t *entry = (const uint64_t *)start_info[5];
    uint32_t count = (uint32_t)start_info[6];

    for (; count-- > 0; entry += 3) {
        if (pa >= entry[0] && pa - entry[0] < entry[1])
            return (uint32_t)entry[2] == 1;
    }
    return false;
}

/* The start information; smoke_test.py passes two modules. */
static void boot_data(void)
{
    const uint64_t *module = (const uint64_t *)start_info[2];

    CHECK((entry_rsp & 0xF) == 8 && (entry_rflags & 0x600) == 0);
    CHECK((uint32_t)start_info[0] == 0x336EC578 && start_info[0] >> 32 == 1);
    CHECK(start_info[1] >> 32 == 2);
    CHECK(module[1] == 5 && __builtin_memcmp((const char *)module[0], "alpha", 5) == 0);
    CHECK(__builtin_memcmp((const char *)module[2], "first", 6) == 0);
    CHECK(module[5] == 4 && __builtin_memcmp((const char *)module[4], "beta", 4) == 0);
    CHECK(*(const char *)module[6] == 0);

    CHECK(is_free(0x1000) && is_free(0x100000) && is_free(0x2000000) && !is_free(0xB8000));
    CHECK(!is_free(phys((void *)boot_data)) && !is_free(phys(page_a)));
    CHECK(!is_free((uint64_t)start_info) && !is_free(module[0]) && !is_free(entry_rsp));
    CHECK(!is_free(read_cr3() & ~C_BIT) && (read_cr3() & C_BIT) != 0 && !is_free(LAPIC));
}

extern const uint8_t tail[]; /* smoke.ld */

/* Two segments in one page: each is put at its p_paddr. */
static void segments_share_page(void)
{
    CHECK(((uint64_t)tail & 0xFFF) > 1 && *(const volatile uint8_t *)tail == 0x5A);
}

/* Where a PC has its firmware: the monitor's own does not show. */
static void no_firmware(void)
{
    CHECK(mmio_read32(0xF0000) == 0xFFFFFFFF && mmio_read32(0xFFFFFFF0) == 0xFFFFFFFF);
    CHECK(seen.vc_count == 2);
}

const struct smoke_case smoke_memory[] = {
    { "no-firmware", no_firmware },
    { "ciphertext", ciphertext },
    { "fresh-memory", fresh_memory },
    { "fresh-row", fresh_row },
    { "fetch-decrypts", fetch_decrypts },
    { "walk-decrypts", walk_decrypts },
    { "boot-data", boot_data },
    { "segments-share-page", segments_share_page },
    { 0, 0 },
};
