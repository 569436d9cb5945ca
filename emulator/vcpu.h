/* SPDX-License-Identifier: MIT */
/*
 * One virtual processor: its VMCB, its registers, its end of the GHCB protocol, and the loop that
 * runs it. Everything that several do not share is in struct vcpu.
 */
#ifndef EMULATOR_VCPU_H
#define EMULATOR_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "ghcb_server.h"
#include "hold.h"
#include "lapic.h"
#include "nmi.h"
#include "report.h"
#include "smp.h"
#include "trace.h"
#include "vmcb.h"

#define VCPU_MAX 8

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
    bool asleep;       /* it sleeps there still */
    bool real_iret;    /* real_iret.h */

    struct smp_state smp;
    struct hold hold;
    struct lapic lapic;
    struct nmi nmi;
    struct trace_cpu trace;

    struct ghcb_server ghcb;
};

/* The state at entry that boot.c decides; the rest is as docs/emulator.md promises. */
struct vcpu_entry {
    uint64_t rip, rsp, rdi, rsi, cr3, gdt;
    uint16_t gdt_limit, code_selector, data_selector;
    bool reset;            /* none of the above: at the reset vector (firmware.h) */
    uint16_t park_segment; /* where the others wait, in real mode (boot_ap.c) */
};

/* A processor that has waited since its reset (firmware.h) starts as the firmware's image says. */
void vcpu_start_at(struct vcpu *v, uint64_t cs_base, uint16_t ip);

/* Number 0 starts at the entry, the others where they are parked. */
struct vcpu *vcpu_create(unsigned index, struct ghcb_platform *platform,
                         const struct vcpu_entry *entry);
struct vcpu *vcpu_at(unsigned index);

/* Never returns. Called without the lock, on the processor itself. */
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
void vcpu_take_nmi(void);

#endif
