/* SPDX-License-Identifier: MIT */
/*
 * Every exit, in one table. Most are non-automatic: the processor of an SEV-ES guest turns them
 * into #VC and the host never sees them (APM vol. 2, 15.35.4). The others are the host's.
 */
#include "exits.h"

#include <stddef.h>

#include <sevc/svm.h>

#include "config.h"
#include "cpu.h"
#include "deliver.h"
#include "device.h"
#include "halt.h"
#include "hostile.h"
#include "insn.h"
#include "memory.h"
#include "npf.h"
#include "privileged.h"
#include "real_iret.h"
#include "trace.h"
#include "vcpu.h"
#include "view.h"

/* QEMU's code is the right one: reflect it. */
static void exit_reflect(struct vcpu *v)
{
    deliver_vc(v, (uint32_t)v->vmcb->exit_code);
}

/* Pairs of instructions to which QEMU gives the code of the first; the opcode decides. */
static void exit_reflect_by_opcode(struct vcpu *v)
{
    static const struct {
        uint32_t qemu, real;
        uint8_t opcode[3], bytes;
    } pairs[] = {
        { SEVC_EXIT_RDTSC, SEVC_EXIT_RDTSCP, { 0x0F, 0x01, 0xF9 }, 3 },
        { SEVC_EXIT_WBINVD, SEVC_EXIT_INVD, { 0x0F, 0x08 }, 2 },
    };
    struct insn insn;
    uint32_t code = (uint32_t)v->vmcb->exit_code;

    if (insn_fetch(v, &insn)) {
        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
            if (pairs[i].qemu == code && insn_is(&insn, pairs[i].opcode, pairs[i].bytes)) {
                code = pairs[i].real;
                break;
            }
        }
    }
    deliver_vc(v, code);
}

/* The GHCB, if the MSR names a page of guest RAM in its shared view. */
static uint8_t *ghcb_page(uint64_t gpa)
{
    if ((gpa & PAGE_MASK) != 0 || !memory_is_guest_ram(gpa) || !view_shows(gpa, VIEW_SHARED))
        return NULL;
    return memory_direct(gpa);
}

/*
 * A processor has one GHCB: an interrupt handler that raised #VC would find it half filled, or take
 * the reply away. No host can tell, so it is the guest's own loss: of a bug that shows once a week.
 */
static void judge_interrupts(const struct vcpu *v, const struct vcpu_where *where)
{
    if ((v->vmcb->rflags & RFLAGS_IF) == 0 || (config.allow & GHCB_ALLOW_INTERRUPTS_ON) != 0)
        return;
    report_violation(where, "interrupts-on", "a GHCB is handed over while interrupts are on");
}

static void exit_vmgexit(struct vcpu *v, const struct insn *insn)
{
    struct vcpu_where where = vcpu_where(v);
    const struct ghcb_request *request = &v->ghcb.request;
    uint64_t gpa = 0, msr = v->ghcb.msr;
    uint8_t *page = NULL;

    where.exit_code = SEVC_EXIT_VMGEXIT;
    if (ghcb_server_wants_page(&v->ghcb, &gpa)) {
        judge_interrupts(v, &where);
        page = ghcb_page(gpa);
    }
    device_note_cr4(v->vmcb->cr4);
    trace_sent(v, gpa, page);
    hostile_before_service(v, page, &where);
    enum ghcb_outcome outcome = ghcb_server_vmgexit(&v->ghcb, page, &where);
    if (request->msr_protocol)
        report_vmgexit_msr(&where, msr);
    else
        report_vmgexit_page(&where, request->code, request->info1, request->info2);

    hostile_after_service(v, page, &where, &outcome);
    if (outcome != GHCB_RESET_HOLD) /* whose answer comes later */
        trace_returned(v, gpa, page);
    vcpu_advance(v, insn->prefixes + 3u);
    switch (outcome) {
    case GHCB_RESUME:
        break;
    case GHCB_NMI_COMPLETE:
        nmi_complete(v);
        break;
    case GHCB_TERMINATED:
        report_end(VERDICT_TERMINATED, "set=%u code=%u", request->term_set, request->term_code);
    case GHCB_RESET_HOLD:
        hold_enter(v);
        break;
    case GHCB_VIOLATION:
        report_end(VERDICT_VIOLATION, "stopped at the first");
    }
}

/* F3 0F 01 D9 and F2 0F 01 D9 are VMGEXIT; without the prefix it is VMMCALL. */
static void exit_vmmcall(struct vcpu *v)
{
    static const uint8_t opcode[] = { 0x0F, 0x01, 0xD9 };
    struct insn insn;

    if (insn_fetch(v, &insn) && insn.rep && insn_is(&insn, opcode, sizeof(opcode)))
        exit_vmgexit(v, &insn);
    else
        exit_reflect(v);
}

/* EFER.SVME is hidden from the guest, but set: what it would make possible is undefined. */
static void exit_undefined(struct vcpu *v)
{
    vcpu_inject(v, VECTOR_UD, false, 0);
}

/* Three may wait for it: a way to real mode, whoever records, and an NMI's window. */
static void exit_iret(struct vcpu *v)
{
    if (!real_iret_handle(v) && !trace_iret(v))
        nmi_iret(v);
}

static void exit_shutdown(struct vcpu *v)
{
    const struct vcpu_where *at = &v->undelivered_at;

    if (v->undelivered)
        report_end(VERDICT_TRIPLE_FAULT, "#VC 0x%llx at rip=0x%llx with no handler (%s)",
                   (unsigned long long)at->exit_code, (unsigned long long)at->rip,
                   v->undelivered_why);
    report_end(VERDICT_TRIPLE_FAULT, "at rip=0x%llx", (unsigned long long)v->vmcb->rip);
}

static void exit_invalid(struct vcpu *v)
{
    report_end(VERDICT_ERROR,
               "QEMU refused the guest's state at rip=0x%llx cr0=0x%llx cr3=0x%llx cr4=0x%llx",
               (unsigned long long)v->vmcb->rip, (unsigned long long)v->vmcb->cr0,
               (unsigned long long)v->vmcb->cr3, (unsigned long long)v->vmcb->cr4);
}

#define EXIT_INVALID 0xFFFFFFFF

static const struct {
    uint32_t first, last;
    void (*handle)(struct vcpu *v);
} exits[] = {
    { SEVC_EXIT_VMMCALL, SEVC_EXIT_VMMCALL, exit_vmmcall }, /* most frequent first */
    { SEVC_EXIT_MSR, SEVC_EXIT_MSR, privileged_msr },
    { SEVC_EXIT_NPF, SEVC_EXIT_NPF, npf_handle },
    { SEVC_EXIT_CPUID, SEVC_EXIT_CPUID, exit_reflect },
    { SEVC_EXIT_IOIO, SEVC_EXIT_IOIO, exit_reflect },
    { SEVC_EXIT_RDTSC, SEVC_EXIT_RDTSC, exit_reflect_by_opcode },
    { SEVC_EXIT_RDTSCP, SEVC_EXIT_RDTSCP, exit_reflect },
    { SEVC_EXIT_RDPMC, SEVC_EXIT_RDPMC, exit_reflect },
    { SEVC_EXIT_INVD, SEVC_EXIT_INVD, exit_reflect },
    { SEVC_EXIT_WBINVD, SEVC_EXIT_WBINVD, exit_reflect_by_opcode },
    { SEVC_EXIT_MONITOR, SEVC_EXIT_MWAIT, exit_reflect },
    { SEVC_EXIT_READ_DR7, SEVC_EXIT_READ_DR7, exit_reflect },
    { SEVC_EXIT_WRITE_DR7, SEVC_EXIT_WRITE_DR7, exit_reflect },
    { VMCB_EXIT_CR0_SEL_WRITE, VMCB_EXIT_CR0_SEL_WRITE, privileged_write_cr0 },
    { SEVC_EXIT_HLT, SEVC_EXIT_HLT, halt_handle },
    { SEVC_EXIT_INTR, SEVC_EXIT_INTR, halt_interrupted },
    { SEVC_EXIT_NMI, SEVC_EXIT_NMI, halt_kicked }, /* taken already: smp_leave() */
    { SEVC_EXIT_IRET, SEVC_EXIT_IRET, exit_iret },
    { SEVC_EXIT_DB, SEVC_EXIT_DB, nmi_stepped },
    { SEVC_EXIT_VMRUN, SEVC_EXIT_VMRUN, exit_undefined },
    { SEVC_EXIT_VMLOAD, SEVC_EXIT_SKINIT, exit_undefined },
    { SEVC_EXIT_INVLPGA, SEVC_EXIT_INVLPGA, exit_undefined },
    { SEVC_EXIT_SHUTDOWN, SEVC_EXIT_SHUTDOWN, exit_shutdown },
    { EXIT_INVALID, EXIT_INVALID, exit_invalid },
};

static void end_if_asked(void)
{
    uint32_t value;

    switch (device_stop_request(&value)) {
    case DEVICE_RUNNING:
        return;
    case DEVICE_RESET:
        report_end(VERDICT_ERROR, "the guest reset the machine");
    case DEVICE_POWER_OFF:
        report_end(VERDICT_SUCCESS, "the guest powered off");
    case DEVICE_EXIT:
        if (value == 0)
            report_end(VERDICT_SUCCESS, "%s", "");
        report_end(VERDICT_FAILURE, "code=%u", value);
    }
}

/* Elsewhere the guest has got over a #VC that had no handler: what it dies of later is not that. */
static void forget_undelivered(struct vcpu *v)
{
    if (v->vmcb->rip != v->undelivered_at.rip)
        v->undelivered = false;
}

void exits_handle(struct vcpu *v)
{
    uint64_t code = v->vmcb->exit_code;

    forget_undelivered(v);
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        if (code >= exits[i].first && code <= exits[i].last) {
            exits[i].handle(v);
            end_if_asked();
            return;
        }
    }
    report_end(VERDICT_ERROR, "unexpected exit 0x%llx at rip=0x%llx (a bug)",
               (unsigned long long)code, (unsigned long long)v->vmcb->rip);
}
