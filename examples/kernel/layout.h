/* SPDX-License-Identifier: MIT */
/* Addresses and selectors that C, assembly and the linker script share. */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#define KERNEL_GPA    0x200000           /* where the image is loaded: a 2 MiB page of its own */
#define KERNEL_BYTES  0x200000           /* of that page: image, stacks, GHCBs, heap, all we have */
#define KERNEL_OFFSET 0xFFFFFFFF80000000 /* virtual minus physical address of the image */
#define LINEAR_MAP    0xFFFF800000000000 /* RAM, encrypted */
#define MMIO_MAP      0xFFFF900000000000 /* devices, C=0 */
#define USER_CODE     0x400000
#define USER_STACK    0x800000 /* the top of one page */

/* Selectors. The first two are those that the boot contract enters with. */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_DS   0x1B
#define USER_CS   0x23
#define TSS       0x28

#define TSS_RSP0 8 /* offset in struct tss */

#define VC_IST  1 /* the slot of the #VC stack */
#define NMI_IST 2 /* of the NMI stack; 3 to 7 are free */

#define MAX_CPUS      8
#define AP_TRAMPOLINE 0x8000 /* a page below 1 MiB that is free RAM */

/* Ports of the platform (docs/emulator.md). */
#define PORT_EXIT   0xF4 /* 0: success; other values: failure */
#define PORT_DEBUG  0xE9 /* a console without registers */
#define PORT_UART   0x3F8
#define PORT_FW_CFG 0x510 /* selector; data at the next port */

/* Vectors. */
#define VECTOR_GP        13
#define VECTOR_PF        14
#define VECTOR_USER_EXIT 0x30 /* the only gate that user mode may use */
#define VECTOR_TIMER     0x40
#define VECTOR_COMMAND   0x41 /* to another processor: look at your command */
#define VECTOR_STORM     0xE0 /* docs/emulator.md: irq-storm */
#define VECTOR_SPURIOUS  0xFF

#endif
