/* SPDX-License-Identifier: MIT */
/*
 * struct sevc_trap and the head of struct sevc_vc_stack, as the entry stubs build and find them.
 * dispatch.c asserts that the numbers are those of the structures.
 */
#ifndef SEVC_IDT_FRAME_H
#define SEVC_IDT_FRAME_H

/* What the processor has pushed, seen from RSP at the first instruction of a stub. */
#define ENTRY_RIP   8
#define ENTRY_CS    16
#define ENTRY_BYTES 48

/* struct sevc_trap */
#define TRAP_R15   120
#define TRAP_RIP   136
#define TRAP_BYTES 176

/* struct sevc_vc_stack */
#define STACK_CPU     0
#define STACK_TSS_IST 8

/* A level whose top lies lower than this has no room for a level below it: the slot stays. */
#define VC_LOWEST_LEVEL_TOP (SEVC_VC_LEVEL_BYTES + 256)

/* struct sevc_nmi_stack. The copy of the frame, a struct sevc_trap, ends below STATE. */
#define NMI_STACK_CPU 0
#define NMI_STATE     (SEVC_NMI_STACK_BYTES - 256)
#define NMI_RUNNING   NMI_STATE
#define NMI_WAITING   (NMI_STATE + 8)
#define NMI_TRAP      (NMI_STATE - TRAP_BYTES)

/* Of an NMI, which has no error code, the processor pushes RIP, CS, RFLAGS, RSP, SS. */
#define NMI_FRAME_BYTES 40

#endif
