/* SPDX-License-Identifier: MIT */
/* An access to memory that may be a device's: translated, checked, and not yet done. */
#ifndef SEVC_VC_MMIO_ACCESS_H
#define SEVC_VC_MMIO_ACCESS_H

#include "exception.h"

struct sevc_mmio_access {
    uint64_t va;
    uint64_t gpa;    /* of the first byte; valid if device */
    unsigned bytes;  /* 1, 2, 4, 8 */
    uint8_t segment; /* enum sevc_segment: a bad address in SS is #SS */
    bool write;      /* alone, or after a read */
    bool device;     /* every byte lies on unencrypted pages; false: on encrypted ones */
};

/*
 * May MMIO be emulated at all for this instruction, by policy? SEVC_OK, or SEVC_FORBIDDEN with
 * MMIO_OFF or USER_MMIO. First of all for each kind of NPF exit.
 */
enum sevc_result sevc_mmio_permitted(struct sevc_exception *vc);

/*
 * Fills in bytes, the instruction's, gpa and device of *ACCESS, which the caller has given va, segment
 * and write.
 *
 * SEVC_OK          the processor would let the access through
 * SEVC_EXCEPTION   it would not: #PF, #GP, #SS in the report
 * SEVC_FORBIDDEN   ENCRYPTED_MMIO: partly encrypted; MMIO_RANGE: the GHCB itself, or not allowed
 * SEVC_UNSUPPORTED MMIO_SPLIT: two device pages that are not neighbours
 */
enum sevc_result sevc_mmio_resolve(struct sevc_exception *vc, struct sevc_mmio_access *access);

/*
 * The memory operand of the instruction, which has to be a device's: SEVC_FORBIDDEN,
 * ENCRYPTED_MMIO, if it is not.
 */
enum sevc_result sevc_mmio_operand(struct sevc_exception *vc, bool write,
                                   struct sevc_mmio_access *access);

#endif
