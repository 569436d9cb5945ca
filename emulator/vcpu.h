/* SPDX-License-Identifier: MIT */
/*
 * One virtual processor: its VMCB, its registers, its end of the GHCB protocol, and the loop that
 * runs it. There is one for now; everything that several would not share is in struct vcpu.
 */
#ifndef EMULATOR_VCPU_H
#define EMULATOR_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "ghcb_server.h"
#include "report.h"
#include "vmcb.h"

/* Order of the instruction encoding; RAX and RSP are in the VMCB. */
enum gpr { GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI };

struct vcpu {
    uint64_t gpr[16]; /* first: vmrun.S */
    struct vmcb *vmcb;
    uint64_t vmcb_pa;
    unsigned index;

    /* A #VC that the guest's IDT could not take: the note of a triple fault that follows. */
    bool undelivered;
    struct vcpu_where undelivered_at;
    const char *undelivered_why;

    uint64_t halt_rip; /* of the HLT in which the guest last slept (halt.c) */

    struct ghcb_server ghcb;
};

/* The state at entry that boot.c decides; the rest is as docs/emulator.md promises. */
struct vcpu_entry {
    uint64_t rip, rsp, rdi, cr3, gdt;
    uint16_t gdt_limit;
};

struct vcpu *vcpu_create(unsigned index, struct ghcb_platform *platform,
                         const struct vcpu_entry *entry);
_Noreturn void vcpu_loop(struct vcpu *v);

/* Reads FS, GS, TR, LDTR into the VMCB; they stay in the processor otherwise (vmrun.S). */
void vcpu_fetch_hidden(struct vcpu *v);

/* Guest state in a word. Long mode here means 64-bit or compatibility mode. */
struct vcpu_where vcpu_where(const struct vcpu *v);
bool vcpu_long_mode(const struct vcpu *v);
bool vcpu_has_c_bit(const struct vcpu *v); /* paging with 64-bit entries */
unsigned vcpu_cpl(const struct vcpu *v);

/* The monitor has executed the instruction for the guest, single-step trap included. */
void vcpu_advance(struct vcpu *v, unsigned bytes);
/* The guest takes an exception at the current RIP (EVENTINJ, APM vol. 2, 15.20). */
void vcpu_inject(struct vcpu *v, unsigned vector, bool has_error_code, uint32_t error_code);

/* vmrun.S */
void vcpu_world_switch(uint64_t gpr[16], uint64_t vmcb_pa);
void vcpu_load_hidden(uint64_t vmcb_pa);
void vcpu_save_hidden(uint64_t vmcb_pa);

#endif
