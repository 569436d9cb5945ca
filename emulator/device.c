/* SPDX-License-Identifier: MIT */
/* Ports, memory-mapped devices and time: handed on to QEMU, but for what belongs to the monitor. */
#include "device.h"

#include <stddef.h>

#include "chipset.h"
#include "cpu.h"
#include "firmware.h"
#include "hide.h"
#include "lapic.h"
#include "mark.h"
#include "memory.h"
#include "storm.h"
#include "libc.h"

#define PORT_EXIT     0x0F4
#define PORT_REPORT   0x505
#define PORT_KEYBOARD 0x064
#define PORT_FAST_A20 0x092
#define PORT_RESET    0xCF9

#define TPM_BASE    0xFED40000ull /* TCG PC client platform TPM profile, 6.2 */
#define TPM_BYTES   0x5000u
#define TPM_DID_VID 0xF00u

static enum device_stop stop;
static uint32_t stop_value;

/* The first one counts: OUTS goes on with the elements behind it. */
static void request_stop(enum device_stop why, uint32_t value)
{
    if (stop != DEVICE_RUNNING)
        return;
    stop = why;
    stop_value = value;
}

/* A port access that QEMU must not see, or that ends the run. */
enum port_effect { PORT_HIDDEN, PORT_ENDS_RUN, PORT_RESETS };

static const struct {
    uint16_t port;
    enum port_effect effect;
    uint8_t mask, value; /* PORT_RESETS: for these writes only */
} special_ports[] = {
    { PORT_EXIT, PORT_ENDS_RUN, 0, 0 },         { PORT_REPORT, PORT_HIDDEN, 0, 0 },
    { PORT_KEYBOARD, PORT_RESETS, 0xFF, 0xFE }, { PORT_FAST_A20, PORT_RESETS, 0x01, 0x01 },
    { PORT_RESET, PORT_RESETS, 0x04, 0x04 },
};

static uint32_t all_ones(unsigned size)
{
    return size == 4 ? 0xFFFFFFFF : (1u << size * 8) - 1;
}

uint32_t device_in(uint16_t port, unsigned size)
{
    if (port == PORT_EXIT || port == PORT_REPORT)
        return all_ones(size);
    if (size == 1)
        return hide_in(port, cpu_in8(port));
    return size == 2 ? cpu_in16(port) : cpu_in32(port);
}

/* Result: true if the write is dealt with. */
static bool out_special(uint16_t port, uint32_t value)
{
    for (size_t i = 0; i < sizeof(special_ports) / sizeof(special_ports[0]); i++) {
        if (special_ports[i].port != port)
            continue;
        switch (special_ports[i].effect) {
        case PORT_HIDDEN:
            return true;
        case PORT_ENDS_RUN:
            request_stop(DEVICE_EXIT, value);
            return true;
        case PORT_RESETS:
            if ((value & special_ports[i].mask) != special_ports[i].value)
                return false;
            request_stop(DEVICE_RESET, 0);
            return true;
        }
    }
    return false;
}

void device_out(uint16_t port, unsigned size, uint32_t value)
{
    if (out_special(port, value))
        return;
    if (chipset_is_power_off(port, size, value)) {
        request_stop(DEVICE_POWER_OFF, 0);
        return;
    }
    mark_note_out(port, size, value);
    hide_before_out(port, value);
    if (size == 1)
        cpu_out8(port, (uint8_t)value);
    else if (size == 2)
        cpu_out16(port, (uint16_t)value);
    else
        cpu_out32(port, value);
    hide_after_out(port);
}

enum device_stop device_stop_request(uint32_t *value)
{
    *value = stop_value;
    return stop;
}

bool device_is_guest_ram(uint64_t gpa)
{
    return memory_is_guest_ram(gpa);
}

static bool is_device(uint64_t gpa)
{
    return gpa >> DEVICE_C_BIT == 0 && !memory_is_guest_ram(gpa) && !memory_is_monitor(gpa);
}

/* NULL: no device can be there. The access may run into the next page, if that is a device's too. */
static volatile void *mmio_pointer(uint64_t gpa, unsigned size)
{
    if (size == 0 || size > 8 || !is_device(gpa) || !is_device(gpa + size - 1))
        return NULL;
    return gpa + size <= LAYOUT_DIRECT_BYTES ? memory_direct(gpa) : memory_far(gpa);
}

/* Firmware waits for half a minute if what is not there does not answer with ones. */
static bool is_absent_tpm(uint64_t gpa)
{
    if (gpa < TPM_BASE || gpa >= TPM_BASE + TPM_BYTES)
        return false;
    return *(volatile uint32_t *)memory_direct(TPM_BASE + TPM_DID_VID) == 0;
}

/* One access of the guest's own size, because devices tell sizes apart. */
bool device_mmio_read(uint64_t gpa, void *data, unsigned size)
{
    volatile void *at = mmio_pointer(gpa, size);
    uint8_t *bytes = data;

    if (at == NULL)
        return false;
    if (lapic_read(gpa, data, size))
        return true;
    if (firmware_owns(gpa)) {
        firmware_read(gpa, data, size);
        return true;
    }
    if (memory_is_rom(gpa) || storm_owns(gpa) || is_absent_tpm(gpa)) {
        memset(data, 0xFF, size); /* kernels look for tables there */
        return true;
    }
    if (size == 8)
        *(uint64_t *)data = *(volatile uint64_t *)at;
    else if (size == 4)
        *(uint32_t *)data = *(volatile uint32_t *)at;
    else if (size == 2)
        *(uint16_t *)data = *(volatile uint16_t *)at;
    else
        for (unsigned i = 0; i < size; i++)
            bytes[i] = ((volatile uint8_t *)at)[i];
    return true;
}

bool device_mmio_write(uint64_t gpa, const void *data, unsigned size)
{
    volatile void *at = mmio_pointer(gpa, size);
    const uint8_t *bytes = data;

    if (at == NULL)
        return false;
    if (lapic_write(gpa, data, size) || storm_owns(gpa))
        return true;
    if (firmware_owns(gpa)) {
        firmware_write(gpa, data, size);
        return true;
    }
    if (size == 8)
        *(volatile uint64_t *)at = *(const uint64_t *)data;
    else if (size == 4)
        *(volatile uint32_t *)at = *(const uint32_t *)data;
    else if (size == 2)
        *(volatile uint16_t *)at = *(const uint16_t *)data;
    else
        for (unsigned i = 0; i < size; i++)
            ((volatile uint8_t *)at)[i] = bytes[i];
    return true;
}

uint64_t device_tsc(void)
{
    return cpu_rdtsc();
}

uint32_t device_tsc_aux(void)
{
    return (uint32_t)cpu_rdmsr(MSR_TSC_AUX);
}

/* The platform reports no performance counters in CPUID, and has none. */
bool device_pmc(uint32_t index, uint64_t *value)
{
    *value = 0;
    return index < 4; /* the four that every AMD64 processor decodes (APM vol. 2, 13.2) */
}
