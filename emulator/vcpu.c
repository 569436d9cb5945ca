/* SPDX-License-Identifier: MIT */
#include "vcpu.h"

#include <sevc/svm.h>

#include "chipset.h"
#include "config.h"
#include "cpu.h"
#include "device.h"
#include "exits.h"
#include "hostile.h"
#include "memory.h"
#include "npt.h"

#define IOPM_BYTES  (3 * PAGE_BYTES)
#define MSRPM_BYTES (2 * PAGE_BYTES)

static struct vcpu vcpus[VCPU_MAX];
static struct vmcb vmcbs[VCPU_MAX];
static uint8_t iopm[IOPM_BYTES] __attribute__((aligned(4096)));
static uint8_t msrpm[MSRPM_BYTES] __attribute__((aligned(4096)));
static uint8_t host_save[VCPU_MAX][PAGE_BYTES] __attribute__((aligned(4096)));

/*
 * What a host intercepts in an SEV-ES guest. PAUSE and interrupts are automatic exits on real
 * hardware and need nothing from the guest, so the emulation lets them through to QEMU; so does
 * HLT, but for halt.c. VMRUN has to be there; its relatives become #UD, as without EFER.SVME. Real
 * NMIs are the monitor's own (smp.h).
 */
static const uint8_t intercepts[] = {
    SEVC_EXIT_RDTSC,   SEVC_EXIT_RDPMC,         SEVC_EXIT_CPUID,    SEVC_EXIT_INVD,
    SEVC_EXIT_IOIO,    SEVC_EXIT_MSR,           SEVC_EXIT_SHUTDOWN, SEVC_EXIT_VMRUN,
    SEVC_EXIT_VMMCALL, SEVC_EXIT_VMLOAD,        SEVC_EXIT_VMSAVE,   SEVC_EXIT_STGI,
    SEVC_EXIT_CLGI,    SEVC_EXIT_SKINIT,        SEVC_EXIT_RDTSCP,   SEVC_EXIT_WBINVD,
    SEVC_EXIT_HLT,     SEVC_EXIT_MONITOR,       SEVC_EXIT_MWAIT,    SEVC_EXIT_INVLPGA,
    SEVC_EXIT_NMI,     VMCB_EXIT_CR0_SEL_WRITE, /* paging on or off chooses the nested root */
};

/* MSRs that reach the processor unseen: part of the VMSA on real hardware, switched there. */
static const uint32_t native_msrs[] = {
    0x174,      0x175,      0x176,                  /* SYSENTER_CS, _ESP, _EIP */
    0xC0000081, 0xC0000082, 0xC0000083, 0xC0000084, /* STAR, LSTAR, CSTAR, SFMASK */
    0xC0000100, 0xC0000101, 0xC0000102,             /* FS_BASE, GS_BASE, KERNEL_GS_BASE */
};

static void permit_msr(uint32_t msr)
{
    uint32_t index = msr < 0x2000 ? msr : 0x2000 + (msr & 0x1FFF);
    msrpm[index / 4] &= (uint8_t) ~(3u << (index % 4 * 2));
}

static void init_permissions(void)
{
    for (unsigned i = 0; i < IOPM_BYTES; i++)
        iopm[i] = 0xFF;
    for (unsigned i = 0; i < MSRPM_BYTES; i++)
        msrpm[i] = 0xFF;
    for (unsigned i = 0; i < sizeof(native_msrs) / sizeof(native_msrs[0]); i++)
        permit_msr(native_msrs[i]);
}

static void init_control(struct vmcb *vmcb)
{
    for (unsigned i = 0; i < sizeof(intercepts); i++)
        vmcb->intercept |= 1ull << (intercepts[i] - SEVC_EXIT_INTR);
    if (config.rdtsc_native)
        vmcb->intercept &= ~(1ull << (SEVC_EXIT_RDTSC - SEVC_EXIT_INTR) |
                             1ull << (SEVC_EXIT_RDTSCP - SEVC_EXIT_INTR));
    vmcb->intercept_dr_read = 1u << 7;
    vmcb->intercept_dr_write = 1u << 7;
    vmcb->iopm_pa = memory_pa(iopm);
    vmcb->msrpm_pa = memory_pa(msrpm);
    vmcb->asid = 1;
    vmcb->nested_control = VMCB_NESTED_PAGING;
    vmcb->nested_cr3 = npt_root(true);
}

static void init_state(struct vmcb *vmcb, const struct vcpu_entry *entry)
{
    const struct vmcb_segment data = { entry->data_selector, 0xC93, 0xFFFFFFFF, 0 };
    const struct vmcb_segment none = { 0, 0, 0, 0 };

    vmcb->cs = (struct vmcb_segment){ entry->code_selector, 0xA9B, 0xFFFFFFFF, 0 };
    vmcb->ds = vmcb->es = vmcb->ss = data;
    vmcb->fs = vmcb->gs = none;
    vmcb->gdtr = (struct vmcb_segment){ 0, 0, entry->gdt_limit, entry->gdt };
    vmcb->ldtr = (struct vmcb_segment){ 0, 0x82, 0, 0 };
    vmcb->tr = (struct vmcb_segment){ 0, 0x8B, 0, 0 };
    vmcb->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME;
    vmcb->cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE;
    vmcb->cr3 = entry->cr3;
    vmcb->cr4 = CR4_PAE;
    vmcb->dr6 = 0xFFFF0FF0;
    vmcb->dr7 = 0x400;
    vmcb->rflags = RFLAGS_FIXED;
    vmcb->rip = entry->rip;
    vmcb->rsp = entry->rsp;
    vmcb->g_pat = 0x0007040600070406;
}

/* As after INIT (APM vol. 2, 14.1.3), at the place where the other processors wait. */
static void init_parked(struct vmcb *vmcb, uint16_t segment)
{
    const struct vmcb_segment data = { 0, 0x93, 0xFFFF, 0 };

    vmcb->cs = (struct vmcb_segment){ segment, 0x9B, 0xFFFF, (uint64_t)segment << 4 };
    vmcb->ds = vmcb->es = vmcb->ss = vmcb->fs = vmcb->gs = data;
    vmcb->gdtr = vmcb->idtr = (struct vmcb_segment){ 0, 0, 0xFFFF, 0 };
    vmcb->ldtr = (struct vmcb_segment){ 0, 0x82, 0xFFFF, 0 };
    vmcb->tr = (struct vmcb_segment){ 0, 0x8B, 0xFFFF, 0 };
    vmcb->efer = EFER_SVME;
    vmcb->cr0 = CR0_ET;
    vmcb->cr3 = 0;
    vmcb->cr4 = 0;
    vmcb->rip = 0;
    vmcb->rsp = 0;
    vmcb->nested_cr3 = npt_root(false);
}

void vcpu_start_at(struct vcpu *v, uint64_t cs_base, uint16_t ip)
{
    v->vmcb->cs.base = cs_base;
    v->vmcb->rip = ip;
}

/* As after power-on (APM vol. 2, 14.1.3). */
static void init_reset(struct vcpu *v)
{
    struct cpuid_regs model;

    init_parked(v->vmcb, 0xF000);
    vcpu_start_at(v, 0xFFFF0000, 0xFFF0);
    device_cpuid(1, 0, 1, 0, &model);
    v->gpr[GPR_RDX] = model.eax;
}

struct vcpu *vcpu_at(unsigned index)
{
    return &vcpus[index];
}

struct vcpu *vcpu_create(unsigned index, struct ghcb_platform *platform,
                         const struct vcpu_entry *entry)
{
    struct vcpu *v = &vcpus[index];

    if (index == 0)
        init_permissions();
    v->index = index;
    v->vmcb = &vmcbs[index];
    v->vmcb_pa = memory_pa(v->vmcb);
    init_control(v->vmcb);
    init_state(v->vmcb, entry);
    if (index == 0) {
        v->gpr[GPR_RDI] = entry->rdi;
        v->gpr[GPR_RSI] = entry->rsi;
    } else {
        init_parked(v->vmcb, entry->park_segment);
    }
    if (entry->reset)
        init_reset(v);
    v->lapic.spurious = 0xFF;
    ghcb_server_init(&v->ghcb, platform);
    return v;
}

/*
 * QEMU empties its TLB and its table of jumps once for each of CR0 and CR4 at VMRUN, and again at
 * the exit, if bits of these differ between guest and monitor. To the monitor none of them means
 * anything: all its pages are its own, writable, and not global.
 */
#define CR0_SHARED CR0_WP
#define CR4_SHARED (CR4_PSE | CR4_PGE | CR4_SMEP | CR4_SMAP)

static void follow_guest(const struct vmcb *vmcb)
{
    uint64_t cr0 = cpu_read_cr0(), cr4 = cpu_read_cr4();

    if (((cr0 ^ vmcb->cr0) & CR0_SHARED) != 0)
        cpu_write_cr0(cr0 ^ CR0_SHARED);
    if (((cr4 ^ vmcb->cr4) & CR4_SHARED) != 0)
        cpu_write_cr4((cr4 & ~(uint64_t)CR4_SHARED) | (vmcb->cr4 & CR4_SHARED));
}

_Noreturn void vcpu_loop(struct vcpu *v)
{
    cpu_wrmsr(MSR_HSAVE_PA, memory_pa(host_save[v->index]));
    chipset_init_processor();
    cpu_clgi();
    vcpu_load_hidden(v->vmcb_pa);
    smp_lock(v);
    for (;;) {
        hold_wait(v);
        hostile_before_run(v);
        nmi_before_run(v);
        follow_guest(v->vmcb);
        smp_enter(v);
        vcpu_world_switch(v->gpr, v->vmcb_pa);
        smp_leave(v);
        report_exit();
        if (!hostile_after_run(v))
            exits_handle(v);
        if (report_violations() != 0 && !config.stop_never)
            report_end(VERDICT_VIOLATION, "stopped at the first");
    }
}

void vcpu_fetch_hidden(struct vcpu *v)
{
    vcpu_save_hidden(v->vmcb_pa);
}

struct vcpu_where vcpu_where(const struct vcpu *v)
{
    return (struct vcpu_where){ v->vmcb->rip, v->vmcb->exit_code, v->index };
}

bool vcpu_long_mode(const struct vcpu *v)
{
    return (v->vmcb->efer & EFER_LMA) != 0;
}

bool vcpu_has_c_bit(const struct vcpu *v)
{
    return (v->vmcb->cr0 & CR0_PG) != 0 && (v->vmcb->cr4 & CR4_PAE) != 0;
}

/* SS.DPL is the CPL; the VMCB's own field is not kept by QEMU at VMRUN. */
unsigned vcpu_cpl(const struct vcpu *v)
{
    return (v->vmcb->ss.attributes & SEGMENT_DPL_MASK) >> SEGMENT_DPL_SHIFT;
}

void vcpu_advance(struct vcpu *v, unsigned bytes)
{
    v->vmcb->rip += bytes;
    v->vmcb->rflags &= ~(uint64_t)RFLAGS_RF;
    v->vmcb->interrupt_shadow = 0;
    if ((v->vmcb->rflags & RFLAGS_TF) != 0) {
        v->vmcb->dr6 |= DR6_BS;
        vcpu_inject(v, VECTOR_DB, false, 0);
    }
}

void vcpu_inject(struct vcpu *v, unsigned vector, bool has_error_code, uint32_t error_code)
{
    v->vmcb->event_injection = vector | SEVC_EVENTINJ_TYPE_EXCEPTION | SEVC_EVENTINJ_VALID |
                               (has_error_code ? SEVC_EVENTINJ_ERROR_CODE_VALID : 0) |
                               (uint64_t)error_code << SEVC_EVENTINJ_ERROR_CODE_SHIFT;
}
