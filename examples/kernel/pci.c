/* SPDX-License-Identifier: MIT */
/* PCI configuration space through ports CF8 and CFC. */
#include "io.h"
#include "kernel.h"

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC
#define ENABLE         0x80000000u

#define REG_ID     0x00
#define REG_CLASS  0x08
#define REG_HEADER 0x0C
#define MULTI      0x00800000u /* of REG_HEADER: the device has several functions */
#define NOTHING    0xFFFFFFFFu

static void select(unsigned bus, unsigned device, unsigned function, unsigned reg)
{
    out32(CONFIG_ADDRESS, ENABLE | bus << 16 | device << 11 | function << 8 | (reg & 0xFC));
}

uint32_t pci_read(unsigned bus, unsigned device, unsigned function, unsigned reg)
{
    select(bus, device, function, reg);
    return in32(CONFIG_DATA);
}

void pci_write(unsigned bus, unsigned device, unsigned function, unsigned reg, uint32_t value)
{
    select(bus, device, function, reg);
    out32(CONFIG_DATA, value);
}

static unsigned list_function(unsigned device, unsigned function)
{
    uint32_t id = pci_read(0, device, function, REG_ID);

    if (id == NOTHING)
        return 0;
    kprintf("  00:%02x.%u  %04x:%04x  class %04x\n", device, function, id & 0xFFFF, id >> 16,
            pci_read(0, device, function, REG_CLASS) >> 16);
    return 1;
}

/* Lists bus 0; returns how many functions were found. */
unsigned pci_list(void)
{
    unsigned found = 0;

    for (unsigned device = 0; device < 32; device++) {
        unsigned functions = 1;
        if (pci_read(0, device, 0, REG_ID) == NOTHING)
            continue;
        if ((pci_read(0, device, 0, REG_HEADER) & MULTI) != 0)
            functions = 8;
        for (unsigned function = 0; function < functions; function++)
            found += list_function(device, function);
    }
    return found;
}
