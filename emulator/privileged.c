/* SPDX-License-Identifier: MIT */
#include "privileged.h"

#include <stddef.h>

#include <sevc/svm.h>

#include "cpu.h"
#include "deliver.h"
#include "hostile.h"
#include "insn.h"
#include "npt.h"
#include "real_iret.h"
#include "vcpu.h"

#define SEV_STATUS_VALUE (SEVC_STATUS_SEV | SEVC_STATUS_SEV_ES)
#define EFER_WRITABLE    (EFER_SCE | EFER_LME | EFER_NXE | EFER_FFXSR)

#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)

/* Each returns false for #GP(0). */
static bool read_virtual(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case SEVC_MSR_GHCB:
        hostile_before_msr_read(v);
        *value = ghcb_server_read_msr(&v->ghcb);
        return true;
    case SEVC_MSR_SEV_STATUS:
        *value = SEV_STATUS_VALUE;
        return true;
    default:
        *value = v->vmcb->efer & ~(uint64_t)EFER_SVME;
        return true;
    }
}

static bool write_virtual(struct vcpu *v, uint32_t msr, uint64_t value)
{
    if (msr == SEVC_MSR_GHCB) {
        ghcb_server_write_msr(&v->ghcb, value);
        return true;
    }
    if (msr == SEVC_MSR_SEV_STATUS)
        return false;

    uint64_t efer = v->vmcb->efer;
    if ((value & ~(uint64_t)(EFER_WRITABLE | EFER_LMA)) != 0)
        return false;
    if (((value ^ efer) & EFER_LME) != 0 && (v->vmcb->cr0 & CR0_PG) != 0)
        return false;
    v->vmcb->efer = (value & EFER_WRITABLE) | (efer & EFER_LMA) | EFER_SVME;
    return true;
}

void privileged_msr(struct vcpu *v)
{
    uint32_t msr = (uint32_t)v->gpr[GPR_RCX];
    bool write = v->vmcb->exit_info1 != 0, done;
    struct insn insn;
    uint64_t value;

    if (msr != SEVC_MSR_GHCB && msr != SEVC_MSR_SEV_STATUS && msr != MSR_EFER) {
        deliver_vc(v, SEVC_EXIT_MSR);
        return;
    }
    if (!insn_fetch(v, &insn))
        return; /* another processor has unmapped it: let the guest fault by itself */
    if (write) {
        value = v->gpr[GPR_RDX] << 32 | (uint32_t)v->vmcb->rax;
        done = write_virtual(v, msr, value);
    } else {
        done = read_virtual(v, msr, &value);
    }
    if (!done) {
        vcpu_inject(v, VECTOR_GP, true, 0);
        return;
    }
    if (!write) {
        v->vmcb->rax = (uint32_t)value;
        v->gpr[GPR_RDX] = value >> 32;
    }
    report_log(REPORT_ALL, "msr cpu=%u %s=0x%x value=0x%llx rip=0x%llx", v->index,
               write ? "write" : "read", msr, (unsigned long long)value,
               (unsigned long long)v->vmcb->rip);
    vcpu_advance(v, insn.prefixes + 2u);
}

static uint64_t read_gpr(const struct vcpu *v, unsigned number)
{
    if (number == GPR_RAX)
        return v->vmcb->rax;
    return number == GPR_RSP ? v->vmcb->rsp : v->gpr[number];
}

/* The value that MOV to CR0 or LMSW (register form) would write; CLTS changes TS only. */
static bool new_cr0(const struct vcpu *v, const struct insn *insn, uint64_t *value,
                    unsigned *length)
{
    static const uint8_t mov[] = { 0x0F, 0x22 }, lmsw[] = { 0x0F, 0x01 };
    uint64_t cr0 = v->vmcb->cr0;
    uint8_t modrm = insn->bytes[insn->prefixes + 2u];
    unsigned rm = (modrm & 7u) | ((insn->rex & 1u) << 3);

    *length = insn->prefixes + 3u;
    if (insn_is(insn, mov, 2)) {
        *value = read_gpr(v, rm);
        return true;
    }
    if (insn_is(insn, lmsw, 2) && (modrm & 0xF8) == 0xF0) {
        /* LMSW can set PE but not clear it (APM vol. 3). */
        *value = (cr0 & ~0xEull) | (read_gpr(v, rm) & 0xF);
        return true;
    }
    return false;
}

void privileged_write_cr0(struct vcpu *v)
{
    struct vmcb *vmcb = v->vmcb;
    struct insn insn;
    uint64_t value;
    unsigned length;

    if (!insn_fetch(v, &insn))
        return;
    if (insn.prefixes + 3u > insn.count || !new_cr0(v, &insn, &value, &length))
        report_end(VERDICT_ERROR, "a write to CR0 at rip=0x%llx that the monitor cannot decode",
                   (unsigned long long)vmcb->rip);

    bool paging = (value & CR0_PG) != 0, was_paging = (vmcb->cr0 & CR0_PG) != 0;
    bool in_64_bit = vcpu_long_mode(v) && (vmcb->cs.attributes & SEGMENT_L) != 0;
    bool bad =
        value >> 32 != 0 || (paging && (value & CR0_PE) == 0) ||
        ((value & CR0_NW) != 0 && (value & CR0_CD) == 0) || (!paging && was_paging && in_64_bit) ||
        (paging && !was_paging && (vmcb->efer & EFER_LME) != 0 && (vmcb->cr4 & CR4_PAE) == 0);
    if (bad) {
        vcpu_inject(v, VECTOR_GP, true, 0);
        return;
    }
    if (!paging)
        vmcb->efer &= ~(uint64_t)EFER_LMA;
    else if ((vmcb->efer & EFER_LME) != 0)
        vmcb->efer |= EFER_LMA;
    if ((value & CR0_PE) == 0 && (vmcb->cr0 & CR0_PE) != 0)
        real_iret_expect(v);
    vmcb->cr0 = value | CR0_ET;
    vmcb->nested_cr3 = npt_root(vcpu_has_c_bit(v));
    vcpu_advance(v, length);
}
