/* SPDX-License-Identifier: MIT */
#include "trap.h"

#include "cpu.h"
#include "layout.h"
#include "report.h"

struct gate {
    uint16_t offset_low, selector;
    uint16_t attributes; /* IST and type */
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

_Static_assert(sizeof(struct gate) == 16, "gate layout");

#define GATE_INTERRUPT 0x8E00

static struct gate idt[32];

void trap_init(void)
{
    for (unsigned i = 0; i < 32; i++) {
        uint64_t address = i == VECTOR_NMI ? (uint64_t)trap_nmi : (uint64_t)trap_stubs[i];
        idt[i] = (struct gate){
            (uint16_t)address,         LAYOUT_CS, GATE_INTERRUPT, (uint16_t)(address >> 16),
            (uint32_t)(address >> 32), 0
        };
    }
    trap_load();
}

void trap_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

_Noreturn void trap_unexpected(const struct trap_frame *frame)
{
    uint64_t cr2;

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    report_end(
        VERDICT_ERROR,
        "the monitor itself took exception %llu (error code 0x%llx, rip 0x%llx, cr2 0x%llx): "
        "a bug, please report it",
        (unsigned long long)frame->vector, (unsigned long long)frame->error_code,
        (unsigned long long)frame->rip, (unsigned long long)cr2);
}
