/* SPDX-License-Identifier: MIT */
#include "fwcfg.h"

#include "cpu.h"
#include "memory.h"
#include "report.h"
#include "libc.h"

#define PORT_SELECT   0x510
#define PORT_DATA     0x511
#define PORT_DMA_HIGH 0x514
#define PORT_DMA_LOW  0x518

#define SELECT_SIGNATURE 0x00
#define SELECT_ID        0x01
#define SELECT_NB_CPUS   0x05
#define SELECT_DIRECTORY 0x19
#define ID_DMA           (1u << 1)

#define DMA_ERROR  (1u << 0)
#define DMA_READ   (1u << 1)
#define DMA_SKIP   (1u << 2)
#define DMA_SELECT (1u << 3)

/* All big-endian. */
struct dma_request {
    uint32_t control, bytes;
    uint64_t address;
};

struct directory_entry {
    uint32_t bytes;
    uint16_t selector, reserved;
    char name[56];
};

_Static_assert(sizeof(struct directory_entry) == 64, "fw_cfg directory layout");

static void dma(uint32_t control, uint64_t address, uint32_t bytes)
{
    static volatile struct dma_request request;
    uint64_t pa = memory_pa((const void *)&request);

    request.control = __builtin_bswap32(control);
    request.bytes = __builtin_bswap32(bytes);
    request.address = __builtin_bswap64(address);
    cpu_out32(PORT_DMA_HIGH, __builtin_bswap32((uint32_t)(pa >> 32)));
    cpu_out32(PORT_DMA_LOW, __builtin_bswap32((uint32_t)pa));
    /* QEMU serves the request inside the OUT: it is done, or has failed, by now. */
    if (request.control != 0)
        report_end(VERDICT_ERROR, "QEMU's fw_cfg refused a DMA request");
}

void fwcfg_init(void)
{
    static const char signature[4] = "QEMU";

    cpu_out16(PORT_SELECT, SELECT_SIGNATURE);
    for (unsigned i = 0; i < sizeof(signature); i++) {
        if (cpu_in8(PORT_DATA) != (uint8_t)signature[i])
            report_end(VERDICT_ERROR, "no fw_cfg device: run this ROM with QEMU, pc or q35");
    }
    cpu_out16(PORT_SELECT, SELECT_ID);
    if ((cpu_in8(PORT_DATA) & ID_DMA) == 0)
        report_end(VERDICT_ERROR, "fw_cfg without DMA: use machine pc or q35 of QEMU 2.9 or later");
}

unsigned fwcfg_processors(void)
{
    cpu_out16(PORT_SELECT, SELECT_NB_CPUS);
    unsigned low = cpu_in8(PORT_DATA);
    return low | (unsigned)cpu_in8(PORT_DATA) << 8;
}

bool fwcfg_find(const char *name, struct fwcfg_file *file)
{
    static struct directory_entry entry;
    uint32_t count;

    dma((uint32_t)SELECT_DIRECTORY << 16 | DMA_SELECT | DMA_READ, memory_pa(&entry), 4);
    count = __builtin_bswap32(entry.bytes);
    for (uint32_t i = 0; i < count; i++) {
        dma(DMA_READ, memory_pa(&entry), sizeof(entry));
        entry.name[sizeof(entry.name) - 1] = 0;
        if (string_equal(entry.name, name)) {
            file->selector = __builtin_bswap16(entry.selector);
            file->bytes = __builtin_bswap32(entry.bytes);
            return true;
        }
    }
    return false;
}

void fwcfg_read(const struct fwcfg_file *file, uint32_t offset, void *to, uint32_t bytes)
{
    dma((uint32_t)file->selector << 16 | DMA_SELECT | DMA_SKIP, 0, offset);
    dma(DMA_READ, memory_pa(to), bytes);
}
