/* SPDX-License-Identifier: MIT */
/*
 * What each NAE event does, but for those that move data (ghcb_data.c): further rules on its
 * values, and its answer. Results are cut to what the instruction itself would write.
 */
#include "device.h"
#include "ghcb_internal.h"

#include <sevc/svm.h>

/* DR7 (APM vol. 2, 13.1.1.4): bit 10 reads as one; 11, 12, 14 and 15 must be zero. */
#define DR7_FIXED    0x400u
#define DR7_RESERVED 0xD800u

/* KVM's answers to a hypercall that it does not know, and to one from user mode. */
#define KVM_ENOSYS 1000
#define KVM_EPERM  1

#define VECTOR_GP 13

static uint32_t field32(const struct ghcb_call *call, unsigned offset)
{
    return (uint32_t)ghcb_field(call, offset);
}

#define IN32(reg) field32(call, SEVC_GHCB_OFF_##reg)

static void put_pair(struct ghcb_call *call, uint64_t value)
{
    call->out[OUT_RAX] = (uint32_t)value;
    call->out[OUT_RDX] = value >> 32;
}

void ghcb_reply_gp(struct ghcb_call *call)
{
    call->reply_info1 = SEVC_REPLY_EXCEPTION;
    call->reply_info2 = SEVC_EVENTINJ_VALID | SEVC_EVENTINJ_ERROR_CODE_VALID |
                        SEVC_EVENTINJ_TYPE_EXCEPTION | VECTOR_GP;
}

/* ---- CPUID ---- */

void check_cpuid(struct ghcb_call *call)
{
    if (ghcb_is_valid(call, SEVC_GHCB_OFF_XCR0) && (ghcb_field(call, SEVC_GHCB_OFF_XCR0) & 1) == 0)
        GHCB_BROKE(call, RULE_XCR0, "XCR0 is 0x%lx; bit 0 is set in every XCR0",
                   ghcb_field(call, SEVC_GHCB_OFF_XCR0));
}

void serve_cpuid(struct ghcb_call *call)
{
    struct cpuid_regs r = { 0 };
    uint64_t xcr0 = 1;
    uint64_t xss = 0;

    if (ghcb_is_valid(call, SEVC_GHCB_OFF_XCR0))
        xcr0 = ghcb_field(call, SEVC_GHCB_OFF_XCR0);
    if (ghcb_is_valid(call, SEVC_GHCB_OFF_XSS))
        xss = ghcb_field(call, SEVC_GHCB_OFF_XSS);
    device_cpuid(IN32(RAX), IN32(RCX), xcr0, xss, &r);
    call->out[OUT_RAX] = r.eax;
    call->out[OUT_RBX] = r.ebx;
    call->out[OUT_RCX] = r.ecx;
    call->out[OUT_RDX] = r.edx;
}

/* ---- MSRs, counters ---- */

void check_msr(struct ghcb_call *call)
{
    uint32_t msr = IN32(RCX);

    if (msr == SEVC_MSR_GHCB || msr == SEVC_MSR_SEV_STATUS)
        GHCB_BROKE(call, RULE_NEVER_INTERCEPTED, "MSR 0x%x is the guest's own to %s", msr,
                   msr == SEVC_MSR_GHCB ? "access" : "read");
}

void serve_rdmsr(struct ghcb_call *call)
{
    uint64_t value = 0;

    if (device_rdmsr(IN32(RCX), &value))
        put_pair(call, value);
    else
        ghcb_reply_gp(call);
}

void serve_wrmsr(struct ghcb_call *call)
{
    if (!device_wrmsr(IN32(RCX), (uint64_t)IN32(RDX) << 32 | IN32(RAX)))
        ghcb_reply_gp(call);
}

void serve_rdpmc(struct ghcb_call *call)
{
    uint64_t value = 0;

    if (device_pmc(IN32(RCX), &value))
        put_pair(call, value);
    else
        ghcb_reply_gp(call);
}

void serve_rdtsc(struct ghcb_call *call)
{
    put_pair(call, device_tsc());
}

void serve_rdtscp(struct ghcb_call *call)
{
    put_pair(call, device_tsc());
    call->out[OUT_RCX] = device_tsc_aux();
}

/* ---- Debug register 7 ---- */

void check_dr7_write(struct ghcb_call *call)
{
    uint32_t value = IN32(RAX);

    if ((value & DR7_RESERVED) != 0 || (value & DR7_FIXED) == 0)
        GHCB_BROKE(call, RULE_DR7, "0x%x is no DR7: bit 10 is one, 11, 12, 14 and 15 are zero",
                   value);
}

/* Sources disagree on where the value returns, in RAX or in DR7: it is in both. */
void serve_dr7_read(struct ghcb_call *call)
{
    call->out[OUT_RAX] = call->s->dr7;
    call->out[OUT_DR7] = call->s->dr7;
}

void serve_dr7_write(struct ghcb_call *call)
{
    call->s->dr7 = IN32(RAX);
}

/* ---- MONITOR, VMMCALL ---- */

void check_monitor(struct ghcb_call *call)
{
    uint64_t gpa = ghcb_field(call, SEVC_GHCB_OFF_RAX);

    if (ghcb_bad_gpa(call, gpa, 1))
        GHCB_BROKE(call, RULE_GPA, "MONITOR takes a guest-physical address in RAX: 0x%lx", gpa);
}

void check_vmmcall(struct ghcb_call *call)
{
    unsigned cpl = call->s->copy[SEVC_GHCB_OFF_CPL];

    if (cpl > 3)
        GHCB_BROKE(call, RULE_CPL, "CPL is %u", cpl);
}

void serve_vmmcall(struct ghcb_call *call)
{
    int64_t error = call->s->copy[SEVC_GHCB_OFF_CPL] == 0 ? -KVM_ENOSYS : -KVM_EPERM;

    call->out[OUT_RAX] = (uint64_t)error;
}

/* ---- Processors ---- */

void serve_nmi_complete(struct ghcb_call *call)
{
    call->outcome = GHCB_NMI_COMPLETE;
}

/* The answer is written by ghcb_server_wake(). */
void serve_ap_reset_hold(struct ghcb_call *call)
{
    call->outcome = GHCB_RESET_HOLD;
}

void check_jump_table_set(struct ghcb_call *call)
{
    uint64_t gpa = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO2);

    if (ghcb_bad_gpa(call, gpa, SEVC_GHCB_SIZE))
        GHCB_BROKE(call, RULE_GPA, "the AP jump table is a page, but SW_EXITINFO2 is 0x%lx", gpa);
}

void serve_jump_table_set(struct ghcb_call *call)
{
    call->s->platform->jump_table_gpa = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO2);
}

void serve_jump_table_get(struct ghcb_call *call)
{
    call->reply_info2 = call->s->platform->jump_table_gpa;
}

/* ---- Hypervisor features, termination ---- */

void serve_hv_features(struct ghcb_call *call)
{
    call->reply_info2 = call->s->platform->hv_features;
}

void serve_terminate(struct ghcb_call *call)
{
    uint64_t reason = ghcb_field(call, SEVC_GHCB_OFF_SW_EXITINFO1);

    call->s->request.term_set = reason & 0xF;
    call->s->request.term_code = (reason >> 4) & 0xFF;
    call->outcome = GHCB_TERMINATED;
}
