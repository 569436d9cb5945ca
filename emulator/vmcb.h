/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine control block (APM vol. 2, appendix B), as far as QEMU's SVM implements it:
 * there is no next-RIP save and no decode assist on any of its models.
 */
#ifndef EMULATOR_VMCB_H
#define EMULATOR_VMCB_H

#include <stddef.h>
#include <stdint.h>

struct vmcb_segment {
    uint16_t selector;
    uint16_t attributes; /* SEGMENT_* */
    uint32_t limit;
    uint64_t base;
};

/* Descriptor bits 40-47 and 52-55, closed up to twelve bits (APM vol. 2, 15.5.1). */
#define SEGMENT_TYPE_MASK  0x00Fu
#define SEGMENT_ACCESSED   0x001u
#define SEGMENT_CONFORMING 0x004u /* of code */
#define SEGMENT_CODE       0x008u
#define SEGMENT_S          0x010u /* code or data */
#define SEGMENT_DPL_SHIFT  5
#define SEGMENT_DPL_MASK   0x060u
#define SEGMENT_P          0x080u
#define SEGMENT_L          0x200u
#define SEGMENT_DB         0x400u
#define SEGMENT_G          0x800u

/*
 * A write to CR0 that changes more than TS and MP (APM vol. 2, 15.9). EDK2 writes CR0 at the end
 * of each exception, unchanged: intercepting all of it makes a fifth of its exits.
 */
#define VMCB_EXIT_CR0_SEL_WRITE 0x065

struct vmcb {
    uint16_t intercept_cr_read, intercept_cr_write;
    uint16_t intercept_dr_read, intercept_dr_write;
    uint32_t intercept_exceptions;
    uint64_t intercept; /* bit n: exit code SEVC_EXIT_INTR + n */
    uint8_t reserved_014[0x040 - 0x014];
    uint64_t iopm_pa;
    uint64_t msrpm_pa;
    uint64_t tsc_offset;
    uint32_t asid;
    uint32_t tlb_control;
    uint64_t virtual_interrupt;
    uint64_t interrupt_shadow;
    uint64_t exit_code;
    uint64_t exit_info1;
    uint64_t exit_info2;
    uint64_t exit_int_info;
    uint64_t nested_control;
    uint8_t reserved_098[0x0A8 - 0x098];
    uint64_t event_injection;
    uint64_t nested_cr3;
    uint8_t reserved_0b8[0x400 - 0x0B8];

    struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved_4a0[0x4CB - 0x4A0];
    uint8_t cpl;
    uint32_t reserved_4cc;
    uint64_t efer;
    uint8_t reserved_4d8[0x548 - 0x4D8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved_580[0x5D8 - 0x580];
    uint64_t rsp;
    uint8_t reserved_5e0[0x5F8 - 0x5E0];
    uint64_t rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t cr2;
    uint8_t reserved_648[0x668 - 0x648];
    uint64_t g_pat;
    uint8_t reserved_670[0x1000 - 0x670];
} __attribute__((packed, aligned(4096)));

#define VMCB_NESTED_PAGING (1ull << 0)

/* EXITINFO1 of a nested page fault, besides the page fault error code (APM vol. 2, 15.25.6). */
#define VMCB_NPF_FINAL (1ull << 32)
#define VMCB_NPF_WALK  (1ull << 33)

_Static_assert(offsetof(struct vmcb, intercept) == 0x00C, "VMCB layout");
_Static_assert(offsetof(struct vmcb, iopm_pa) == 0x040, "VMCB layout");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "VMCB layout");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "VMCB layout");
_Static_assert(offsetof(struct vmcb, nested_control) == 0x090, "VMCB layout");
_Static_assert(offsetof(struct vmcb, nested_cr3) == 0x0B0, "VMCB layout");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "VMCB layout");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "VMCB layout");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4CB, "VMCB layout");
_Static_assert(offsetof(struct vmcb, efer) == 0x4D0, "VMCB layout");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "VMCB layout");
_Static_assert(offsetof(struct vmcb, rax) == 0x5F8, "VMCB layout");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "VMCB layout");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668, "VMCB layout");
_Static_assert(sizeof(struct vmcb) == 4096, "VMCB layout");

#endif
