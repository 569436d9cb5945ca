/* SPDX-License-Identifier: MIT */
/*
 * The local APIC is QEMU's and the guest's, but for what the host of an SEV-ES guest has to do
 * itself: INIT, SIPI and NMI (APM vol. 2, 16.5; docs/emulator.md, "Several processors").
 */
#ifndef EMULATOR_LAPIC_H
#define EMULATOR_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* What the guest has last written: the monitor uses the real ICR for itself. */
struct lapic {
    uint32_t icr_low, icr_high;
    uint32_t logical_destination;
    uint32_t spurious; /* the enable bit is in it */
};

/*
 * Accesses of the guest on its own processor. Result: false if the access is QEMU's business.
 */
bool lapic_read(uint64_t gpa, void *data, unsigned size);
bool lapic_write(uint64_t gpa, const void *data, unsigned size);

bool lapic_is_enabled(const struct vcpu *v);

/* As after INIT, for the processor that calls. */
void lapic_reset(struct vcpu *v);

/* From the calling processor's real local APIC to that of processor number index. */
void lapic_send_nmi(unsigned index);
void lapic_send_init(unsigned index);
void lapic_send_sipi(unsigned index, uint8_t vector);
void lapic_send_fixed(unsigned index, uint8_t vector);

#endif
