/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include "config.h"
#include "cpu.h"
#include "memory.h"
#include "vcpu.h"

/* IA-PC HPET specification 1.0a, 2.3. */
#define HPET_BASE      0xFED00000ull
#define HPET_BYTES     0x400
#define REG_CAPABILITY 0x000
#define REG_CONFIG     0x010
#define REG_COUNTER    0x0F0
#define REG_TIMER      0x100
#define REG_COMPARATOR 0x108
#define REG_FSB_DATA   0x110
#define REG_FSB_ADDR   0x114

#define CONFIG_ENABLE    (1u << 0)
#define TIMER_INTERRUPT  (1u << 2)
#define TIMER_FSB        (1u << 14)
#define TIMER_FSB_CAN    (1u << 15)
#define QEMU_HPET_VENDOR 0x8086

#define MSI_TO_ALL 0xFEEFF000u /* physical destination FF */
#define MSI_NMI    0x400u

#define TICKS_PER_US 100u /* QEMU's HPET counts 10 ns */
#define NEVER        (~0ull)

static uint64_t random_state;
static uint64_t due_nmi = NEVER, due_irq = NEVER;

static volatile uint32_t *reg(unsigned offset)
{
    return memory_direct(HPET_BASE + offset);
}

static uint64_t now(void)
{
    uint32_t high, low;

    do {
        high = *reg(REG_COUNTER + 4);
        low = *reg(REG_COUNTER);
    } while (high != *reg(REG_COUNTER + 4));
    return (uint64_t)high << 32 | low;
}

/* A xorshift generator. */
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Evenly between now and twice the period. */
static uint64_t next_due(uint64_t from, uint64_t period_us)
{
    return period_us == 0 ? NEVER : from + 1 + next_random() % (2 * period_us * TICKS_PER_US);
}

static void set_alarm(void)
{
    uint64_t due = due_nmi < due_irq ? due_nmi : due_irq;

    *reg(REG_COMPARATOR + 4) = (uint32_t)(due >> 32);
    *reg(REG_COMPARATOR) = (uint32_t)due;
}

static bool wanted(void)
{
    return config.nmi_storm_us != 0 || config.irq_storm_us != 0;
}

void storm_start(void)
{
    if (!wanted())
        return;
    if (*reg(REG_CAPABILITY) >> 16 != QEMU_HPET_VENDOR || (*reg(REG_TIMER) & TIMER_FSB_CAN) == 0)
        report_end(VERDICT_ERROR, "a storm needs QEMU's HPET with MSI: -global hpet.msi=on");
    random_state = (config.seed + 1) * 0x9E3779B97F4A7C15ull; /* not 0 */
    *reg(REG_FSB_DATA) = MSI_NMI;
    *reg(REG_FSB_ADDR) = MSI_TO_ALL;
    *reg(REG_TIMER) = TIMER_INTERRUPT | TIMER_FSB;
    *reg(REG_CONFIG) = CONFIG_ENABLE;
    due_nmi = next_due(now(), config.nmi_storm_us);
    due_irq = next_due(now(), config.irq_storm_us);
    set_alarm();
}

bool storm_reaches(const struct vcpu *v)
{
    return config.nmi_storm_us != 0 && v->nmi.armed && !v->hold.held;
}

static void send_nmis(void)
{
    for (unsigned i = 0; i < smp_count; i++) {
        if (storm_reaches(vcpu_at(i)))
            nmi_request(vcpu_at(i));
    }
}

static void send_irqs(void)
{
    for (unsigned i = 0; i < smp_count; i++) {
        const struct vcpu *v = vcpu_at(i);
        if (v->nmi.armed && !v->hold.held && lapic_is_enabled(v))
            lapic_send_fixed(i, config.irq_vector);
    }
}

void storm_tick(void)
{
    if (!wanted())
        return;
    uint64_t time = now();
    if (time < due_nmi && time < due_irq)
        return; /* a kick, or another processor was faster */
    if (time >= due_nmi) {
        send_nmis();
        due_nmi = next_due(time, config.nmi_storm_us);
    }
    if (time >= due_irq) {
        send_irqs();
        due_irq = next_due(time, config.irq_storm_us);
    }
    set_alarm();
}

bool storm_owns(uint64_t gpa)
{
    return wanted() && gpa >= HPET_BASE && gpa < HPET_BASE + HPET_BYTES;
}
