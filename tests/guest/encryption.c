/* SPDX-License-Identifier: MIT */
/* Encryption as it looks from inside: a page read through the wrong alias is no copy of what was written. */
#include "guest.h"

#define SHARED_VA 0xFFFFA00000000000ull /* the page once more, without the C-bit */
#define WORDS     (PAGE_BYTES / 8)

static void fill(volatile uint64_t *page, uint64_t seed)
{
    for (unsigned i = 0; i < WORDS; i++)
        page[i] = seed + i;
}

/* How many words are as fill() made them. */
static unsigned equal_words(const volatile uint64_t *page, uint64_t seed)
{
    unsigned equal = 0;

    for (unsigned i = 0; i < WORDS; i++)
        equal += page[i] == seed + i;
    return equal;
}

static unsigned zero_words(const volatile uint64_t *page)
{
    unsigned zero = 0;

    for (unsigned i = 0; i < WORDS; i++)
        zero += page[i] == 0;
    return zero;
}

static void test_aliases(void)
{
    volatile uint64_t *private = page_alloc();
    volatile uint64_t *shared = (volatile uint64_t *)SHARED_VA;

    page_map(SHARED_VA, gpa_of((const void *)(uintptr_t) private), PTE_WRITABLE | PTE_NX, false);

    /* What is written privately is ciphertext to everybody else. */
    fill(private, 0x1000);
    CHECK_EQUAL(equal_words(private, 0x1000), WORDS);
    CHECK(equal_words(shared, 0x1000) < 4);
    CHECK(zero_words(shared) < 4);
    CHECK_EQUAL(equal_words(private, 0x1000), WORDS); /* and looking at it changed nothing */

    /* What is written by or for the host is garbage if it is read privately. */
    fill(shared, 0x2000);
    CHECK_EQUAL(equal_words(shared, 0x2000), WORDS);
    CHECK(equal_words(private, 0x2000) < 4);
    CHECK_EQUAL(equal_words(shared, 0x2000), WORDS);
}

/* Equal plaintexts on two pages are not equal ciphertexts. */
static void test_pages_differ(void)
{
    volatile uint64_t *first = page_alloc(), *second = page_alloc();
    volatile uint64_t *first_shared = (volatile uint64_t *)(SHARED_VA + 0x1000);
    volatile uint64_t *second_shared = (volatile uint64_t *)(SHARED_VA + 0x2000);
    unsigned equal = 0;

    page_map(SHARED_VA + 0x1000, gpa_of((const void *)(uintptr_t)first), PTE_NX, false);
    page_map(SHARED_VA + 0x2000, gpa_of((const void *)(uintptr_t)second), PTE_NX, false);
    fill(first, 7);
    fill(second, 7);
    for (unsigned i = 0; i < WORDS; i++)
        equal += first_shared[i] == second_shared[i];
    CHECK(equal < 4);
}

/* sevc_page_share() and back, in the linear map: 2 MiB pages have to be split once. */
static void test_share(void)
{
    volatile uint64_t *page = page_alloc();
    volatile uint64_t *neighbour = page_alloc();
    uint64_t table = gpa_of(page_alloc());
    struct sevc_table_pages tables = { .gpa = &table, .count = 1 };
    struct sevc_mapping mapping;

    fill(neighbour, 0x3000);
    fill(page, 0x4000);
    CHECK_EQUAL(sevc_page_share(&paging, (uint64_t)page, PAGE_BYTES, &tables), SEVC_OK);
    CHECK(sevc_walk(&paging, (uint64_t)page, &mapping) && !mapping.encrypted);
    CHECK(equal_words(page, 0x4000) < 4);
    fill(page, 0x5000);
    CHECK_EQUAL(equal_words(page, 0x5000), WORDS);
    CHECK_EQUAL(equal_words(neighbour, 0x3000), WORDS);

    CHECK_EQUAL(sevc_page_unshare(&paging, (uint64_t)page, PAGE_BYTES, NULL), SEVC_OK);
    CHECK(sevc_walk(&paging, (uint64_t)page, &mapping) && mapping.encrypted);
    CHECK(equal_words(page, 0x5000) < 4);
    fill(page, 0x6000);
    CHECK_EQUAL(equal_words(page, 0x6000), WORDS);
    CHECK_EQUAL(equal_words(neighbour, 0x3000), WORDS);
}

/* A page that QEMU writes by itself (dma.c has the other cases). */
#define FW_CFG_DMA 0x514

struct fw_cfg_dma {
    uint32_t control, length;
    uint64_t address;
};

static void test_device(void)
{
    uint8_t *page = page_alloc();
    uint64_t gpa = gpa_of(page);
    struct fw_cfg_dma *dma = (struct fw_cfg_dma *)page;

    CHECK_EQUAL(sevc_page_share(&paging, (uint64_t)page, PAGE_BYTES, NULL), SEVC_OK);
    memset(page, 0, PAGE_BYTES);
    dma->control = __builtin_bswap32(0x0A); /* select item 0, the signature; read */
    dma->length = __builtin_bswap32(4);
    dma->address = __builtin_bswap64(gpa + 0x100);
    out32(FW_CFG_DMA, __builtin_bswap32((uint32_t)(gpa >> 32)));
    out32(FW_CFG_DMA + 4, __builtin_bswap32((uint32_t)gpa));
    CHECK_EQUAL(dma->control, 0);
    CHECK(memcmp(page + 0x100, "QEMU", 4) == 0);
}

void guest_main(void)
{
    test_aliases();
    test_pages_differ();
    test_share();
    test_device();
}
