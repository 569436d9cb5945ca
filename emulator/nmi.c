/* SPDX-License-Identifier: MIT */
#include "nmi.h"

#include <sevc/svm.h>

#include "config.h"
#include "cpu.h"
#include "halt.h"
#include "vcpu.h"

#define INTERCEPT_IRET (1ull << (SEVC_EXIT_IRET - SEVC_EXIT_INTR))

void nmi_request(struct vcpu *v)
{
    struct nmi *n = &v->nmi;

    if (v->hold.held) {
        n->lost++;
        report_log(REPORT_EVENTS, "nmi cpu=%u lost: in AP reset hold", v->index);
        return;
    }
    if (n->kept) {
        n->merged++;
        return;
    }
    n->kept = true;
    n->sent++;
    if (v != smp_current())
        smp_kick(v);
}

void nmi_before_run(struct vcpu *v)
{
    struct vmcb *vmcb = v->vmcb;
    struct nmi *n = &v->nmi;

    if (!n->kept || n->in_flight)
        return;
    if ((vmcb->event_injection & SEVC_EVENTINJ_VALID) != 0) {
        smp_kick(v); /* one event at a time: the other first, then an exit at once */
        return;
    }
    halt_wake(v);
    vmcb->event_injection = VECTOR_NMI | SEVC_EVENTINJ_TYPE_NMI | SEVC_EVENTINJ_VALID;
    vmcb->interrupt_shadow = 0;
    n->kept = false;
    n->in_flight = true;
    n->returned = false;
    n->rsp = vmcb->rsp;
    n->chained = n->chain_next;
    n->chain_next = false;
    vmcb->intercept |= INTERCEPT_IRET;
    report_log(REPORT_EXITS, "nmi cpu=%u rip=0x%llx", v->index, (unsigned long long)vmcb->rip);
}

/* We need no more of them; a recorder may want the next one. */
static void release_iret(struct vcpu *v)
{
    if (v->trace.pending != 0)
        v->vmcb->intercept |= INTERCEPT_IRET;
    else
        v->vmcb->intercept &= ~INTERCEPT_IRET;
}

static void open_window(struct vcpu *v)
{
    struct nmi *n = &v->nmi;

    n->in_flight = false;
    n->completed++;
    n->armed = true;
    release_iret(v);
    if (!config.nmi_immediate || n->chained)
        return;
    n->chain_next = true;
    nmi_request(v);
}

void nmi_complete(struct vcpu *v)
{
    if (v->nmi.in_flight) {
        open_window(v);
        return;
    }
    v->nmi.idle_completes++;
    v->nmi.armed = true;
}

bool nmi_waits_for_iret(const struct vcpu *v)
{
    return v->nmi.in_flight && !v->nmi.returned;
}

/*
 * The window opens behind the IRET, and not before: the processor executes it, with the trap flag
 * set, and comes back. The IRET loads RFLAGS: a trap flag that is set behind it is the guest's, and
 * traps behind the next instruction (APM vol. 2, 13.1.4). One that was set before it traps here.
 *
 * Where only NMI_COMPLETE opens it, an IRET tells whether the handler has ended: it takes RSP back
 * to where the NMI has found it. Those of #VC inside the handler lead to places below, or elsewhere.
 */
void nmi_iret(struct vcpu *v)
{
    v->nmi.stepping = true;
    v->nmi.dr6 = v->vmcb->dr6;
    v->nmi.trap_flag = (v->vmcb->rflags & RFLAGS_TF) != 0;
    v->vmcb->rflags |= RFLAGS_TF;
    v->vmcb->intercept_exceptions |= 1u << VECTOR_DB;
    v->vmcb->intercept &= ~INTERCEPT_IRET;
}

static void end_step(struct vcpu *v)
{
    v->nmi.stepping = false;
    v->vmcb->dr6 = v->nmi.dr6;
    v->vmcb->intercept_exceptions &= ~(1u << VECTOR_DB);
}

void nmi_abandon_step(struct vcpu *v)
{
    if (!v->nmi.stepping)
        return;
    end_step(v);
    if (!v->nmi.trap_flag)
        v->vmcb->rflags &= ~(uint64_t)RFLAGS_TF;
    v->vmcb->intercept |= INTERCEPT_IRET;
}

void nmi_stepped(struct vcpu *v)
{
    if (!v->nmi.stepping)
        report_end(VERDICT_ERROR, "unexpected #DB at rip=0x%llx (a bug)",
                   (unsigned long long)v->vmcb->rip);
    end_step(v);
    if (v->nmi.trap_flag) { /* this #DB was the guest's as well */
        v->vmcb->dr6 |= DR6_BS;
        vcpu_inject(v, VECTOR_DB, false, 0);
    }
    release_iret(v);
    if (!v->nmi.in_flight) /* NMI_COMPLETE has been faster */
        return;
    if (config.nmi_window_iret)
        open_window(v);
    else if (v->vmcb->rsp == v->nmi.rsp)
        v->nmi.returned = true;
    else
        v->vmcb->intercept |= INTERCEPT_IRET;
}

void nmi_disarm(struct vcpu *v)
{
    v->nmi.armed = false;
}

void nmi_reset(struct vcpu *v)
{
    struct nmi *n = &v->nmi;

    n->dropped += (uint64_t)n->kept + (uint64_t)n->in_flight;
    n->kept = n->in_flight = n->chained = n->chain_next = n->armed = n->returned = false;
    v->vmcb->intercept &= ~INTERCEPT_IRET;
}

static bool has_forgotten(const struct nmi *n)
{
    return n->in_flight && n->returned && n->kept;
}

const char *nmi_forgotten(char *to)
{
    char *end = to;

    _Static_assert(VCPU_MAX <= 10 && 2 * VCPU_MAX < NMI_FORGOTTEN_BYTES, "one digit each");
    for (unsigned i = 0; i < smp_count; i++) {
        if (!has_forgotten(&vcpu_at(i)->nmi))
            continue;
        if (end != to)
            *end++ = ',';
        *end++ = (char)('0' + i);
    }
    *end = 0;
    return to;
}

void nmi_report(void)
{
    for (unsigned i = 0; i < smp_count; i++) {
        const struct nmi *n = &vcpu_at(i)->nmi;
        if (n->sent + n->lost + n->idle_completes == 0)
            continue;
        report_line("nmi cpu=%u sent=%llu completed=%llu pending=%u merged=%llu lost=%llu "
                    "dropped=%llu idle-completes=%llu window=%s kept=%u%s",
                    i, (unsigned long long)n->sent, (unsigned long long)n->completed,
                    (unsigned)n->kept + (unsigned)n->in_flight, (unsigned long long)n->merged,
                    (unsigned long long)n->lost, (unsigned long long)n->dropped,
                    (unsigned long long)n->idle_completes, n->in_flight ? "closed" : "open",
                    (unsigned)n->kept, has_forgotten(n) ? " NMI_COMPLETE is missing" : "");
    }
}
