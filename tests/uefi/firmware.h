/* SPDX-License-Identifier: MIT */
/*
 * Firmware for the tests of src/uefi: an IDT, page tables that map the GHCB of the scripted host at
 * an address of their own, and what SIDT and the control registers say. One at a time.
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <sevc/uefi.h>

#include "scripted_host.h"

#define FIRMWARE_C_BIT 51
#define FIRMWARE_CS    0x38
#define DEVICE         0x200000ull /* two megabytes of a device */
#define DEVICE_GPA     0xFEC00000ull
#define FIRMWARE_ENTRY 0x0000123456789ABCull /* of its gate 29; of gate n: 16 * (29 - n) below */

struct firmware {
    struct scripted_host host;
    struct sevc_idt_gate gates[SEVC_UEFI_IDT_GATES];
    uint64_t (*tables)[512]; /* PML4, PDP, PD, PT of the GHCB's address */
    uint64_t *ghcb_entry;    /* its last level */
    uint64_t other_gpa; /* another processor's GHCB, and where it is mapped, as the first one is */
    uint64_t *other_entry;
    uint64_t cr4;
    uint64_t code; /* physical address of the page behind the GHCB: instructions for the tests */
    struct sevc_uefi uefi;
    struct sevc_uefi_config config;
    struct sevc_report report;
    /* What sevc_os_raise() was given. */
    unsigned raised;
    enum sevc_result raised_result;
};
extern struct firmware firmware;

/* An SEV-ES guest with firmware that serves #VC; its GHCB is as its last use has left it. */
void firmware_start(void);

/*
 * Its end: every exchange that was expected has taken place. firmware_start() calls it for the
 * firmware before, if there is one; as cmocka's teardown it serves the last of a test.
 */
int firmware_finish(void **state);

/* The IDT in force. */
struct sevc_uefi_idtr firmware_idtr(void);
uint64_t firmware_gate_target(const struct sevc_idt_gate *gate);

/* sevc_uefi_enter() that must succeed, its negotiation answered. */
void firmware_enter(void);

/* Everything is as firmware_start() has left it: IDTR, gates, MSR, interrupt flag. */
void firmware_assert_untouched(void);

#endif
