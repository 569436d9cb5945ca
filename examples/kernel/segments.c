/* SPDX-License-Identifier: MIT */
/* GDT and TSS. The selectors of the kernel's code and data are those that the loader used. */
#include "kernel.h"

struct tss tss;

#define CODE     0x00209A0000000000ull /* 64-bit, present */
#define DATA     0x0000920000000000ull
#define DPL3     0x0000600000000000ull
#define TSS_TYPE 0x0000890000000000ull /* available 64-bit TSS */

#define TSS_BYTES 104 /* of the processor's structure */

_Static_assert(offsetof(struct tss, rsp) == TSS_RSP0, "user.S knows it");
_Static_assert(offsetof(struct tss, ist[1]) == 4 + 0x24, "APM vol. 2, 12.2.5");
_Static_assert(offsetof(struct tss, iomap) == 4 + 0x66, "APM vol. 2, 12.2.5");

static uint64_t gdt[GDT_WORDS];

static const uint64_t segments[GDT_WORDS] = {
    [KERNEL_CS / 8] = CODE,
    [KERNEL_DS / 8] = DATA,
    [USER_DS / 8] = DATA | DPL3,
    [USER_CS / 8] = CODE | DPL3,
};

void segments_load(uint64_t *table, struct tss *task)
{
    uint64_t base = (uint64_t)&task->reserved_0;
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr = { sizeof(segments) - 1, (uint64_t)table };

    memcpy(table, segments, sizeof(segments));
    task->iomap = TSS_BYTES; /* no I/O permission bitmap: user mode has no ports */
    table[TSS / 8] =
        TSS_TYPE | (TSS_BYTES - 1) | (base & 0xFFFFFF) << 16 | (base >> 24 & 0xFF) << 56;
    table[TSS / 8 + 1] = base >> 32;

    __asm__ volatile("lgdt %0\n\t"
                     "ltr %w1\n\t"
                     "movl %2, %%ds\n\t"
                     "movl %2, %%es\n\t"
                     "movl %2, %%ss\n\t"
                     "movl %3, %%fs\n\t"
                     "movl %3, %%gs"
                     :
                     : "m"(gdtr), "r"(TSS), "r"(KERNEL_DS), "r"(0)
                     : "memory");
}

void segments_init(void)
{
    segments_load(gdt, &tss);
}
