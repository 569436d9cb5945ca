/* SPDX-License-Identifier: MIT */
/* A device's own reads and writes of memory reach what is shared, and nothing else (QEMU's edu). */
#include "guest.h"

#define EDU_ID     0x11E81234u
#define EDU_BUFFER 0x40000u
#define EDU_DMA    0x80u
#define TO_RAM     2u
#define START      1u

#define REG_COMMAND 0x04
#define REG_BAR0    0x10
#define MASTER      0x06u /* memory decoding, bus master */

#define FILLING 0x5A5A1234u
#define BYTES   2048u /* QEMU 7.2 takes a transfer up to the end of the buffer for an overrun */
#define WORDS   (BYTES / 4)

static volatile uint32_t *edu;

static void find_edu(void)
{
    for (unsigned device = 0; device < 32; device++) {
        if (pci_read(0, device, 0, 0) != EDU_ID)
            continue;
        pci_write(0, device, 0, REG_BAR0, (uint32_t)DEVICE_GPA);
        pci_write(0, device, 0, REG_COMMAND, pci_read(0, device, 0, REG_COMMAND) | MASTER);
        edu = (volatile uint32_t *)mmio_map(DEVICE_GPA, 0x1000);
        return;
    }
    panic("no edu on the PCI bus");
}

static void transfer(uint64_t from, uint64_t to, uint64_t bytes, uint32_t direction)
{
    const uint64_t values[] = { from, to, bytes };

    for (unsigned i = 0; i < 3; i++) {
        edu[EDU_DMA / 4 + 2 * i] = (uint32_t)values[i];
        edu[EDU_DMA / 4 + 2 * i + 1] = (uint32_t)(values[i] >> 32);
    }
    edu[EDU_DMA / 4 + 6] = direction | START;
    while ((edu[EDU_DMA / 4 + 6] & START) != 0) {
    }
}

static void device_reads(const void *page)
{
    transfer(gpa_of(page), EDU_BUFFER, BYTES, 0);
}

static void device_writes(const void *page)
{
    transfer(EDU_BUFFER, gpa_of(page), BYTES, TO_RAM);
}

static void fill(volatile uint32_t *page, uint32_t seed)
{
    for (unsigned i = 0; i < WORDS; i++)
        page[i] = seed + i;
}

static unsigned equal_words(const volatile uint32_t *page, uint32_t seed)
{
    unsigned equal = 0;

    for (unsigned i = 0; i < WORDS; i++)
        equal += page[i] == seed + i;
    return equal;
}

static void share(const volatile void *page)
{
    CHECK_EQUAL(sevc_page_share(&paging, (uint64_t)page, PAGE_BYTES, NULL), SEVC_OK);
}

static void unshare(const volatile void *page)
{
    CHECK_EQUAL(sevc_page_unshare(&paging, (uint64_t)page, PAGE_BYTES, NULL), SEVC_OK);
}

void guest_main(void)
{
    uint32_t *first = page_alloc(), *second = page_alloc();

    find_edu();
    share(first);
    fill(first, FILLING);
    device_reads(first);

    /* Used privately until now, then shared, and not touched before the device writes to it. */
    fill(second, 0x1000);
    share(second);
    device_writes(second);
    CHECK_EQUAL(equal_words(second, FILLING), WORDS);

    /* A page that is private keeps what it has, and is none of the device's business. */
    unshare(second);
    fill(second, 0x2000);
    device_reads(second);
    device_writes(first);
    CHECK(equal_words(first, 0x2000) < 4);
    CHECK(equal_words(first, FILLING) < 4);
    device_writes(second);
    CHECK_EQUAL(equal_words(second, 0x2000), WORDS);

    /* A transfer of some words leaves the rest of the page as ciphertext. */
    fill(first, FILLING);
    device_reads(first);
    unshare(first);
    fill(first, 0x3000);
    share(first);
    transfer(EDU_BUFFER, gpa_of(first) + 64, 64, TO_RAM);
    CHECK_EQUAL(first[16], FILLING);
    CHECK(first[15] != 0x3000 + 15);
    CHECK(first[15] != FILLING + 15);
}
