/* SPDX-License-Identifier: MIT */
#include "lapic.h"

#include <stddef.h>

#include "libc.h"
#include "memory.h"
#include "vcpu.h"

#define LAPIC_BASE 0xFEE00000ull

/* Registers: APM vol. 2, 16.3.2, table 16-2. */
#define REG_TPR       0x080
#define REG_EOI       0x0B0
#define REG_LDR       0x0D0
#define REG_DFR       0x0E0
#define REG_SPURIOUS  0x0F0
#define REG_ISR       0x100
#define REG_ICR_LOW   0x300
#define REG_ICR_HIGH  0x310
#define REG_LVT_FIRST 0x320
#define REG_LVT_LAST  0x370
#define REG_TIMER     0x380

#define LVT_MASKED      (1u << 16)
#define SPURIOUS_ENABLE (1u << 8)

#define ICR_MODE_SHIFT 8
#define ICR_LOGICAL    (1u << 11)
#define ICR_BUSY       (1u << 12)
#define ICR_ASSERT     (1u << 14)
#define ICR_SHORTHAND  18
#define ICR_HIGH_SHIFT 24
#define ICR_BROADCAST  0xFFu

enum delivery_mode { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_3, MODE_NMI, MODE_INIT, MODE_SIPI };
enum shorthand { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };

static volatile uint32_t *reg(unsigned offset)
{
    return memory_direct(LAPIC_BASE + offset);
}

/* ---- The monitor's own messages ---- */

static void send(uint32_t high, uint32_t low)
{
    *reg(REG_ICR_HIGH) = high;
    *reg(REG_ICR_LOW) = low;
}

static void send_to(unsigned index, uint32_t mode, uint32_t vector)
{
    send((uint32_t)index << ICR_HIGH_SHIFT, ICR_ASSERT | mode << ICR_MODE_SHIFT | vector);
}

void lapic_send_nmi(unsigned index)
{
    send_to(index, MODE_NMI, 0);
}

void lapic_send_init(unsigned index)
{
    send_to(index, MODE_INIT, 0);
}

void lapic_send_sipi(unsigned index, uint8_t vector)
{
    send_to(index, MODE_SIPI, vector);
}

void lapic_send_fixed(unsigned index, uint8_t vector)
{
    send_to(index, MODE_FIXED, vector);
}

bool lapic_is_enabled(const struct vcpu *v)
{
    return (v->lapic.spurious & SPURIOUS_ENABLE) != 0;
}

/* What waits in IRR cannot be taken back. What is in service is ended. */
void lapic_reset(struct vcpu *v)
{
    for (unsigned lvt = REG_LVT_FIRST; lvt <= REG_LVT_LAST; lvt += 0x10)
        *reg(lvt) = LVT_MASKED;
    *reg(REG_TIMER) = 0;
    for (unsigned word = 0; word < 8; word++) {
        while (*reg(REG_ISR + word * 0x10) != 0)
            *reg(REG_EOI) = 0;
    }
    *reg(REG_TPR) = 0;
    *reg(REG_LDR) = 0;
    *reg(REG_DFR) = 0xFFFFFFFF;
    *reg(REG_SPURIOUS) = 0xFF;
    v->lapic = (struct lapic){ .spurious = 0xFF };
}

/* ---- The guest's ---- */

static bool is_target(const struct vcpu *from, const struct vcpu *v)
{
    uint32_t low = from->lapic.icr_low, to = from->lapic.icr_high >> ICR_HIGH_SHIFT;

    switch ((enum shorthand)(low >> ICR_SHORTHAND & 3)) {
    case TO_SELF:
        return v == from;
    case TO_ALL:
        return true;
    case TO_OTHERS:
        return v != from;
    case TO_DESTINATION:
        break;
    }
    if ((low & ICR_LOGICAL) != 0)
        return (v->lapic.logical_destination >> ICR_HIGH_SHIFT & to) != 0;
    return to == ICR_BROADCAST || to == v->index;
}

static void write_icr(struct vcpu *from)
{
    uint32_t low = from->lapic.icr_low;
    unsigned mode = low >> ICR_MODE_SHIFT & 7;

    if (mode == MODE_FIXED || mode == MODE_LOWEST) {
        send(from->lapic.icr_high, low);
        return;
    }
    for (unsigned i = 0; i < smp_count; i++) {
        struct vcpu *v = vcpu_at(i);
        if (!is_target(from, v))
            continue;
        if (mode == MODE_NMI)
            nmi_request(v);
        else if (mode == MODE_INIT && (low & ICR_ASSERT) != 0)
            hold_init(v, from);
        else if (mode == MODE_SIPI)
            hold_sipi(v, from);
    }
}

/* Where the guest's value of a register is kept; NULL if QEMU's is good enough. */
static uint32_t *shadow(struct vcpu *v, uint64_t gpa, unsigned size)
{
    if (v == NULL || size != 4)
        return NULL;
    switch (gpa - LAPIC_BASE) {
    case REG_ICR_LOW:
        return &v->lapic.icr_low;
    case REG_ICR_HIGH:
        return &v->lapic.icr_high;
    case REG_LDR:
        return &v->lapic.logical_destination;
    case REG_SPURIOUS:
        return &v->lapic.spurious;
    default:
        return NULL;
    }
}

static bool is_icr(uint64_t gpa)
{
    return gpa == LAPIC_BASE + REG_ICR_LOW || gpa == LAPIC_BASE + REG_ICR_HIGH;
}

bool lapic_read(uint64_t gpa, void *data, unsigned size)
{
    uint32_t *value = shadow(smp_current(), gpa, size);

    if (value == NULL || !is_icr(gpa))
        return false;
    memcpy(data, value, sizeof(*value));
    return true;
}

bool lapic_write(uint64_t gpa, const void *data, unsigned size)
{
    struct vcpu *v = smp_current();
    uint32_t *value = shadow(v, gpa, size);

    if (value == NULL)
        return false;
    memcpy(value, data, sizeof(*value));
    if (gpa == LAPIC_BASE + REG_ICR_LOW) {
        *value &= ~ICR_BUSY;
        write_icr(v);
    }
    return is_icr(gpa);
}
