/* SPDX-License-Identifier: MIT */
/*
 * The platform as a guest sees it through its GHCB: CPUID policy, MSRs, ports, memory-mapped
 * devices, time. The GHCB server calls these and nothing else of the monitor, so its unit tests
 * replace this file on the host.
 *
 * No function here reads guest registers or guest memory: what a request needs is in its
 * arguments, because the host of an SEV-ES guest sees nothing but the GHCB.
 */
#ifndef EMULATOR_DEVICE_H
#define EMULATOR_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

/* The C-bit of this platform, and how many physical address bits encryption takes away. */
#define DEVICE_C_BIT               47
#define DEVICE_PHYS_BITS_REDUCTION 1

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

/*
 * What the guest's CPUID answers. XCR0 and XSS are the guest's own, as sent in the GHCB; they
 * matter for leaf 0xD only (send 1 and 0 for the others, and for requests by MSR protocol).
 */
void device_cpuid(uint32_t leaf, uint32_t subleaf, uint64_t xcr0, uint64_t xss,
                  struct cpuid_regs *out);

/* false: there is no such MSR, or not this value; the guest is to take #GP(0). */
bool device_rdmsr(uint32_t msr, uint64_t *value);
bool device_wrmsr(uint32_t msr, uint64_t value);

/*
 * Port access of 1, 2 or 4 bytes. Values are zero-extended. A write to the exit port (0xf4) ends
 * the run, but only when the monitor next asks: the VMGEXIT that made it is still counted.
 */
uint32_t device_in(uint16_t port, unsigned size);
void device_out(uint16_t port, unsigned size, uint32_t value);

/* Whether this byte is RAM of the guest's: no device is there. gpa is without the C-bit. */
bool device_is_guest_ram(uint64_t gpa);

/*
 * Access to a memory-mapped device, 1 to 8 bytes. gpa is without the
 * C-bit. false: RAM, the monitor, or beyond the address space; a real host would look in vain too.
 */
bool device_mmio_read(uint64_t gpa, void *data, unsigned size);
bool device_mmio_write(uint64_t gpa, const void *data, unsigned size);

uint64_t device_tsc(void);
uint32_t device_tsc_aux(void);

/* false: no such counter; the guest is to take #GP(0). */
bool device_pmc(uint32_t index, uint64_t *value);

/* ---- For the monitor, not for the GHCB server ---- */

/* A host learns CR4 from the automatic CR4 write trap; CPUID shows two bits of it. */
void device_note_cr4(uint64_t cr4);

enum device_stop { DEVICE_RUNNING, DEVICE_EXIT, DEVICE_RESET, DEVICE_POWER_OFF };

/* Whether a port access has ended the run. value: what was written to the exit port. */
enum device_stop device_stop_request(uint32_t *value);

#endif
