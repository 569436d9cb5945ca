/* SPDX-License-Identifier: MIT */
/*
 * Stock firmware as the guest (opt/sevc/firmware): where its image and its flash are in the guest's
 * memory, and that it starts at the reset vector.
 *
 * As on KVM: the image ends at 4 GiB; its code is encrypted memory that cannot be written, its
 * variables are flash. The flash chip is QEMU's own (pflash unit 1), which lies right below the
 * monitor's ROM; the guest sees it at the image's start.
 */
#ifndef EMULATOR_FIRMWARE_H
#define EMULATOR_FIRMWARE_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* After memory_locate(): looks for the image. Result: its bytes; 0 if there is none. */
uint64_t firmware_find(void);

bool firmware_is_present(void);

/* After view_init(): copies the image, and shows it to the guest. */
void firmware_load(void);

/* Whether the address is in the image, variables included. */
bool firmware_owns(uint64_t gpa);

/* The decrypted byte at this address of the code, and those behind it up to the end of its page. */
const void *firmware_content(uint64_t gpa);

/*
 * A nested fault there. Result: false if it is the guest's: a device access.
 * fetch: an instruction fetch or a page-table walk, which decrypt whatever the C-bit.
 */
bool firmware_fault(uint64_t gpa, bool encrypted, bool fetch);

/* The flash, as a device. gpa is firmware_owns(). */
void firmware_read(uint64_t gpa, void *data, unsigned size);
void firmware_write(uint64_t gpa, const void *data, unsigned size);

/* Where the other processors start: CS base and IP, from the image (OVMF's SEV-ES reset block). */
bool firmware_ap_start(uint64_t *cs_base, uint16_t *ip);

#endif
