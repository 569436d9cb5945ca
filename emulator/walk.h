/* SPDX-License-Identifier: MIT */
/*
 * The one software walker: every access of the monitor to guest memory by linear address. It sees
 * memory as the guest's processor would: page tables decrypted, data by the C-bit of its mapping,
 * accessed and dirty bits set, page faults with the error code that the guest has to be told.
 */
#ifndef EMULATOR_WALK_H
#define EMULATOR_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;

enum walk_result {
    WALK_OK,
    WALK_PAGE_FAULT,    /* walk_fault says what the guest would be told */
    WALK_OUTSIDE_RAM,   /* a table or the data is no RAM: only a broken guest does that */
    WALK_NOT_CANONICAL, /* no address at all */
};

struct walk_fault {
    uint64_t address; /* CR2 */
    uint32_t error_code;
};

/* What an instruction of the guest's accesses: not asked is whether RFLAGS.AC opens SMAP to it. */
#define WALK_EXPLICIT (1u << 31)

/*
 * access: PF_W for a write, PF_U for an access with user rights, PF_ID for a fetch, WALK_EXPLICIT.
 * Without the last it is one that the processor makes by itself, for an exception say. Accesses may
 * cross pages. Nothing is written before all pages have been found writable.
 */
enum walk_result walk_read(struct vcpu *v, uint64_t va, unsigned access, void *to, size_t bytes,
                           struct walk_fault *fault);
enum walk_result walk_write(struct vcpu *v, uint64_t va, unsigned access, const void *from,
                            size_t bytes, struct walk_fault *fault);

/* Whether it is an address of the guest's present mode (APM vol. 2, 1.1.3: long mode only). */
bool walk_is_canonical(const struct vcpu *v, uint64_t va);

/* Where a linear address leads, if that is RAM, mapped with the C-bit. gpa: without the bit. */
bool walk_encrypted(struct vcpu *v, uint64_t va, uint64_t *gpa);

#endif
