/* SPDX-License-Identifier: MIT */
#include "chipset.h"

#include <stddef.h>

#include "cpu.h"

#define PCI_ADDRESS 0xCF8
#define PCI_DATA    0xCFC
#define PCI_ENABLE  (1u << 31)

#define PM_BASE       0x600 /* what other firmware for QEMU chooses */
#define PM_BASE_MASK  0xFFC0u
#define PM_BASE_IS_IO 1u
#define PM1_CONTROL   4 /* offset from the base */

#define PM1_SLEEP_TYPE(value) ((value) >> 10 & 7)
#define PM1_SLEEP_ENABLE      (1u << 13)
#define SLEEP_TYPE_S5         0 /* of QEMU's _S5 */

#define MTRR_ENABLE     (1u << 11)
#define MTRR_FIXED      (1u << 10)
#define MTRR_WRITE_BACK 6

/* The function that holds the power management registers, and the switch that turns them on. */
static const struct board {
    uint32_t id; /* device, vendor */
    uint8_t device, function;
    uint8_t base_register, enable_register, enable;
} boards[] = {
    { 0x29188086, 31, 0, 0x40, 0x44, 0x80 }, /* q35: ICH9 LPC, PMBASE and ACPI_CNTL */
    { 0x71138086, 1, 3, 0x40, 0x80, 0x01 },  /* pc: PIIX4, PMBA and PMREGMISC */
};

/* Whether there is no other firmware. */
static bool is_ours;

/* The guest may be between its own write of the address and its access to the data. */
static uint32_t select(const struct board *b, uint8_t reg)
{
    uint32_t before = cpu_in32(PCI_ADDRESS);

    cpu_out32(PCI_ADDRESS,
              PCI_ENABLE | (uint32_t)b->device << 11 | (uint32_t)b->function << 8 | (reg & 0xFCu));
    return before;
}

static uint32_t read32(const struct board *b, uint8_t reg)
{
    uint32_t before = select(b, reg);
    uint32_t value = cpu_in32(PCI_DATA);

    cpu_out32(PCI_ADDRESS, before);
    return value;
}

static void write32(const struct board *b, uint8_t reg, uint32_t value)
{
    uint32_t before = select(b, reg);

    cpu_out32(PCI_DATA, value);
    cpu_out32(PCI_ADDRESS, before);
}

static const struct board *find_board(void)
{
    for (size_t i = 0; i < sizeof(boards) / sizeof(boards[0]); i++) {
        if (read32(&boards[i], 0) == boards[i].id)
            return &boards[i];
    }
    return NULL;
}

void chipset_init(void)
{
    const struct board *b = find_board();

    is_ours = true;
    if (b == NULL)
        return;
    write32(b, b->base_register, PM_BASE | PM_BASE_IS_IO);
    write32(b, b->enable_register, read32(b, b->enable_register) | b->enable);
}

void chipset_init_processor(void)
{
    if (is_ours)
        cpu_wrmsr(MSR_MTRR_DEFAULT, MTRR_ENABLE | MTRR_FIXED | MTRR_WRITE_BACK);
}

bool chipset_is_power_off(uint16_t port, unsigned size, uint32_t value)
{
    if (size < 2 || (value & PM1_SLEEP_ENABLE) == 0 || PM1_SLEEP_TYPE(value) != SLEEP_TYPE_S5)
        return false;
    const struct board *b = find_board();
    if (b == NULL || (read32(b, b->enable_register) & b->enable) == 0)
        return false;
    return port == (read32(b, b->base_register) & PM_BASE_MASK) + PM1_CONTROL;
}
