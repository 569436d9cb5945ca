/* SPDX-License-Identifier: MIT */
/*
 * The parameters in the trampoline's page; ap.c asserts that the numbers are those of its
 * structure.
 */
#ifndef SEVC_IDT_AP_TRAMPOLINE_H
#define SEVC_IDT_AP_TRAMPOLINE_H

#define AP_PARAMETERS 256 /* behind the code */

#define AP_GDTR     32
#define AP_TO_32    40
#define AP_TO_64    48
#define AP_CR0      56
#define AP_CR4      60
#define AP_EFER     64
#define AP_FREE     68
#define AP_CR3      72
#define AP_STACK    80
#define AP_ENTRY    88
#define AP_ARGUMENT 96

/* Selectors in the page's GDT; the first two are public (ap.h). */
#define AP_CODE_64 0x08
#define AP_DATA    0x10
#define AP_CODE_32 0x18

#endif
