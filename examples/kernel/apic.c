/* SPDX-License-Identifier: MIT */
/* The local APIC, its timer, and the HPET: memory-mapped devices. */
#include "io.h"
#include "kernel.h"

#define MSR_APIC_BASE     0x1B
#define APIC_BASE_ADDRESS 0xFFFFFF000ull

#define APIC_EOI       0x0B0
#define APIC_SPURIOUS  0x0F0
#define APIC_ICR_LOW   0x300
#define APIC_ICR_HIGH  0x310
#define APIC_LVT_TIMER 0x320
#define APIC_INITIAL   0x380
#define APIC_DIVIDE    0x3E0

#define SPURIOUS_ENABLE    0x100
#define LVT_MASKED         0x10000
#define LVT_PERIODIC       0x20000
#define DIVIDE_BY_1        0xB
#define TICKS_PER_US       1000 /* QEMU's local APIC counts nanoseconds */
#define PIC_MASTER_DATA    0x21
#define PIC_SLAVE_DATA     0xA1
#define HPET_GPA           0xFED00000
#define HPET_CAPABILITIES  0x000
#define HPET_CONFIGURATION 0x010
#define HPET_COUNTER       0x0F0
#define HPET_ENABLE        1

static volatile uint8_t *apic;
static volatile uint8_t *hpet;
static volatile unsigned ticks;

/* doc: mmio */
uint32_t apic_read(unsigned reg)
{
    return mmio_read32(apic + reg);
}

void apic_write(unsigned reg, uint32_t value)
{
    mmio_write32(apic + reg, value);
}
/* doc: end */

void apic_init(void)
{
    apic = mmio_map(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS, PAGE_BYTES);
    hpet = mmio_map(HPET_GPA, PAGE_BYTES);
    out8(PIC_MASTER_DATA, 0xFF); /* the old interrupt controllers are not used */
    out8(PIC_SLAVE_DATA, 0xFF);
    apic_enable();
}

void apic_enable(void)
{
    apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}

void apic_send(unsigned id, uint32_t command)
{
    apic_write(APIC_ICR_HIGH, id << 24);
    apic_write(APIC_ICR_LOW, command);
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

static void timer_interrupt(struct sevc_trap *trap, unsigned vector)
{
    (void)trap;
    (void)vector;
    ticks++;
    apic_write(APIC_EOI, 0); /* #VC in an interrupt handler: an ordinary one */
}

void apic_timer_start(uint32_t microseconds)
{
    ticks = 0;
    interrupt_set(VECTOR_TIMER, timer_interrupt);
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
    apic_write(APIC_INITIAL, microseconds * TICKS_PER_US);
}

void apic_timer_stop(void)
{
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_INITIAL, 0);
}

unsigned apic_ticks(void)
{
    return ticks;
}

uint64_t hpet_capabilities(void)
{
    uint64_t value;

    __asm__ volatile("movq %1, %0"
                     : "=r"(value)
                     : "m"(*(const volatile uint64_t *)(hpet + HPET_CAPABILITIES)));
    return value;
}

void hpet_start(void)
{
    mmio_write32(hpet + HPET_CONFIGURATION, mmio_read32(hpet + HPET_CONFIGURATION) | HPET_ENABLE);
}

uint32_t hpet_counter(void)
{
    return mmio_read32(hpet + HPET_COUNTER);
}
